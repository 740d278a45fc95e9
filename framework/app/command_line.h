// What a command takes, as a table, and what a command line gave it. The table makes the
// help page, the checks and the "did you mean".
#pragma once

#include <map>
#include <string>
#include <vector>

namespace bitsweep {

struct OptionInfo {
  std::string name;   // "jobs"
  std::string value;  // "N" in the help; "" for a switch
  std::string help;
  bool repeated = false;
  bool required = false;
};

struct PositionalInfo {
  std::string name;  // "STUDY"
  std::string help;
  bool required = true;
  bool repeated = false;  // the last of them: one or more
};

/// What stands behind a command's name.
struct Syntax {
  std::string command;  // "run", "bench train"
  std::string summary;  // one line, for the list of commands
  std::vector<PositionalInfo> positionals;
  std::vector<OptionInfo> options;
};

/// The words of a command line, sorted by the syntax. The getters' numbers are checked
/// when asked for; a mistake is a ConfigError that names the option.
class Arguments {
 public:
  /// Throws ConfigError for unknown, repeated, valueless or missing options and for too
  /// few or too many positionals.
  Arguments(const Syntax& syntax, const std::vector<std::string>& words);

  const std::string& command() const { return command_; }
  /// "bitsweep run study.yaml --jobs 2": what a shell was given.
  std::string command_line() const;

  bool has(const std::string& option) const { return options_.count(option) != 0; }
  std::string text(const std::string& option, const std::string& otherwise = "") const;
  std::vector<std::string> all(const std::string& option) const;
  int whole_number(const std::string& option, int otherwise, int least) const;
  double positive_number(const std::string& option, double otherwise) const;

  /// The positional at `index`, or "" where an optional one was not given.
  std::string positional(std::size_t index) const;
  const std::vector<std::string>& positionals() const { return positionals_; }

 private:
  void add(const Syntax& syntax, const std::string& name, const std::string& value);
  [[noreturn]] void refuse(const std::string& sentence) const;

  std::string command_;
  std::vector<std::string> words_;
  std::map<std::string, std::vector<std::string>> options_;
  std::vector<std::string> positionals_;
};

/// A word as a shell reads it back, in quotes where it needs them.
std::string shell_word(const std::string& word);

/// True when the words ask for help: "--help" or "-h" before any "--".
bool asks_for_help(const std::vector<std::string>& words);

/// "usage: bitsweep run STUDY [--jobs N] ...", wrapped.
std::string usage_text(const Syntax& syntax);

/// The page of `bitsweep COMMAND --help`.
std::string help_text(const Syntax& syntax);

/// Two columns, the second wrapped at 90 characters.
std::string two_columns(const std::vector<std::pair<std::string, std::string>>& lines);

}  // namespace bitsweep

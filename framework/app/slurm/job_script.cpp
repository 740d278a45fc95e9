#include "framework/app/slurm/job_script.h"

#include <algorithm>
#include <limits>
#include <regex>
#include <string_view>

#include <fmt/format.h>

#include "framework/app/command_line.h"
#include "framework/core/error.h"

namespace bitsweep {
namespace {

std::string in_one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

// A word of a line "#SBATCH": there a backslash counts within all quotes.
std::string sbatch_word(const std::string& text) {
  const std::string word = in_one_line(text);
  const bool is_plain = word.find_first_of(" \t\"'\\#") == std::string::npos;
  if (is_plain && !word.empty()) return word;
  std::string quoted = "\"";
  for (const char c : word) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

// In the name of a log, Slurm puts something in the place of "%A".
std::string without_patterns(const std::string& path) {
  std::string text;
  for (const char c : path) text += c == '%' ? "%%" : std::string(1, c);
  return text;
}

// "qos=low" or "--qos=low" or "-q low", each as it is meant.
std::string users_option(const std::string& option) {
  if (option.starts_with("-")) return option;
  const auto equals = option.find('=');
  if (equals == std::string::npos) return "--" + option;
  return fmt::format("--{}={}", option.substr(0, equals),
                     sbatch_word(option.substr(equals + 1)));
}

// An option a line: "--jobs 2" stays together.
std::string command_lines(const std::vector<std::string>& command) {
  std::string text;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const bool is_option = command[i].starts_with("--");
    if (i > 0) text += is_option ? " \\\n  " : " ";
    text += shell_word(command[i]);
  }
  return text;
}

}  // namespace

std::string JobScript::text() const {
  std::string text = fmt::format(
      "#!/bin/bash\n# Each task claims runs of the study, one after the "
      "other, until none is left.\n# Made by: {}\n",
      in_one_line(made_by));
  const auto add = [&](const std::string& option, const std::string& value) {
    if (!value.empty())
      text += fmt::format("#SBATCH --{}={}\n", option, sbatch_word(value));
  };
  add("job-name", name);
  add("array", fmt::format("1-{}", tasks));
  add("ntasks", "1");
  add("cpus-per-task", std::to_string(cpus));
  add("mem", memory);
  add("time", time);
  add("partition", partition);
  add("account", account);
  text +=
      "# A task that is preempted, or loses its node, is started again and goes on; so "
      "is "
      "one\n# that its time limit would end: it gets SIGUSR1 before.\n#SBATCH "
      "--requeue\n";
  add("signal", fmt::format("B:USR1@{}", notice_seconds));
  add("chdir", folder.string());
  add("output", without_patterns(logs.string()) + "/%A_%a.log");
  add("open-mode", "append");
  for (const auto& option : more)
    text += fmt::format("#SBATCH {}\n", users_option(option));
  text += '\n';
  for (const auto& [variable, value] : environment) {
    text += fmt::format("export {}={}\n", variable, shell_word(value));
  }
  text += "# Signals go to this shell, and so to the program that takes its place.\n";
  return text + "exec " + command_lines(command) + "\n";
}

double time_limit_seconds(const std::string& text) {
  if (text == "UNLIMITED" || text == "INFINITE" || text == "0") {
    return std::numeric_limits<double>::infinity();
  }
  // [days-]hours[:minutes[:seconds]], minutes[:seconds]
  static const std::regex form(
      R"((?:(\d{1,6})-)?(\d{1,9})(?::(\d{1,9}))?(?::(\d{1,9}))?)");
  std::smatch parts;
  if (!std::regex_match(text, parts, form)) {
    throw ConfigError(
        fmt::format("submit: --time: '{}' is no time limit; write minutes (90), "
                    "hours:minutes:seconds (12:00:00) or days-hours (2-12)",
                    text));
  }
  const auto number = [&](int part) {
    return parts[part].matched ? std::stod(parts[part]) : 0.0;
  };
  const bool begins_with_hours = parts[1].matched || parts[4].matched;
  const double first = begins_with_hours ? 3600 : 60;
  return 86400 * number(1) + first * number(2) + first / 60 * number(3) + number(4);
}

void check_memory_text(const std::string& text) {
  static const std::regex form(R"(0*[1-9]\d{0,11}[KMGT])");
  if (std::regex_match(text, form)) return;
  throw ConfigError(fmt::format(
      "submit: --memory: '{}' is no amount of memory; write 3G, or 1500M", text));
}

}  // namespace bitsweep

#include "framework/app/command_line.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

namespace po = boost::program_options;

constexpr std::size_t kLineWidth = 90;

// Long options alone, written in full: an abbreviation that works today may be ambiguous
// tomorrow.
constexpr int kStyle = po::command_line_style::allow_long |
                       po::command_line_style::long_allow_adjacent |
                       po::command_line_style::long_allow_next;

po::options_description described(const Syntax& syntax) {
  po::options_description description;
  for (const auto& option : syntax.options) {
    if (option.value.empty()) {
      description.add_options()(option.name.c_str(), "");
    } else {
      description.add_options()(option.name.c_str(), po::value<std::string>(), "");
    }
  }
  return description;
}

std::string unknown_option(const Syntax& syntax, const std::string& word) {
  std::vector<std::string> known = {"--help"};
  for (const auto& option : syntax.options)
    known.push_back(fmt::format("--{}", option.name));
  const std::string near = nearest_word(word, known);
  return fmt::format("unknown option '{}'; {}", word,
                     near.empty() ? fmt::format("known: {}", fmt::join(known, ", "))
                                  : fmt::format("did you mean '{}'?", near));
}

// Words filled into lines, all but the first of them indented.
std::string filled(const std::vector<std::string>& words, std::size_t indent) {
  std::string text;
  std::size_t column = indent;
  for (const auto& word : words) {
    const bool begins = column == indent;
    if (!begins && column + 1 + word.size() > kLineWidth) {
      text += fmt::format("\n{:{}}", "", indent);
      column = indent;
    } else if (!begins) {
      text += ' ';
      ++column;
    }
    text += word;
    column += word.size();
  }
  return text;
}

std::vector<std::string> split_words(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    if (end > begin) words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::string option_head(const OptionInfo& option) {
  return option.value.empty() ? fmt::format("--{}", option.name)
                              : fmt::format("--{} {}", option.name, option.value);
}

std::string option_usage(const OptionInfo& option) {
  const std::string head = option_head(option);
  if (option.required) return head;
  return fmt::format("[{}]{}", head, option.repeated ? "..." : "");
}

// `next` is the word behind it, which begins with dashes.
std::string no_value(const Syntax& syntax, const std::string& option,
                     const std::string& next) {
  const std::string name = next.substr(2, next.find('=') - 2);
  const bool is_option =
      name == "help" ||
      std::any_of(syntax.options.begin(), syntax.options.end(),
                  [&](const auto& known) { return known.name == name; });
  return is_option ? fmt::format("--{} needs a value", option)
                   : fmt::format("--{} needs a value; if that is '{}', write --{}={}",
                                 option, next, option, next);
}

}  // namespace

std::string shell_word(const std::string& word) {
  const auto is_plain = [](unsigned char c) {
    return std::isalnum(c) ||
           std::string_view("_-./:=,+@%").find(char(c)) != std::string_view::npos;
  };
  if (!word.empty() && std::all_of(word.begin(), word.end(), is_plain)) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

Arguments::Arguments(const Syntax& syntax, const std::vector<std::string>& words)
    : command_(syntax.command), words_(words) {
  const auto description = described(syntax);
  try {
    const auto parsed =
        po::command_line_parser(words).options(description).style(kStyle).run();
    for (const auto& option : parsed.options) {
      const auto& given = option.original_tokens;
      if (given.size() == 2 && given[1].starts_with("--")) {
        refuse(no_value(syntax, option.string_key, given[1]));
      }
      add(syntax, option.string_key,
          option.value.empty() ? std::string() : option.value.front());
    }
  } catch (const po::unknown_option& unknown) {
    const std::string name = unknown.get_option_name();
    refuse(unknown_option(syntax,
                          fmt::format("--{}", name.substr(name.find_first_not_of('-')))));
  } catch (const po::invalid_syntax& problem) {
    const bool surplus = problem.kind() == po::invalid_syntax::extra_parameter;
    refuse(fmt::format("{} {}", problem.get_option_name(),
                       surplus ? "takes no value" : "needs a value"));
  }
  for (const auto& option : syntax.options) {
    if (option.required && !has(option.name)) {
      refuse(fmt::format("{} is missing", option_head(option)));
    }
  }
  const auto& wanted = syntax.positionals;
  if (positionals_.size() < wanted.size() && wanted[positionals_.size()].required) {
    refuse(fmt::format("{} is missing", wanted[positionals_.size()].name));
  }
}

void Arguments::add(const Syntax& syntax, const std::string& name,
                    const std::string& value) {
  if (name.empty()) {
    if (value.size() > 1 && value.front() == '-') refuse(unknown_option(syntax, value));
    const bool takes_more =
        !syntax.positionals.empty() && syntax.positionals.back().repeated;
    if (positionals_.size() >= syntax.positionals.size() && !takes_more) {
      refuse(fmt::format("'{}' is one argument too many", value));
    }
    positionals_.push_back(value);
    return;
  }
  const auto option =
      std::find_if(syntax.options.begin(), syntax.options.end(),
                   [&](const OptionInfo& known) { return known.name == name; });
  auto& values = options_[name];
  if (!values.empty() && !option->repeated) {
    refuse(fmt::format("--{} is given twice", name));
  }
  values.push_back(value);
}

void Arguments::refuse(const std::string& sentence) const {
  throw ConfigError(fmt::format("{}: {} (`bitsweep {} --help` tells more)", command_,
                                sentence, command_));
}

std::string Arguments::command_line() const {
  std::string line = "bitsweep " + command_;
  for (const auto& word : words_) line += ' ' + shell_word(word);
  return line;
}

std::string Arguments::text(const std::string& option,
                            const std::string& otherwise) const {
  const auto found = options_.find(option);
  return found == options_.end() ? otherwise : found->second.front();
}

std::vector<std::string> Arguments::all(const std::string& option) const {
  const auto found = options_.find(option);
  return found == options_.end() ? std::vector<std::string>{} : found->second;
}

int Arguments::whole_number(const std::string& option, int otherwise, int least) const {
  if (!has(option)) return otherwise;
  const std::string word = text(option);
  int number = 0;
  const auto [stop, failure] =
      std::from_chars(word.data(), word.data() + word.size(), number);
  const bool whole = stop == word.data() + word.size();
  if (whole && failure == std::errc::result_out_of_range && word.front() != '-') {
    refuse(fmt::format("--{}: '{}' is too large; at most {}", option, word,
                       std::numeric_limits<int>::max()));
  }
  if (!whole || failure != std::errc{} || number < least) {
    refuse(
        fmt::format("--{}: '{}' is not a whole number from {} up", option, word, least));
  }
  return number;
}

double Arguments::positive_number(const std::string& option, double otherwise) const {
  if (!has(option)) return otherwise;
  const std::string word = text(option);
  double number = 0;
  const auto [stop, failure] =
      std::from_chars(word.data(), word.data() + word.size(), number);
  const bool complete = failure == std::errc{} && stop == word.data() + word.size();
  if (!complete || !std::isfinite(number) || number <= 0) {
    refuse(fmt::format("--{}: '{}' is not a number above 0", option, word));
  }
  return number;
}

std::string Arguments::positional(std::size_t index) const {
  return index < positionals_.size() ? positionals_[index] : "";
}

bool asks_for_help(const std::vector<std::string>& words) {
  const auto end = std::find(words.begin(), words.end(), "--");
  return std::any_of(words.begin(), end, [](const std::string& word) {
    return word == "--help" || word == "-h";
  });
}

std::string usage_text(const Syntax& syntax) {
  std::vector<std::string> pieces;
  for (const auto& positional : syntax.positionals) {
    const std::string name = positional.name + (positional.repeated ? "..." : "");
    pieces.push_back(positional.required ? name : fmt::format("[{}]", name));
  }
  for (const auto& option : syntax.options) pieces.push_back(option_usage(option));
  const std::string head = fmt::format("usage: bitsweep {} ", syntax.command);
  return head + filled(pieces, head.size()) + '\n';
}

std::string help_text(const Syntax& syntax) {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const auto& positional : syntax.positionals) {
    lines.emplace_back(positional.name, positional.help);
  }
  for (const auto& option : syntax.options) {
    lines.emplace_back(option_head(option), option.help);
  }
  lines.emplace_back("--help", "Show this page.");
  return fmt::format("{}\n\n{}\n{}", syntax.summary, usage_text(syntax),
                     two_columns(lines));
}

std::string two_columns(const std::vector<std::pair<std::string, std::string>>& lines) {
  std::size_t first = 0;
  for (const auto& line : lines) first = std::max(first, line.first.size());
  std::string text;
  for (const auto& [head, help] : lines) {
    text +=
        fmt::format("  {:<{}}  {}\n", head, first, filled(split_words(help), first + 4));
  }
  return text;
}

}  // namespace bitsweep

#include "framework/config/row_filter.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "framework/config/run_text.h"
#include "framework/config/text_cursor.h"
#include "framework/core/error.h"
#include "framework/schema/schema.h"

namespace bitsweep {
namespace {

constexpr std::array<std::string_view, 6> kComparisons = {
    "==", "!=", "<=", ">=", "<", ">"};

std::optional<double> number(const std::string& word) {
  double value = 0;
  const char* end = word.data() + word.size();
  const auto [stop, failure] = std::from_chars(word.data(), end, value);
  if (failure != std::errc{} || stop != end) return std::nullopt;
  return value;
}

template <class T>
bool holds(const T& left, std::string_view comparison, const T& right) {
  if (comparison == "==") return left == right;
  if (comparison == "!=") return left != right;
  if (comparison == "<=") return left <= right;
  if (comparison == ">=") return left >= right;
  return comparison == "<" ? left < right : left > right;
}

bool compare(const std::string& left, std::string_view comparison,
             const std::string& right) {
  const auto a = number(left);
  const auto b = number(right);
  if (a && b) return holds(*a, comparison, *b);
  return (comparison == "==" || comparison == "!=") && holds(left, comparison, right);
}

}  // namespace

// any: all {|| all};  all: one {&& one};  one: ! one | ( any ) | name comparison value.
class RowFilter::Parser {
 public:
  Parser(std::string_view text, std::vector<std::string>& names)
      : cursor_(text), names_(names) {}

  Condition parse() {
    Condition condition = any();
    const std::string_view left = cursor_.rest();
    if (!left.empty()) fail(fmt::format("'{}' is not expected", left));
    return condition;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw ConfigError(
        fmt::format("--only: '{}': {}; an example: 'method == lsq && weight_bits <= 3'",
                    cursor_.text(), why));
  }

  bool take(std::string_view symbol) { return cursor_.take(symbol); }

  Condition any() {
    Condition left = all();
    while (take("||")) {
      left = [left, right = all()](const Values& v) { return left(v) || right(v); };
    }
    return left;
  }

  Condition all() {
    Condition left = one();
    while (take("&&")) {
      left = [left, right = one()](const Values& v) { return left(v) && right(v); };
    }
    return left;
  }

  Condition one() {
    if (++depth_ > kDeepest) fail("it is nested too deeply");
    Condition condition = inner();
    --depth_;
    return condition;
  }

  Condition inner() {
    if (take("!")) {
      return [negated = one()](const Values& values) { return !negated(values); };
    }
    if (take("(")) {
      Condition condition = any();
      if (!take(")")) fail("a ')' is missing");
      return condition;
    }
    const std::string name = word("a name");
    names_.push_back(name);
    for (const auto comparison : kComparisons) {
      if (!take(comparison)) continue;
      return [name, comparison, value = word("a value")](const Values& values) {
        const auto own = values.find(name);
        return own != values.end() && compare(own->second, comparison, value);
      };
    }
    fail(fmt::format("behind '{}' one of {} is expected", name,
                     fmt::join(kComparisons, " ")));
  }

  std::string word(const char* what) {
    for (const std::string_view quote : {"\"", "'"}) {
      if (!take(quote)) continue;
      const std::string found(cursor_.take_while([&](char c) { return c != quote[0]; }));
      if (!take(quote)) fail(fmt::format("a {} is missing", quote));
      return found;
    }
    cursor_.skip_spaces();
    const auto found = cursor_.take_while(is_of_word);
    if (found.empty()) fail(fmt::format("{} is missing", what));
    return std::string(found);
  }

  static bool is_of_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) ||
           std::string_view("_.-+/").find(c) != std::string_view::npos;
  }

  static constexpr int kDeepest = 100;
  TextCursor cursor_;
  std::vector<std::string>& names_;
  int depth_ = 0;
};

RowFilter::RowFilter(const std::string& expression) : text_(expression) {
  condition_ = Parser(text_, names_).parse();
}

RowFilter::Values RowFilter::values_of(const RowSpec& row, const RunSpec& run) {
  Values values;
  for (const auto& [path, value] : settings_of(run_node(run))) values[path] = value;
  for (const auto& [name, value] : run.method.params) values[name] = value.text();
  values["label"] = row.label;
  values["group"] = row.group;
  values["method"] = run.method.id;
  values["network"] = run.network.id;
  values["dataset"] = run.dataset.id;
  return values;
}

bool RowFilter::matches(const RowSpec& row, const RunSpec& run) const {
  return condition_(values_of(row, run));
}

void RowFilter::check(const StudySpec& study) const {
  Values known;
  bool any = false;
  for (const auto& row : study.rows) {
    for (const auto& run : row.runs) {
      known.merge(values_of(row, run));
      any = any || matches(row, run);
    }
  }
  std::vector<std::string> all;
  for (const auto& [name, value] : known) {
    if (name.find('.') == name.npos) all.push_back(name);
  }
  for (const auto& name : names_) {
    if (known.contains(name)) continue;
    throw ConfigError(
        fmt::format("--only: '{}': {}", name, unknown_text("name", name, all)));
  }
  if (!any) throw ConfigError(fmt::format("--only: '{}': no row is so", text_));
}

}  // namespace bitsweep

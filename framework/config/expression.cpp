#include "framework/config/expression.h"

#include <cctype>
#include <charconv>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "framework/config/text_cursor.h"
#include "framework/core/error.h"
#include "framework/schema/schema.h"

namespace bitsweep {
namespace {

// comparison: sum [op sum];  sum: product {+- product};  product: factor {*/% factor};
// factor: - factor | number | name | ( comparison ).
class Evaluator {
 public:
  Evaluator(std::string_view text, const Variables& variables)
      : cursor_(text), variables_(variables) {}

  std::int64_t value() {
    const std::int64_t result = comparison();
    const std::string_view left = cursor_.rest();
    if (!left.empty()) fail(fmt::format("'{}' is not expected", left));
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw ConfigError(fmt::format("in ${{{}}}: {}", cursor_.text(), why));
  }

  bool take(std::string_view symbol) { return cursor_.take(symbol); }

  std::int64_t comparison() {
    const std::int64_t left = sum();
    if (take("==")) return left == sum();
    if (take("!=")) return left != sum();
    if (take("<=")) return left <= sum();
    if (take(">=")) return left >= sum();
    if (take("<")) return left < sum();
    if (take(">")) return left > sum();
    return left;
  }

  std::int64_t sum() {
    std::int64_t result = product();
    while (true) {
      if (take("+")) {
        result = checked(result + product());
      } else if (take("-")) {
        result = checked(result - product());
      } else {
        return result;
      }
    }
  }

  std::int64_t product() {
    std::int64_t result = factor();
    while (true) {
      if (take("*")) {
        result = times(result, factor());
      } else if (take("/")) {
        result = quotient(result, factor());
      } else if (take("%")) {
        result = remainder(result, factor());
      } else {
        return result;
      }
    }
  }

  std::int64_t factor() {
    constexpr int kDeepest = 100;
    if (++depth_ > kDeepest) fail("signs and parentheses too deep");
    const std::int64_t result = nested_factor();
    --depth_;
    return result;
  }

  std::int64_t nested_factor() {
    if (take("-")) return -factor();
    if (take("(")) {
      const std::int64_t result = comparison();
      if (!take(")")) fail("a ')' is missing");
      return result;
    }
    cursor_.skip_spaces();
    const std::string word(cursor_.take_while(
        [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }));
    if (word.empty()) fail("a number or a name is missing");
    return std::isdigit(static_cast<unsigned char>(word[0])) ? number(word)
                                                             : variable(word);
  }

  std::int64_t number(const std::string& word) const {
    std::int64_t result = 0;
    const auto [stop, failure] =
        std::from_chars(word.data(), word.data() + word.size(), result);
    if (failure != std::errc{} || stop != word.data() + word.size()) {
      fail(fmt::format("'{}' is not a whole number", word));
    }
    return checked(result);
  }

  std::int64_t variable(const std::string& word) const {
    const auto found = variables_.find(word);
    if (found != variables_.end()) return found->second;
    std::vector<std::string> known;
    for (const auto& [name, value] : variables_) known.push_back(name);
    fail(fmt::format("'{}': {}", word, unknown_text("name", word, known)));
  }

  std::int64_t times(std::int64_t left, std::int64_t right) const {
    std::int64_t result = 0;
    if (__builtin_mul_overflow(left, right, &result)) fail("a value is too large");
    return checked(result);
  }

  std::int64_t quotient(std::int64_t left, std::int64_t right) const {
    if (remainder(left, right) != 0) {
      fail(fmt::format("{} / {} is not a whole number", left, right));
    }
    return left / right;
  }

  std::int64_t remainder(std::int64_t left, std::int64_t right) const {
    if (right == 0) fail("a division by 0");
    return left % right;
  }

  // Values stay so small that no sum of two can overflow.
  std::int64_t checked(std::int64_t result) const {
    constexpr std::int64_t kLargest = 1'000'000'000'000;
    if (result > kLargest || result < -kLargest) fail("a value is too large");
    return result;
  }

  TextCursor cursor_;
  const Variables& variables_;
  int depth_ = 0;
};

}  // namespace

std::string expanded(const std::string& text, const Variables& variables) {
  std::string result;
  std::size_t at = 0;
  while (true) {
    const std::size_t begin = text.find("${", at);
    result += text.substr(at, begin - at);
    if (begin == std::string::npos) return result;
    const std::size_t end = text.find('}', begin);
    if (end == std::string::npos) {
      throw ConfigError(fmt::format("'{}' opens '${{' and does not close it", text));
    }
    const auto inside = std::string_view(text).substr(begin + 2, end - begin - 2);
    result += fmt::format("{}", Evaluator(inside, variables).value());
    at = end + 1;
  }
}

}  // namespace bitsweep

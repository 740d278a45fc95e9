// A place in a short text that is read from left to right.
#pragma once

#include <string_view>

namespace bitsweep {

class TextCursor {
 public:
  explicit TextCursor(std::string_view text) : text_(text) {}

  std::string_view text() const { return text_; }

  /// What is left, without the spaces in front.
  std::string_view rest() {
    skip_spaces();
    return text_.substr(at_);
  }

  void skip_spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }

  /// Goes behind `symbol` if it comes next, spaces apart.
  bool take(std::string_view symbol) {
    if (!rest().starts_with(symbol)) return false;
    at_ += symbol.size();
    return true;
  }

  /// The characters that come next, spaces too, as long as `belongs` holds.
  template <class Belongs>
  std::string_view take_while(Belongs belongs) {
    const std::string_view left = text_.substr(at_);
    std::size_t size = 0;
    while (size < left.size() && belongs(left[size])) ++size;
    at_ += size;
    return left.substr(0, size);
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace bitsweep

// The nearest of a few ascending levels, by comparing with the midpoints between them: a
// loop over values becomes vector code.
#pragma once

#include <cstdint>
#include <limits>
#include <span>

namespace bitsweep {

/// At most `n` levels. x takes a level where it is beyond the threshold before it; a
/// threshold itself, and NaN, belong below.
template <int n>
class Staircase {
 public:
  explicit Staircase(std::span<const float> levels) {
    for (int i = 0; i < n; ++i) {
      const bool exists = i < int(levels.size());
      level_[i] = exists ? levels[std::size_t(i)] : levels.back();
      threshold_[i] = !exists  ? std::numeric_limits<float>::infinity()
                      : i == 0 ? -std::numeric_limits<float>::infinity()
                               : (level_[i - 1] + level_[i]) / 2;
    }
  }

  /// Moves the threshold before level i >= 1.
  void set_threshold(int i, float at) { threshold_[i] = at; }

  float value(float x) const {
    float value = level_[0];
    for (int i = 1; i < n; ++i) value = x > threshold_[i] ? level_[i] : value;
    return value;
  }
  std::int32_t code(float x) const {
    std::int32_t code = 0;
    for (int i = 1; i < n; ++i) code += x > threshold_[i];
    return code;
  }
  std::span<const float> levels() const { return level_; }

 private:
  float level_[n], threshold_[n];
};

}  // namespace bitsweep

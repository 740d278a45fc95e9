#include "framework/quant/method.h"

#include <fmt/format.h>

namespace bitsweep {

std::vector<Stage> Method::stages() const {
  return {{.kind = Stage::Kind::kCalibrate, .name = "calibrate"},
          {.kind = Stage::Kind::kTrain, .name = "train"}};
}

Allowed<int> bits_between(int low, int high) {
  const std::string range =
      low == high ? fmt::format("{}", low) : fmt::format("{} to {}", low, high);
  return {fmt::format("{}, or {} for float", range, kFloatBits),
          [low, high](const int& bits) {
            return (low <= bits && bits <= high) || bits == kFloatBits;
          }};
}

}  // namespace bitsweep

// What has no effect beside other parameters, or in the run that it is given for.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "framework/quant/grid.h"
#include "framework/schema/schema.h"

namespace bitsweep {

inline constexpr auto kFloatWeights = "weights are in float (weight_bits: 32)";
inline constexpr auto kFloatInputs = "layer inputs are in float (activation_bits: 32)";
inline constexpr auto kNoNormalisation =
    "the network has no batch normalisation; leave it out";
inline constexpr auto kNoOperands =
    "the network adds and concatenates nothing; leave it out";
inline constexpr auto kNoTraining = "nothing is trained behind calibration";

class IdleParameters {
 public:
  void add_if(bool are_idle, std::initializer_list<const char*> names,
              const std::string& why) {
    if (!are_idle) return;
    for (const char* name : names) found_.push_back({name, "has no effect: " + why});
  }
  void refuse_if(bool is_idle, const char* name, const std::string& sentence) {
    if (is_idle) found_.push_back({name, sentence});
  }
  std::vector<ParamProblem> found() && { return std::move(found_); }

 private:
  std::vector<ParamProblem> found_;
};

/// Of methods whose parameter `percentile` is that of `init: percentile` (ClipStart).
inline std::vector<ParamProblem> idle_percentile(const std::string& init) {
  IdleParameters idle;
  idle.add_if(init != "percentile", {"percentile"},
              "only `init: percentile` begins at one");
  return std::move(idle).found();
}

/// Of methods that quantize gradients: without training there are none.
inline std::vector<ParamProblem> idle_gradient_bits(int bits, std::int64_t steps) {
  IdleParameters idle;
  idle.add_if(bits != kFloatBits && steps == 0, {"gradient_bits"}, kNoTraining);
  return std::move(idle).found();
}

}  // namespace bitsweep

// What a quantizer's saved state must hold: everything that training has made of it.
#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "framework/quant/checks/check.h"

namespace bitsweep::checks {
namespace {

float sign(float v) { return float(v > 0) - float(v < 0); }

// A batch that follows moves ranges, before any of it is quantized.
void follow(Quantizer& quantizer, const Values& x) {
  auto* const follower = optional_interface<FollowsBatches>(&quantizer);
  if (follower == nullptr) return;
  std::vector<double> measures(follower->measures());
  on(x, [&] { follower->measure(x, measures); });
  follower->follow(measures);
}

// Steps of a size of their own, whatever the gradients': towards results like `target`.
// The results of each step are added to `results`.
void descend(const Case& c, Quantizer& quantizer, Values& x, const Values& target,
             std::int64_t& step, Values& results) {
  constexpr float kRate = 0.05f;
  constexpr int kSteps = 6;
  auto* const hook = optional_interface<ChangesLatent>(&quantizer);
  for (const std::int64_t end = step + kSteps; step < end; ++step) {
    const Pass pass{.training = true, .step = step};
    Values batch = x;  // activations are others each time
    for (float& v : batch) v *= c.comes_whole() ? 1 : 1 + 0.1f * float(step % 4);
    if (c.comes_whole()) on(x, [&] { quantizer.prepare(x); });
    follow(quantizer, batch);
    Values dy = quantized(quantizer, batch, pass);
    results.insert(results.end(), dy.begin(), dy.end());
    if (c.is_gradient()) continue;  // nothing is propagated through it
    for (std::size_t i = 0; i < x.size(); ++i) dy[i] = 2 * (dy[i] - target[i]);
    auto sums = zero_sums(quantizer);
    const auto dx = propagated(quantizer, batch, dy, sums, pass);
    if (!sums.empty()) quantizer.finish_gradient(sums);
    for (Parameter* p : quantizer.trainable()) {
      for (std::size_t i = 0; i < p->value.size(); ++i) {
        const float reach = std::max(0.1f, std::fabs(p->value[i]));
        p->value[i] =
            std::max(p->minimum, p->value[i] - kRate * reach * sign(p->gradient[i]));
      }
    }
    if (!c.comes_whole()) continue;
    for (std::size_t i = 0; i < x.size(); ++i) x[i] -= kRate * sign(dx[i]);
    if (hook != nullptr) hook->after_step(x);
  }
}

// A run's training of one site in two parts, between which it may be saved: the
// transforms of the method's stages, each with steps behind it.
class TwoParts {
 public:
  explicit TwoParts(const Case& c) : case_(c) {
    for (const Stage& stage : c.entry->make(c.raw)->stages()) {
      if (stage.kind == Stage::Kind::kTransform) transforms_.push_back(stage);
    }
    target_ = normal_values(c.site.elements, 9, 2);
  }

  /// The results of all steps.
  Values first(Quantizer& quantizer, Values& x) const {
    return train(quantizer, x, 0, (transforms_.size() + 1) / 2, 0);
  }
  Values second(Quantizer& quantizer, Values& x) const {
    constexpr std::int64_t kFarFromTheFirst = 1000;
    return train(quantizer, x, (transforms_.size() + 1) / 2, transforms_.size(),
                 kFarFromTheFirst);
  }

 private:
  Values train(Quantizer& quantizer, Values& x, std::size_t begin, std::size_t end,
               std::int64_t step) const {
    Values results;
    auto* const staged =
        case_.comes_whole() ? optional_interface<HasStages>(&quantizer) : nullptr;
    for (std::size_t i = begin; staged != nullptr && i < end; ++i) {
      on(x, [&] { staged->begin_stage(transforms_[i], x); });
      descend(case_, quantizer, x, target_, step, results);
    }
    descend(case_, quantizer, x, target_, step, results);
    return results;
  }

  const Case& case_;
  std::vector<Stage> transforms_;
  Values target_;
};

// Bits, not numbers: a NaN is itself.
Finding list_difference(const std::string& name, const Values& got,
                        const Values& wanted) {
  if (got.size() != wanted.size()) {
    return fmt::format("{} has {} values, without saving {}", name, got.size(),
                       wanted.size());
  }
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (std::memcmp(&got[i], &wanted[i], sizeof(float)) == 0) continue;
    return fmt::format("value {} of {} is {}, without saving {}", i, name, got[i],
                       wanted[i]);
  }
  return "";
}

Finding state_difference(Quantizer& got, Quantizer& wanted) {
  auto own = state_of(got);
  for (const auto& [name, values] : state_of(wanted)) {
    const Finding found = list_difference("'" + name + "'", own[name], values);
    if (!found.empty()) return found;
  }
  return "";
}

// What is loaded has never been calibrated: the weights and the state are all it gets.
Finding save_and_load(const Case& c) {
  constexpr auto kWayOut =
      "; visit_state is to show every member that calibration, stages or training change";
  auto x = c.values();
  const auto trained = c.made(x), loaded = c.fresh(c.site);
  const TwoParts training(c);
  training.first(*trained, x);
  on(x, [&] { set_state(*loaded, state_of(*trained)); });
  if (c.comes_whole()) {
    trained->prepare(x);
    loaded->prepare(x);
  }
  Finding found =
      difference(x, quantized(*loaded, x), quantized(*trained, x), "before saving:");
  if (!found.empty()) return found + kWayOut;

  auto its_x = x;
  const auto results = training.second(*trained, x);
  const auto its_results = training.second(*loaded, its_x);
  found = list_difference("the weights", its_x, x);
  if (found.empty()) found = state_difference(*loaded, *trained);
  if (found.empty()) found = list_difference("its results", its_results, results);
  if (found.empty()) {
    if (c.comes_whole()) trained->prepare(x), loaded->prepare(x);
    found = difference(x, quantized(*loaded, x), quantized(*trained, x),
                       "without saving it becomes");
  }
  return found.empty() ? "" : "trained on after loading, " + found + kWayOut;
}

}  // namespace

std::vector<Check> saving_checks() {
  return {{"save and load",
           "a quantizer restored from its saved state gives the same values, and trains "
           "on to the same bits",
           {257},
           any,
           nullptr,
           save_and_load}};
}

}  // namespace bitsweep::checks
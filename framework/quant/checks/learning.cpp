// Gradients, and what is learned by them.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "framework/quant/checks/check.h"

namespace bitsweep::checks {
namespace {

Finding gradients(const Case& c) {
  const auto x = c.values(), dy = normal_values(x.size(), 8);
  const auto quantizer = c.made(x);
  auto doubled = dy;
  for (float& v : doubled) v *= 2;
  std::vector<double> sums, twice_sums;
  const auto dx = propagated(*quantizer, x, dy, sums);
  const auto twice = propagated(*quantizer, x, doubled, twice_sums);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(dx[i])) return fmt::format("at {} it is {}", x[i], dx[i]);
    if (twice[i] != 2 * dx[i]) {
      return fmt::format("at {}, {} gives {}, and {} gives {}", x[i], dy[i], dx[i],
                         doubled[i], twice[i]);
    }
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (std::isfinite(sums[i]) && twice_sums[i] == 2 * sums[i]) continue;
    return fmt::format("learned value {} has gradient {}, and {} for twice as much", i,
                       sums[i], twice_sums[i]);
  }
  return "";
}

Finding slice_sums(const Case& c) {
  const std::size_t size = c.site.elements;
  const auto x = c.values(7, 2), dy = normal_values(2 * size, 8);
  const auto quantizer = c.made(x);
  const auto sums_of = [&](std::size_t begin, std::size_t images) {
    const Pass pass{.training = true, .offset = begin * size, .images = images};
    auto sums = zero_sums(*quantizer);
    propagated(*quantizer, part(x, begin * size, images * size),
               part(dy, begin * size, images * size), sums, pass);
    return sums;
  };
  const auto whole = sums_of(0, 2), first = sums_of(0, 1), second = sums_of(1, 1);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    const double parts = first[i] + second[i];
    const double size_of = std::fabs(first[i]) + std::fabs(second[i]);
    if (std::fabs(whole[i] - parts) <= 1e-4 * size_of + 1e-9) continue;
    return fmt::format("learned value {}: two images give {}, one by one {}", i, whole[i],
                       parts);
  }
  return "";
}

Finding learned(const Case& c) {
  const auto quantizer = c.made(c.values());
  for (const Parameter* p : quantizer->trainable()) {
    if (p->name.rfind(c.site.name + ".", 0) != 0) {
      return fmt::format("'{}' is not named '{}.something'", p->name, c.site.name);
    }
    for (const float v : p->value.span()) {
      if (!std::isfinite(v) || v < p->minimum) {
        return fmt::format("{} begins at {}; its minimum is {}", p->name, v, p->minimum);
      }
    }
  }
  return "";
}

// Sums of another slice may stand there.
Finding adds_to_sums(const Case& c) {
  const auto x = c.values(), dy = normal_values(x.size(), 8);
  const auto quantizer = c.made(x);
  std::vector<double> once;
  propagated(*quantizer, x, dy, once);
  auto twice = once;
  propagated(*quantizer, x, dy, twice, {.training = true});
  for (std::size_t i = 0; i < once.size(); ++i) {
    if (std::fabs(twice[i] - 2 * once[i]) <= 1e-6 * std::fabs(once[i])) continue;
    return fmt::format("learned value {} has the sum {}, and {} when it is added again",
                       i, once[i], twice[i]);
  }
  return "";
}

// ---- finish_gradient ----

std::vector<float> finished(Quantizer& quantizer, const std::vector<double>& sums) {
  quantizer.finish_gradient(sums);
  std::vector<float> all;
  for (const Parameter* p : quantizer.trainable()) {
    all.insert(all.end(), p->gradient.span().begin(), p->gradient.span().end());
  }
  return all;
}

// What stands in a gradient is that of the step before; at first it is nothing known.
Finding totals(const Case& c) {
  const auto x = c.values(), dy = normal_values(x.size(), 8);
  const auto quantizer = c.made(x);
  std::vector<double> sums;
  propagated(*quantizer, x, dy, sums);
  for (Parameter* p : quantizer->trainable()) {
    for (float& g : p->gradient.span()) g = std::numeric_limits<float>::quiet_NaN();
  }
  const auto first = finished(*quantizer, sums), again = finished(*quantizer, sums);
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (!std::isfinite(first[i])) {
      return fmt::format(
          "learned value {} has gradient {} where NaN stood before: it is not set", i,
          first[i]);
    }
    if (first[i] == again[i]) continue;
    return fmt::format("learned value {} has gradient {}, and {} of the same sums again",
                       i, first[i], again[i]);
  }
  return "";
}

// ---- Directions ----

// Straight-through gradients are free in size, and zero where values are clipped; but
// within the range a result rises with its value. So they lean the way of dy.
Finding direction(const Case& c) {
  const auto x = c.values();
  auto dy = normal_values(x.size(), 8);
  const auto quantizer = c.made(x);
  const Grid grid = quantizer->grid();
  bool has_inside = false;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t channel = grid.layout().channel_of(i);
    const bool inside = grid.value(grid.low_code(), channel) < x[i] &&
                        x[i] < grid.value(grid.high_code(), channel);
    if (!inside) dy[i] = 0;
    has_inside = has_inside || inside;
  }
  if (!has_inside) return "";
  std::vector<double> sums;
  const auto dx = propagated(*quantizer, x, dy, sums);
  const double along = std::inner_product(dx.begin(), dx.end(), dy.begin(), 0.0);
  if (along > 0) return "";
  return fmt::format("the sum of dy dx is {} over values within the range", along);
}

// One learned value of a quantizer, to be moved.
class Learned {
 public:
  Learned(Quantizer& quantizer, Parameter& parameter, std::size_t index, const Values& x,
          bool comes_whole)
      : quantizer_(quantizer),
        parameter_(parameter),
        index_(index),
        x_(x),
        comes_whole_(comes_whole) {}

  float value() const { return parameter_.value[index_]; }
  void set(float value) {
    parameter_.value[index_] = value;
    if (comes_whole_) quantizer_.prepare(x_);
  }
  Values results() const { return quantized(quantizer_, x_, kPass); }

  // Of the squared error of the `counted` values, as the quantizer says.
  float gradient(const std::vector<bool>& counted) {
    const auto y = results();
    Values dy(x_.size());
    for (std::size_t i = 0; i < y.size(); ++i)
      dy[i] = counted[i] ? 2 * (y[i] - x_[i]) : 0;
    auto sums = zero_sums(quantizer_);
    propagated(quantizer_, x_, dy, sums, kPass);
    quantizer_.finish_gradient(sums);
    return parameter_.gradient[index_];
  }

 private:
  static constexpr Pass kPass{.training = true, .step = 1};
  Quantizer& quantizer_;
  Parameter& parameter_;
  std::size_t index_;
  const Values& x_;
  bool comes_whole_;
};

double square_error(const Values& x, const Values& y, const std::vector<bool>& counted) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (counted[i]) sum += (double(y[i]) - double(x[i])) * (double(y[i]) - double(x[i]));
  }
  return sum;
}

// Values beyond the ends of the grid; there the results are the ends.
std::vector<bool> clipped(const Grid& grid, const Values& x) {
  std::vector<bool> is_clipped(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t channel = grid.layout().channel_of(i);
    is_clipped[i] = x[i] < grid.value(grid.low_code(), channel) ||
                    x[i] > grid.value(grid.high_code(), channel);
  }
  return is_clipped;
}

// The gradient at `value` against how the error changes a little to both sides of it; ""
// where the change is too small to tell which way the error falls.
Finding against_error(Learned& learned, float value, const Values& x,
                      const std::vector<bool>& counted) {
  constexpr float kLittle = 0.05f;
  constexpr double kClear = 0.01;  // of the error
  const auto error_at = [&](float at) {
    learned.set(at);
    return square_error(x, learned.results(), counted);
  };
  const double below = error_at(value - kLittle * std::fabs(value));
  const double above = error_at(value + kLittle * std::fabs(value));
  const double here = error_at(value);
  if (!(std::fabs(above - below) > kClear * here)) return "";
  const float gradient = learned.gradient(counted);
  if (above > below ? gradient > 0 : gradient < 0) return "";
  return fmt::format(
      "at {} its gradient is {}, and the squared error {} when it rises: {} to {}", value,
      gradient, above > below ? "rises" : "falls", below, above);
}

// A quarter and four times of where it begins: far enough from the best value that even
// a rough gradient knows the way. Without the claim values within the range are left out:
// beyond it a result is an end of the grid, and its gradient is exact.
Finding slope(const Case& c) {
  const auto x = c.values();
  const bool only_clipped = !c.claims().learns_from_rounding;
  const auto quantizer = c.made(x);
  for (Parameter* p : quantizer->trainable()) {
    for (std::size_t i = 0; i < p->value.size(); ++i) {
      Learned learned(*quantizer, *p, i, x, c.comes_whole());
      const float start = learned.value();
      for (const float factor : {0.25f, 4.0f}) {
        const float value = factor * start;
        if (value == 0 || value * 0.95f < p->minimum) continue;
        std::vector<bool> counted(x.size(), true);
        if (only_clipped) {
          learned.set(1.05f * value);
          counted = clipped(quantizer->grid(), x);
        }
        const Finding found = against_error(learned, value, x, counted);
        if (!found.empty()) return fmt::format("{}: {}", p->name, found);
      }
      learned.set(start);
    }
  }
  return "";
}

// ---- Training ----

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

std::vector<Check> learning_checks() {
  return {{"gradient",
           "gradients are finite and linear in the incoming gradient",
           {31},
           is_value,
           nullptr,
           gradients},
          {"direction",
           "within the range gradients have the sign of the incoming gradient on average",
           {4099},  // one filter
           is_value,
           nullptr,
           direction},
          {"slice sums",
           "gradients of learned parameters add up over slices",
           {31},
           learns_by_slice,
           nullptr,
           slice_sums},
          {"learned",
           "learned parameters are named after their site and start above their minimum",
           {9, 31},
           learns,
           nullptr,
           learned},
          {"sums",
           "gradients of learned parameters are accumulated, not overwritten",
           {31},
           learns,
           nullptr,
           adds_to_sums},
          {"totals",
           "finish_gradient sets the gradients of learned parameters",
           {31},
           learns,
           nullptr,
           totals},
          {"slope",
           "gradients of learned parameters point towards larger squared error",
           {4099},
           learns,
           nullptr,
           slope},
          {"save and load",
           "a quantizer restored from its saved state gives the same values, and trains "
           "on to the same bits",
           {257},
           any,
           nullptr,
           save_and_load}};
}

}  // namespace bitsweep::checks

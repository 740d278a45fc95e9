// Gradients, and what is learned by them.
#include <cmath>
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
           slope}};
}

}  // namespace bitsweep::checks

// Straight-through gradients against finite differences. A quantizer is a staircase, whose
// differences are 0 or huge; a straight-through gradient is that of another function, in
// which what rounding adds is held as it is:
//
//   F(x) = f(x) + (Q(x0) - f(x0)) at x0, and f(x) = clip(u(x), a, b)
//
// u is what the quantizer rounds (`TransformsValues`), or x itself; a and b are the ends
// of its grid, or lie beyond them, as far as it likes. What `prepare` has taken from the
// weights stays as it is while x moves.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "framework/quant/checks/check.h"
#include "framework/quant/transforms_values.h"

namespace bitsweep::checks {
namespace {

constexpr Pass kTraining{.training = true, .step = 1};

// What values move by, whose spread is 1, and parameters as a share of their size. Float
// rounding is 1e-5 of such a difference, and so is the curvature of tanh.
constexpr float kStep = 1.0f / 256;
constexpr double kTolerance = 2e-3;

// Where a value lies.
struct Place {
  enum class Kind {
    kInside,  // of the grid: the gradient is that of u
    kAtEnd,   // on the grid's end, or beyond by less than rounding moves a value
    kBelow,   // farther out: that of u, or 0 where it is clipped
    kAbove,
  };
  Kind kind = Kind::kInside;
  double beyond = 0;  // the end of the grid
  std::size_t channel = 0;
};

// How much rounding adds, when what is learned moves the grid.
enum class Residual {
  kInSteps,     // so many scales: LSQ
  kInValue,     // so much: PACT
  kWholeLevel,  // u is not in it, the code is held: TTQ, code books
};

Values moved(const Values& x, float by) {
  Values all = x;
  for (float& v : all) v += by;
  return all;
}

// The quantizer as it stands, and all that is frozen there.
class Frozen {
 public:
  Frozen(const Case& c, Quantizer& quantizer, const Values& x)
      : quantizer_(quantizer),
        x_(x),
        comes_whole_(c.comes_whole()),
        grid_(quantizer.grid()),
        codes_(encoded(quantizer, x)),
        u_(rounded_of(x)),
        y_(quantized(quantizer, x, kTraining)) {
    for (std::size_t i = 0; i < x.size(); ++i) places_.push_back(place_of(i));
  }

  const std::vector<Place>& places() const { return places_; }

  /// du/dx; none where it bends.
  std::vector<std::optional<double>> slopes() const {
    const auto below = rounded_of(moved(x_, -kStep)),
               above = rounded_of(moved(x_, kStep));
    std::vector<std::optional<double>> all(x_.size());
    for (std::size_t i = 0; i < x_.size(); ++i) {
      const double left = difference(below[i], u_[i], x_[i] - kStep, x_[i]);
      const double right = difference(u_[i], above[i], x_[i], x_[i] + kStep);
      const bool bends =
          std::fabs(left - right) > 0.1 * (std::fabs(left) + std::fabs(right));
      if (!bends) all[i] = (left + right) / 2;
    }
    return all;
  }

  /// dF/dp of each value for a learned p, by which the grid and u may move.
  std::vector<double> learned_slopes(float& p, Residual residual) {
    const float at = p, by = kStep * (at == 0 ? 1 : std::fabs(at));
    const auto at_p = [&](float value) {
      p = value;
      if (comes_whole_) quantizer_.prepare(x_);
      return values_now(residual);
    };
    const auto below = at_p(at - by), above = at_p(at + by);
    at_p(at);
    std::vector<double> all(x_.size());
    for (std::size_t i = 0; i < x_.size(); ++i) {
      all[i] = (above[i] - below[i]) / (double(at + by) - double(at - by));
    }
    return all;
  }

 private:
  static double difference(float a, float b, float from, float to) {
    return (double(b) - double(a)) / (double(to) - double(from));
  }

  Values rounded_of(const Values& x) const {
    const auto* transforms = optional_interface<TransformsValues>(&quantizer_);
    if (transforms == nullptr) return x;
    Values u(x.size());
    transforms->transformed(x, u);
    return u;
  }

  // Vectors have no ends.
  Place place_of(std::size_t i) const {
    if (grid_.dimension() > 1) return {};
    const std::size_t channel = grid_.layout().channel_of(i);
    const auto value = [&](std::int32_t code) {
      return double(grid_.value(code, channel));
    };
    const std::int32_t low = grid_.low_code(), high = grid_.high_code();
    const double below = value(low) - double(u_[i]), above = double(u_[i]) - value(high);
    const bool is_below = below > above;
    const double beyond = is_below ? below : above;
    const double step = low == high ? 1
                        : is_below  ? value(low + 1) - value(low)
                                    : value(high) - value(high - 1);
    constexpr double kClose = 1e-3;  // of a step
    if (beyond < -kClose * step) return {.channel = channel};
    if (beyond <= 0.51 * step) return {Place::Kind::kAtEnd, beyond, channel};
    return {is_below ? Place::Kind::kBelow : Place::Kind::kAbove, beyond, channel};
  }

  // F with the quantizer as it is now.
  std::vector<double> values_now(Residual residual) const {
    const Grid grid = quantizer_.grid();
    const auto u = rounded_of(x_);
    Values decoded(x_.size());
    grid.decode(codes_, decoded);
    std::vector<double> f(decoded.begin(), decoded.end());
    if (residual == Residual::kWholeLevel) return f;
    for (std::size_t i = 0; i < x_.size(); ++i) {
      if (places_[i].kind != Place::Kind::kInside) continue;
      const double added = double(y_[i]) - double(u_[i]);
      const double wider =
          residual == Residual::kInSteps ? scale(grid, i) / scale(grid_, i) : 1;
      f[i] = double(u[i]) + added * wider;
    }
    return f;
  }

  static double scale(const Grid& grid, std::size_t i) {
    const auto& scales = grid.scales();
    return scales.size() == 1 ? scales[0] : scales[grid.layout().channel_of(i)];
  }

  Quantizer& quantizer_;
  const Values& x_;
  bool comes_whole_;
  Grid grid_;
  Codes codes_;
  Values u_, y_;
  std::vector<Place> places_;
};

// At one end of one channel: how far out gradients pass, and how near they stop.
struct Clipping {
  double passes = 0;
  double stops = std::numeric_limits<double>::infinity();
};

Finding value_gradients(const Frozen& frozen, const Values& x, const Values& dy,
                        const Values& dx) {
  const auto slopes = frozen.slopes();
  std::map<std::pair<std::size_t, Place::Kind>, Clipping> ends;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!slopes[i]) continue;
    const Place& place = frozen.places()[i];
    const double through = double(dy[i]) * *slopes[i];
    const auto is = [&](double wanted) {
      return std::fabs(double(dx[i]) - wanted) <=
             kTolerance * (std::fabs(double(dy[i])) + std::fabs(through));
    };
    const bool passes = is(through), stops = is(0);
    const auto told = [&](const char* wanted) {
      return fmt::format("value {} is {}, and {} gives {}; expected {:.6g}{}", i, x[i],
                         dy[i], dx[i], through, wanted);
    };
    if (place.kind == Place::Kind::kInside) {
      if (!passes) return told("");
      continue;
    }
    if (!passes && !stops) return told(", or 0 beyond the grid");
    if (place.kind == Place::Kind::kAtEnd || passes == stops) continue;
    Clipping& end = ends[{place.channel, place.kind}];
    if (passes) end.passes = std::max(end.passes, place.beyond);
    if (stops) end.stops = std::min(end.stops, place.beyond);
    if (end.passes > end.stops) return told(" or 0, by one bound for all values");
  }
  return "";
}

// What a learned value's sums should be, and the size of their terms.
struct Expected {
  double sum = 0, size = 0;
  bool is(double got) const { return std::fabs(got - sum) <= kTolerance * size + 1e-6; }
};

std::vector<Expected> expected_sums(Frozen& frozen, Quantizer& quantizer,
                                    const Values& dy, Residual residual) {
  std::vector<Expected> all;
  for (Parameter* p : quantizer.trainable()) {
    for (float& value : p->value.span()) {
      const auto slopes = frozen.learned_slopes(value, residual);
      Expected own;
      for (std::size_t i = 0; i < dy.size(); ++i) {
        own.sum += double(dy[i]) * slopes[i];
        own.size += std::fabs(double(dy[i]) * slopes[i]);
      }
      all.push_back(own);
    }
  }
  return all;
}

// The first that differs, where rounding adds as `residual` says; or none.
std::optional<std::size_t> first_apart(const std::vector<Expected>& expected,
                                       const std::vector<double>& sums) {
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (!expected[i].is(sums[i])) return i;
  }
  return std::nullopt;
}

Finding learned_gradients(const Case& c, Frozen& frozen, Quantizer& quantizer,
                          const Values& dy, const std::vector<double>& sums) {
  const Residual usual =
      c.claims().learns_from_rounding ? Residual::kInSteps : Residual::kInValue;
  const auto expected = expected_sums(frozen, quantizer, dy, usual);
  const auto apart = first_apart(expected, sums);
  if (!apart) return "";
  const auto of_levels = expected_sums(frozen, quantizer, dy, Residual::kWholeLevel);
  if (!first_apart(of_levels, sums)) return "";
  return fmt::format(
      "learned value {} has gradient {}; expected {:.6g}, or {:.6g} where "
      "the code alone is held",
      *apart, sums[*apart], expected[*apart].sum, of_levels[*apart].sum);
}

Finding frozen_residual(const Case& c) {
  const auto x = c.values();
  auto dy = normal_values(x.size(), 8);
  const auto quantizer = c.made(x);
  Frozen frozen(c, *quantizer, x);
  auto sums = zero_sums(*quantizer);
  const auto dx = propagated(*quantizer, x, dy, sums, kTraining);
  Finding found = value_gradients(frozen, x, dy, dx);
  if (!found.empty() || sums.empty()) return found;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (frozen.places()[i].kind == Place::Kind::kAtEnd) dy[i] = 0;
  }
  sums = zero_sums(*quantizer);
  propagated(*quantizer, x, dy, sums, kTraining);
  return learned_gradients(c, frozen, *quantizer, dy, sums);
}

}  // namespace

std::vector<Check> straight_through_checks() {
  return {{"straight through",
           "gradients are those of x, clipped or not, with what rounding adds held fixed",
           {36, 257},  // four filters, and one
           is_value,
           &Claims::straight_through,
           frozen_residual}};
}

}  // namespace bitsweep::checks

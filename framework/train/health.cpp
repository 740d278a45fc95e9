#include "framework/train/health.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/core/health_curve.h"
#include "framework/engine/reductions.h"
#include "framework/nn/pruned_site.h"
#include "framework/quant/image_scales.h"
#include "framework/quant/loops.h"
#include "framework/quant/transforms_values.h"

namespace bitsweep {
namespace {

// Activations are judged by as many whole images as have this many values, at least one.
constexpr std::size_t kSampledValues = 65536;

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

const std::vector<float>& scales_of(const Grid& grid) {
  return grid.uniform() != nullptr ? grid.uniform()->scale : grid.levels()->scale;
}

// A channel's ends, half a step further out.
struct Reach {
  float low, high;
};

std::vector<Reach> reach_of(const Grid& grid) {
  const std::int32_t low = grid.low_code(), high = grid.high_code();
  const std::int32_t second = std::min(low + 1, high);
  const std::int32_t last_but_one = std::max(high - 1, low);
  std::vector<Reach> reach;
  for (std::size_t c = 0; c < scales_of(grid).size(); ++c) {
    const float least = grid.value(low, c), most = grid.value(high, c);
    reach.push_back({least - (grid.value(second, c) - least) / 2,
                     most + (most - grid.value(last_but_one, c)) / 2});
  }
  return reach;
}

double clipped_share(std::span<const float> x, std::span<const std::int32_t> codes,
                     const Grid& grid) {
  if (grid.dimension() > 1) return kUnknown;  // vectors have no ends
  const auto reach = reach_of(grid);
  const auto layout = grid.layout();
  const std::int32_t low = grid.low_code(), high = grid.high_code();
  const auto share = [&](auto reach_at) {
    const double count = sum_over(x.size(), [=, p = x.data(), q = codes.data()](auto i) {
      const Reach within = reach_at(i);
      const bool at_end = (q[i] == low) | (q[i] == high);
      return double(at_end & ((p[i] < within.low) | (p[i] > within.high)));
    });
    return count / double(x.size());
  };
  if (reach.size() == 1) return share([r = reach.front()](std::size_t) { return r; });
  return share(
      [r = reach.data(), layout](std::size_t i) { return r[layout.channel_of(i)]; });
}

double decibels(std::span<const float> x, std::span<const float> y) {
  const double noise = sum_over(x.size(), [p = x.data(), q = y.data()](std::size_t i) {
    const double error = double(p[i]) - double(q[i]);
    return error * error;
  });
  if (noise == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(kernels::sum_squares(x) / noise);
}

std::int8_t sign_of(float y) { return std::int8_t((y > 0) - (y < 0)); }

double norm_of_change(std::span<const float> now, const std::vector<float>& before) {
  return std::sqrt(sum_over(now.size(), [p = now.data(), q = before.data()](auto i) {
    return (double(p[i]) - double(q[i])) * (double(p[i]) - double(q[i]));
  }));
}

// "2 of 16 values are", "its value is".
std::string how_many(std::ptrdiff_t count, std::size_t all, const char* one,
                     const char* many) {
  if (all == 1) return fmt::format("its {} is", one);
  return fmt::format("{} of {} {} are", count, all, many);
}

bool is_finite(std::span<const float> x) { return std::isfinite(kernels::sum_abs(x)); }

bool all_zero(std::span<const float> x) {
  return std::all_of(x.begin(), x.end(), [](float v) { return v == 0; });
}

// ---- Likely causes ----

const char* cause_of_zeros(Role role) {
  return role == Role::kWeight
             ? "all weights are zero: weight decay or a mask has taken them there"
             : "all of them are zero: a ReLU before them is dead, as after too high a "
               "learning rate";
}

std::string cause_of_one_level(const MinMax& range, double clipped, const Grid& grid) {
  const auto where = [&] {
    if (range.max < 0 && grid.value(grid.low_code(), 0) == 0) {
      return "below a grid that has no negative levels";
    }
    if (clipped == 1) return "beyond the end of the grid: its range is too narrow";
    if (grid.level_count() == 2) return "on one side of its threshold";
    return "within a step of the grid: its range is too wide";
  };
  return fmt::format("all of them, between {:.3g} and {:.3g}, lie {}", range.min,
                     range.max, where());
}

std::string cause_of_rest(const Parameter& parameter, double clipped) {
  if (parameter.learning_rate_multiplier == 0) {
    return fmt::format("the learning-rate multiplier of '{}' is 0", parameter.name);
  }
  if (!all_zero(parameter.gradient.span())) {
    return "its learning rate is 0, or too low to change a float";
  }
  if (clipped == 0) return "its gradient is zero, and no value is clipped";
  if (clipped == 1) return "its gradient is zero, and every value is clipped";
  return "its gradient is zero";
}

}  // namespace

/// A learned parameter of a quantizer.
struct QuantizerHealth::Learned {
  Parameter* parameter;
  std::string curve;
  std::vector<float> start;
  bool told_of_minimum = false;

  double drift() const {
    const auto now = parameter->value.span();
    const double size = std::sqrt(kernels::sum_squares(start));
    return norm_of_change(now, start) / (size > 0 ? size : 1);
  }
  bool never_moved() const {
    return std::memcmp(parameter->value.data(), start.data(),
                       start.size() * sizeof(float)) == 0;
  }
  // The gradient is that of the last step: a cause is found in it at the end.
  void visit_state(SavedStateVisitor& visitor) {
    visitor.tensor(curve + "/start", start);
    visitor.tensor(curve + "/gradient", parameter->gradient.span());
    visitor.value(curve + "/told_of_minimum", told_of_minimum);
  }
};

/// A quantizer, and what is remembered of it.
struct QuantizerHealth::Watch {
  const BoundSite* bound;
  std::vector<Learned> learned;
  std::vector<std::int8_t> signs;  // of quantized weights
  double clipped = kUnknown;       // when last measured
  bool told_of_infinity = false;
  bool told_of_scale = false;
  bool told_of_one_level = false;

  explicit Watch(const BoundSite& site) : bound(&site) {
    for (Parameter* parameter : site.quantizer->trainable()) {
      const auto& name = parameter->name;
      const bool is_below = name.starts_with(site.site.name);
      learned.push_back(
          {parameter,
           HealthCurve{site.site.name, HealthFigure::kDrift,
                       is_below ? name.substr(site.site.name.size() + 1) : name}
               .name(),
           std::vector<float>(parameter->value.size())});
    }
    if (is_weight()) signs.resize(site.latent->value.size());
  }

  const std::string& name() const { return bound->site.name; }
  std::vector<double>& in(Curves& curves, HealthFigure figure) const {
    return curves[HealthCurve{name(), figure}.name()];
  }
  bool is_weight() const { return bound->site.role == Role::kWeight; }
  bool is_latent() const { return bound->latent != nullptr; }
  Quantizer& quantizer() const { return *bound->quantizer; }

  void visit_state(SavedStateVisitor& visitor) {
    const std::string own = "health/" + name() + "/";
    for (Learned& each : learned) each.visit_state(visitor);
    visitor.values(own + "signs", signs);
    visitor.value(own + "clipped", clipped);
    visitor.value(own + "told_of_infinity", told_of_infinity);
    visitor.value(own + "told_of_scale", told_of_scale);
    visitor.value(own + "told_of_one_level", told_of_one_level);
  }

  // Values of the first `images` images of a pass; of parameters, all.
  std::size_t value_count(int images) const {
    const std::size_t elements = bound->site.elements;
    if (is_latent() || elements == 0) return elements;
    const std::size_t sampled = std::max<std::size_t>(1, kSampledValues / elements);
    return std::min(std::size_t(images), sampled) * elements;
  }
};

/// A tensor and its quantized values, as they stand in the buffers.
struct QuantizerHealth::View {
  Grid grid;
  std::span<const float> x, u, y;  // u: what the grid is for
  std::span<const std::int32_t> codes;
};

QuantizerHealth::QuantizerHealth(Network& network, Warn warn)
    : network_(network), warn_(std::move(warn)) {
  std::size_t most = 0;
  for (const BoundSite* bound : network.sites()) {
    if (!bound->is_quantized() || bound->site.role == Role::kGradient) continue;
    // Biases of whole steps are float in training, and their step is known behind it.
    if (bound->follows_product != nullptr) continue;
    watches_.emplace_back(*bound);
    most = std::max(most, watches_.back().value_count(network.batch()));
  }
  codes_.resize(most);
  values_.resize(most);
  transformed_.resize(most);
}

QuantizerHealth::~QuantizerHealth() = default;

void QuantizerHealth::begin() {
  has_begun_ = true;
  for (Watch& watch : watches_) {
    for (Learned& learned : watch.learned) {
      const auto values = learned.parameter->value.span();
      std::copy(values.begin(), values.end(), learned.start.begin());
    }
    if (!watch.is_weight()) continue;
    if (const auto view = look(watch)) follow_signs(watch, *view);
  }
}

void QuantizerHealth::visit_state(SavedStateVisitor& visitor) {
  visitor.value("health/has_begun", has_begun_);
  visitor.value("health/epoch", epoch_);
  for (Watch& watch : watches_) watch.visit_state(visitor);
}

void QuantizerHealth::observe(Curves& curves) {
  if (has_begun_) ++epoch_;
  for (Watch& watch : watches_) {
    const auto view = look(watch);
    if (view) check_scales(watch, view->grid);
    measure(watch, view, curves);
    if (!has_begun_) continue;
    if (watch.is_weight()) {
      watch.in(curves, HealthFigure::kSignFlips)
          .push_back(view ? follow_signs(watch, *view) : kUnknown);
    }
    for (Learned& learned : watch.learned) {
      curves[learned.curve].push_back(learned.drift());
      check_minimum(learned);
    }
  }
}

void QuantizerHealth::finish() {
  for (Watch& watch : watches_) {
    if (const auto view = look(watch)) check_scales(watch, view->grid);
    if (epoch_ < 2) continue;
    for (const Learned& learned : watch.learned) {
      if (!learned.never_moved()) continue;
      warn_(fmt::format("{} has not moved from {:.3g} in {} epochs; likely cause: {}",
                        learned.parameter->name, learned.start.front(), epoch_,
                        cause_of_rest(*learned.parameter, watch.clipped)));
    }
  }
}

void QuantizerHealth::show(const Look& look_at) {
  for (Watch& watch : watches_) {
    if (watch.bound->evaluates_float || watch.bound->site.role == Role::kBias) continue;
    if (const auto view = look(watch)) {
      look_at(watch.name(), view->grid, view->u, view->codes);
    }
  }
}

// They stand for nothing.
void QuantizerHealth::refuse_foreign_codes(const View& view) {
  const auto [least, most] = std::minmax_element(view.codes.begin(), view.codes.end());
  const Grid& grid = view.grid;
  if (grid.low_code() <= *least && *most <= grid.high_code()) return;
  throw MethodError(fmt::format("its codes run from {} to {}; its grid has {} to {}",
                                *least, *most, grid.low_code(), grid.high_code()));
}

QuantizerHealth::View QuantizerHealth::encoded_view(const Watch& watch,
                                                    std::span<const float> x,
                                                    std::span<std::int32_t> codes,
                                                    std::span<float> y) {
  if (watch.bound->kept.empty()) {
    Grid grid = grid_for(watch.quantizer(), x);
    const auto own = codes.first(grid.code_count(x.size()));
    watch.quantizer().encode(x, own);
    return {.grid = std::move(grid), .x = x, .y = y, .codes = own};
  }
  Encoded encoded = encode_site(*watch.bound, x);
  std::copy(encoded.codes.begin(), encoded.codes.end(), codes.begin());
  return {.grid = std::move(encoded.grid), .x = x, .y = y, .codes = codes};
}

// Quantizes as outside training; nothing where there are no values, or none to make a
// grid of.
std::optional<QuantizerHealth::View> QuantizerHealth::look(Watch& watch) {
  if (!watch.bound->is_active()) return {};
  const std::size_t count = watch.value_count(network_.images());
  const auto x = watch.bound->before().first(count);
  if (count == 0 || !check_finite(watch, x)) return {};
  const auto codes = std::span(codes_).first(count);
  const auto y = std::span(values_).first(count);
  return at_site(*watch.bound, [&] {
    if (watch.is_latent()) watch.quantizer().prepare(x);
    View view = encoded_view(watch, x, codes, y);
    view.u = before_grid(watch, x);
    refuse_foreign_codes(view);
    view.grid.decode(view.codes, y);
    return view;
  });
}

std::span<const float> QuantizerHealth::before_grid(const Watch& watch,
                                                    std::span<const float> x) {
  const auto* transforms = dynamic_cast<const TransformsValues*>(&watch.quantizer());
  if (transforms == nullptr) return x;
  const auto u = std::span(transformed_).first(x.size());
  transforms->transformed(x, u);
  return u;
}

void QuantizerHealth::measure(Watch& watch, const std::optional<View>& view,
                              Curves& curves) {
  if (watch.bound->evaluates_float) return;
  double unused = kUnknown, all = kUnknown, sqnr = kUnknown;
  watch.clipped = kUnknown;
  if (view) {
    watch.clipped = clipped_share(view->u, view->codes, view->grid);
    const std::size_t levels = view->grid.level_count(), used = used_levels(*view);
    unused = double(levels - used);
    all = double(levels);
    sqnr = decibels(view->u, view->y);
    if (used == 1 && levels > 1) check_one_level(watch, *view);
  }
  watch.in(curves, HealthFigure::kClipped).push_back(watch.clipped);
  watch.in(curves, HealthFigure::kUnusedLevels).push_back(unused);
  watch.in(curves, HealthFigure::kLevels).push_back(all);
  watch.in(curves, HealthFigure::kSqnr).push_back(sqnr);
}

std::size_t QuantizerHealth::used_levels(const View& view) {
  constexpr std::size_t kMostCounts = 1 << 20;
  if (view.grid.level_count() > kMostCounts) {
    const std::set<std::int32_t> used(view.codes.begin(), view.codes.end());
    return used.size();
  }
  const auto counts = code_counts(view.codes, view.grid);
  return counts.size() - std::size_t(std::count(counts.begin(), counts.end(), 0));
}

// The share of quantized weights with another sign than when last looked at.
double QuantizerHealth::follow_signs(Watch& watch, const View& view) {
  std::size_t flips = 0;
  for (std::size_t i = 0; i < view.y.size(); ++i) {
    const std::int8_t sign = sign_of(view.y[i]);
    flips += sign != watch.signs[i];
    watch.signs[i] = sign;
  }
  return double(flips) / double(view.y.size());
}

// False where the values or what was learned for them are lost: no grid follows from
// them.
bool QuantizerHealth::check_finite(Watch& watch, std::span<const float> x) {
  const std::string* lost = is_finite(x) ? nullptr : &watch.name();
  for (const Learned& learned : watch.learned) {
    if (!is_finite(learned.parameter->value.span())) lost = &learned.parameter->name;
  }
  if (lost != nullptr && !std::exchange(watch.told_of_infinity, true)) {
    warn_(
        fmt::format("{}: not all values are finite {}; likely cause: too high a "
                    "learning rate",
                    *lost, when()));
  }
  return lost == nullptr;
}

// A grid of levels may have them: its values are lost.
void QuantizerHealth::check_scales(Watch& watch, const Grid& grid) {
  const auto& scales = scales_of(grid);
  const auto zeros = std::count(scales.begin(), scales.end(), 0.0f);
  if (zeros == 0 || std::exchange(watch.told_of_scale, true)) return;
  warn_(fmt::format("{}: {} 0 {}; likely cause: all the values that share it are zero",
                    watch.name(), how_many(zeros, scales.size(), "scale", "scales"),
                    when()));
}

// Biases may well be all zero: where they begin, and where a normalisation follows.
void QuantizerHealth::check_one_level(Watch& watch, const View& view) {
  const Role role = watch.bound->site.role;
  if (view.x.size() < 2 || (role == Role::kBias && all_zero(view.x))) return;
  if (std::exchange(watch.told_of_one_level, true)) return;
  const MinMax range = kernels::min_max(view.u);
  const auto cause = all_zero(view.x)
                         ? cause_of_zeros(role)
                         : cause_of_one_level(range, watch.clipped, view.grid);
  warn_(
      fmt::format("{}: all {} values looked at take one level, {:.3g}, {}; likely "
                  "cause: {}",
                  watch.name(), view.x.size(), view.y.front(), when(), cause));
}

void QuantizerHealth::check_minimum(Learned& learned) {
  const Parameter& parameter = *learned.parameter;
  const auto values = parameter.value.span();
  const auto count = std::count_if(values.begin(), values.end(), [&](float value) {
    return value <= parameter.minimum;
  });
  if (count == 0 || std::exchange(learned.told_of_minimum, true)) return;
  warn_(
      fmt::format("{}: {} at the least allowed, {:.3g}, {}; likely cause: its learning "
                  "rate is too high (see the optimizer's quantizer_learning_rate)",
                  parameter.name, how_many(count, values.size(), "value", "values"),
                  parameter.minimum, when()));
}

std::string QuantizerHealth::when() const {
  return epoch_ == 0 ? "after calibration" : fmt::format("at epoch {}", epoch_);
}

}  // namespace bitsweep

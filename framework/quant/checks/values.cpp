// What comes out of a quantizer, and its codes.
#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "framework/quant/checks/check.h"
#include "framework/quant/image_scales.h"

namespace bitsweep::checks {
namespace {

constexpr std::size_t kFew = 31;  // values, where many inputs are tried
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// What quantizers meet at their worst.
std::vector<Values> awkward_values(const Case& c) {
  const std::size_t size = c.site.elements;
  constexpr float kDenormal = 1e-42f, kHuge = 1e30f;
  std::vector<Values> all;
  for (const float v : {0.0f, -0.0f, 1.0f, -1.0f, kDenormal, -kDenormal, kHuge, -kHuge}) {
    all.emplace_back(size, v);
  }
  Values mixed(size);
  for (std::size_t i = 0; i < size; ++i) {
    const float values[] = {0.5f, -0.5f, kHuge, -kDenormal, -0.0f, 1e-6f, -kHuge};
    mixed[i] = values[i % 7];
  }
  all.push_back(mixed);
  Values behind_zeros = c.values();
  std::fill_n(behind_zeros.begin(), size / 2, 0.0f);
  all.push_back(behind_zeros);
  return all;
}

Finding foreign_code(const Grid& grid, const Codes& codes) {
  for (const std::int32_t code : codes) {
    if (grid.low_code() <= code && code <= grid.high_code()) continue;
    return fmt::format("a code is {}; the grid has {} to {}", code, grid.low_code(),
                       grid.high_code());
  }
  return "";
}

// Codes that the grid has not stand for nothing.
Finding law_on(const Quantizer& quantizer, const Values& x) {
  const auto y = quantized(quantizer, x);
  const auto codes = encoded(quantizer, x);
  const Grid grid = on(x, [&] { return grid_for(quantizer, x); });
  if (const Finding found = foreign_code(grid, codes); !found.empty()) return found;
  Values decoded(x.size());
  grid.decode(codes, decoded);
  return difference(x, y, decoded, "its code stands for");
}

Finding law(const Case& c) {
  const auto x = c.values();
  const auto quantizer = c.made(x);
  Finding found = law_on(*quantizer, x);
  if (found.empty() && !c.comes_whole()) {
    found = law_on(*quantizer, normal_values(x.size(), 99, 3));
  }
  if (x.size() > kFew) return found;
  for (const auto& awkward : awkward_values(c)) {
    if (found.empty()) found = law_on(*c.made(awkward), awkward);
  }
  return found;
}

// Halfway between neighbouring levels, and a float to each side: each element takes its
// turn of its channel's pairs of levels.
Values between_levels(const Grid& grid, std::size_t size) {
  const auto pairs = std::int32_t(grid.level_count()) - 1;
  Values x(size);
  for (std::size_t i = 0; i < size; ++i) {
    // A long grid: from its middle outwards, to both sides.
    const auto turn = std::int32_t(i / 3) % pairs;
    const auto from_middle = turn % 2 == 0 ? turn / 2 : -(turn + 1) / 2;
    const std::int32_t code = grid.low_code() + (pairs / 2 + from_middle + pairs) % pairs;
    const std::size_t channel = grid.layout().channel_of(i);
    const float middle = (grid.value(code, channel) + grid.value(code + 1, channel)) / 2;
    x[i] = i % 3 == 0   ? middle
           : i % 3 == 1 ? std::nextafter(middle, kInfinity)
                        : std::nextafter(middle, -kInfinity);
  }
  return x;
}

Finding ties(const Case& c) {
  const auto quantizer = c.made(c.values());
  const Grid grid = quantizer->grid();
  constexpr std::size_t kMostLevels = 1 << 24;  // that floats tell apart
  if (grid.level_count() < 2 || grid.level_count() > kMostLevels) return "";
  return law_on(*quantizer, between_levels(grid, c.site.elements));
}

Finding codes(const Case& c) {
  const auto x = c.values();
  const auto quantizer = c.made(x);
  return foreign_code(quantizer->grid(), encoded(*quantizer, x));
}

Finding levels(const Case& c) {
  const auto x = c.values();
  const auto quantizer = c.made(x);
  const Grid grid = quantizer->grid();
  // Of sums, not of what the method's widths are for.
  if (dynamic_cast<const FollowsProduct*>(quantizer.get()) != nullptr) return "";
  if (grid.level_count() > std::size_t{1} << c.bits) {
    return fmt::format("the grid has {} levels; {} bits hold {}", grid.level_count(),
                       c.bits, 1 << c.bits);
  }
  if (c.site.channels.channels > 1 || c.bits > 8 || grid.dimension() > 1) return "";
  const auto y = quantized(*quantizer, x, {.training = true, .step = 5});
  const auto count = std::set<float>(y.begin(), y.end()).size();
  if (y == x || count <= std::size_t{1} << c.bits) return "";  // float in training
  return fmt::format("in training values become {} different ones; {} bits hold {}",
                     count, c.bits, 1 << c.bits);
}

Finding finite(const Case& c) {
  for (const auto& x : awkward_values(c)) {
    const auto quantizer = c.made(x);
    for (const bool training : {false, true}) {
      const auto y = quantized(*quantizer, x, {.training = training});
      const bool on_grid = !training && has_grid(c, *quantizer);
      for (std::size_t i = 0; i < y.size(); ++i) {
        if (!std::isfinite(y[i])) return fmt::format("{} becomes {}", x[i], y[i]);
        if (on_grid && y[i] == 0 && std::signbit(y[i]))
          return fmt::format("{} becomes -0", x[i]);
      }
    }
  }
  return "";
}

Finding not_a_number(const Case& c) {
  auto x = c.values();
  const auto quantizer = c.made(x);
  const auto clean = quantized(*quantizer, x);
  const std::size_t at = x.size() / 2;
  // All values of an image have a part in its range.
  const bool shares_range = dynamic_cast<const ScalesEachImage*>(quantizer.get());
  for (const float odd : {kNan, kInfinity, -kInfinity}) {
    x[at] = odd;
    auto y = quantized(*quantizer, x);
    y[at] = clean[at];
    const Finding spoilt = difference(x, y, clean, "beside a clean value it was");
    if (!shares_range && !spoilt.empty())
      return fmt::format("with one value {}: {}", odd, spoilt);
    const Finding foreign = foreign_code(quantizer->grid(), encoded(*quantizer, x));
    if (!foreign.empty()) return fmt::format("with one value {}: {}", odd, foreign);
  }
  return "";
}

// Training that diverges shows a quantizer such values. What comes of them is lost; but
// forward and backward go on, so that the run can tell of its loss.
Finding survives(const Case& c) {
  const auto clean = c.values();
  for (const float odd : {kNan, kInfinity, -kInfinity}) {
    auto one_lost = clean;
    one_lost[clean.size() / 2] = odd;
    for (const Values& lost : {one_lost, Values(clean.size(), odd)}) {
      for (const bool from_the_start : {true, false}) {
        const auto quantizer = c.made(from_the_start ? lost : clean);
        on(lost, [&] { quantizer->prepare(lost); });
        for (const Values& x : {clean, lost}) {
          quantized(*quantizer, x);
          std::vector<double> sums;
          if (c.is_gradient()) continue;
          propagated(*quantizer, x, clean, sums);
          quantizer->finish_gradient(sums);
        }
      }
    }
  }
  return "";
}

Finding idempotent(const Case& c) {
  const auto x = c.values();
  const auto quantizer = c.made(x);
  const auto once = quantized(*quantizer, x);
  return difference(once, quantized(*quantizer, once), once, "it was on the grid as");
}

Finding monotonic(const Case& c) {
  auto x = c.values();
  const auto quantizer = c.made(x);
  const std::size_t run = c.role() == Role::kWeight ? c.site.channels.inner : x.size();
  for (std::size_t i = 0; i < x.size(); i += run) {
    std::sort(x.begin() + long(i), x.begin() + long(std::min(x.size(), i + run)));
  }
  const auto y = quantized(*quantizer, x);
  for (std::size_t i = 1; i < y.size(); ++i) {
    if (i % run == 0 || y[i - 1] <= y[i]) continue;
    return fmt::format("{} becomes {}, and the larger {} becomes {}", x[i - 1], y[i - 1],
                       x[i], y[i]);
  }
  return "";
}

Finding zero_preserving(const Case& c) {
  auto x = c.values();
  x[x.size() / 2] = 0;
  const float y = quantized(*c.made(x), x)[x.size() / 2];
  return y == 0 ? "" : fmt::format("0 becomes {}", y);
}

Finding by_channel(const Case& c) {
  const auto x = c.values();
  const auto whole = c.made(x);
  if (whole->grid().scale_count() < c.site.channels.channels) return "";
  const auto y = quantized(*whole, x);
  auto shape = c.site.shape;
  shape[0] = 1;
  const Site filter = probe::weight_site(shape);
  for (std::size_t begin = 0; begin < x.size(); begin += filter.elements) {
    const auto own = part(x, begin, filter.elements);
    const auto alone = c.fresh(filter);
    calibrate(*alone, own);
    const Finding found =
        difference(own, quantized(*alone, own), part(y, begin, filter.elements),
                   "among other channels it becomes");
    if (!found.empty()) return found;
  }
  return "";
}

}  // namespace

std::vector<Check> value_checks() {
  return {
      {"law", "in evaluation, forward equals the decoded codes exactly", kSizes, has_grid,
       nullptr, law},
      {"large law", "the same for larger tensors", {4096}, has_grid, nullptr, law},
      {"ties", "the same halfway between levels", {1023, 4096}, has_grid, nullptr, ties},
      {"codes", "codes are within the grid", kSizes, has_grid, nullptr, codes},
      {"levels",
       "there are at most 2^bits levels, in training too",
       {4096},
       has_grid,
       nullptr,
       levels},
      {"finite",
       "finite values stay finite, and none becomes -0",
       {1, 9, 31},
       any,
       nullptr,
       finite},
      {"odd values",
       "NaN and infinity get a code and change no other value",
       {31},
       has_grid,
       nullptr,
       not_a_number},
      {"lost values",
       "NaN and infinity in calibration or weights cause no crash",
       {31},
       any,
       nullptr,
       survives},
      {"idempotent", "quantizing twice changes nothing", kSizes, has_grid,
       &Claims::idempotent, idempotent},
      {"monotonic", "larger values are never quantized lower", kSizes, has_grid,
       &Claims::monotonic, monotonic},
      {"zero", "0 stays 0", {9, 31}, has_grid, &Claims::zero_preserving, zero_preserving},
      {"channels",
       "filters with their own scales are quantized independently",
       {4096},
       has_filters,
       nullptr,
       by_channel}};
}

}  // namespace bitsweep::checks

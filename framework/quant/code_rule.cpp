#include "framework/quant/code_rule.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/core/random.h"
#include "framework/quant/affine_loops.h"
#include "framework/quant/image_scales.h"
#include "framework/quant/uniform.h"

namespace bitsweep {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

using Codes = std::vector<std::int32_t>;
using Encode = std::function<void(std::span<const float>, std::span<std::int32_t>)>;

// Floats in order, as integers: bisection over these visits every float there is.
std::int32_t key_of(float x) {
  const auto bits = std::bit_cast<std::int32_t>(x);
  return bits < 0 ? std::numeric_limits<std::int32_t>::min() - bits : bits;
}
float float_of(std::int32_t key) {
  return std::bit_cast<float>(key < 0 ? std::numeric_limits<std::int32_t>::min() - key
                                      : key);
}

// For each code above `low` the least float from `least` on that takes it or a higher
// one, all bisections side by side.
std::vector<float> bisect(const Encode& encode, std::int32_t low, std::int32_t high,
                          float least) {
  const std::size_t count = std::size_t(high - low);
  const std::int32_t end = key_of(kInfinity);  // stands for "no float"
  std::vector<std::int64_t> from(count, key_of(least)), to(count, end);
  std::vector<float> x(count);
  Codes codes(count);
  for (int step = 0; step < 33; ++step) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::int64_t middle = (from[i] + to[i]) >> 1;
      x[i] = float_of(std::int32_t(std::min<std::int64_t>(middle, end - 1)));
    }
    encode(x, codes);
    for (std::size_t i = 0; i < count; ++i) {
      if (from[i] == to[i]) continue;
      const std::int64_t middle = (from[i] + to[i]) >> 1;
      const bool reached = codes[i] > low + std::int32_t(i);
      (reached ? to : from)[i] = reached ? middle : middle + 1;
    }
  }
  std::vector<float> thresholds(count);
  for (std::size_t i = 0; i < count; ++i) {
    thresholds[i] = to[i] >= end ? kInfinity : float_of(std::int32_t(to[i]));
  }
  return thresholds;
}

// Zero and its neighbours, both sides of every threshold, and values of all sizes.
std::vector<float> probes(std::span<const float> thresholds) {
  constexpr int kRandom = 4096;
  std::vector<float> x = {0.0f, -0.0f, 1e-42f, -1e-42f, 1e30f, -1e30f};
  for (const float t : thresholds) {
    if (!std::isfinite(t)) continue;
    for (const float v : {t, std::nextafter(t, -kInfinity)}) x.insert(x.end(), {v, -v});
  }
  const RandomStream random(1, "code rule");
  for (std::uint32_t i = 0; i < kRandom; ++i) {
    x.push_back(float(random.normal_at(i)) * std::ldexp(1.0f, int(i % 24) - 12));
  }
  return x;
}

Codes encoded(const Encode& encode, std::span<const float> x) {
  Codes codes(x.size());
  encode(x, codes);
  return codes;
}

Encode by_rule(const CodeRule& rule, const Grid& grid) {
  return [&](auto x, auto codes) { apply_rule(rule, grid, x, codes); };
}

// Grids have one scale and one code book: each value by itself.
void refuse_channels(const Grid& grid) {
  const bool many = grid.scales().size() > 1 || grid.dimension() > 1 ||
                    (grid.levels() != nullptr && grid.levels()->books > 1);
  if (!many) return;
  throw MethodError(
      "its grid differs by channel; values before a layer are packed with one grid");
}

void code_by_thresholds(std::span<const float> x, std::span<const float> thresholds,
                        bool of_magnitude, std::int32_t low,
                        std::span<std::int32_t> codes) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    float v = of_magnitude ? std::fabs(x[i]) : x[i];
    if (std::isnan(v)) v = 0;
    const auto above = std::upper_bound(thresholds.begin(), thresholds.end(), v);
    codes[i] = low + std::int32_t(above - thresholds.begin());
  }
}

void code_values(std::span<const float> x, const UniformQuantization& q,
                 const CodeRule& rule, std::span<std::int32_t> codes) {
  if (rule.order == CodeOrder::kTensorflow) {
    return encode_uniform(x, codes, q, rule.rounding);
  }
  encode_affine(x, codes, {.rounding = rule.rounding, .order = rule.order}, q);
}

void code_uniform(std::span<const float> x, const UniformGrid& grid, const CodeRule& rule,
                  std::span<std::int32_t> codes) {
  const UniformQuantization q{.scale = grid.scale.front(),
                              .zero_point = grid.zero_point.front(),
                              .low = float(grid.low),
                              .high = float(grid.high)};
  if (!rule.of_magnitude) return code_values(x, q, rule, codes);
  std::vector<float> magnitudes(x.size());
  std::transform(x.begin(), x.end(), magnitudes.begin(),
                 [](float v) { return std::fabs(v); });
  code_values(magnitudes, q, rule, codes);
}

// Rules without a table, the plainest first.
std::vector<CodeRule> rules_of(const Grid& grid, bool of_magnitude) {
  if (grid.levels() != nullptr) {
    return {{.kind = CodeRule::Kind::kNearest, .of_magnitude = of_magnitude}};
  }
  std::vector<CodeRule> rules;
  for (const Rounding rounding :
       {Rounding::kHalfEven, Rounding::kHalfAway, Rounding::kHalfUp, Rounding::kFloor}) {
    rules.push_back({.kind = CodeRule::Kind::kUniform,
                     .rounding = rounding,
                     .of_magnitude = of_magnitude});
  }
  for (const CodeOrder order : {CodeOrder::kOnnx, CodeOrder::kPytorch}) {
    for (const Rounding rounding :
         {Rounding::kHalfEven, Rounding::kHalfAway, Rounding::kHalfUp}) {
      rules.push_back({.kind = CodeRule::Kind::kUniform,
                       .rounding = rounding,
                       .order = order,
                       .of_magnitude = of_magnitude});
    }
  }
  return rules;
}

void code_image(std::span<const float> x, const AffineCodes& affine,
                std::span<std::int32_t> codes) {
  const UniformQuantization q = affine_quantization_of(x, affine);
  with_code(affine, [&](auto code) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float own = clamped(code(x[i], q), q);
      codes[i] = std::int32_t(own == own ? own : q.zero_point);
    }
  });
}

}  // namespace

std::vector<float> thresholds_of(const CodeRule& rule, const Grid& grid) {
  if (rule.kind == CodeRule::Kind::kThresholds) return rule.thresholds;
  ensure(!rule.is_dynamic(), "borders between codes stand still");
  const float least = rule.of_magnitude ? 0.0f : -std::numeric_limits<float>::max();
  return bisect(by_rule(rule, grid), grid.low_code(), grid.high_code(), least);
}

void apply_rule(const CodeRule& rule, const Grid& grid, std::span<const float> x,
                std::span<std::int32_t> codes) {
  switch (rule.kind) {
    case CodeRule::Kind::kUniform:
      return code_uniform(x, *grid.uniform(), rule, codes);
    case CodeRule::Kind::kNearest:
      if (!rule.of_magnitude) return grid.nearest_codes(x, codes);
      for (std::size_t i = 0; i < x.size(); ++i) {
        codes[i] = grid.nearest_code(std::fabs(x[i]), 0);
      }
      return;
    case CodeRule::Kind::kThresholds:
      return code_by_thresholds(x, rule.thresholds, rule.of_magnitude, grid.low_code(),
                                codes);
    case CodeRule::Kind::kOfImage:
    case CodeRule::Kind::kOfBatch:
      return code_image(x, rule.affine, codes);
  }
}

CodeRule find_code_rule(const Quantizer& quantizer) {
  if (const auto* dynamic = dynamic_cast<const ScalesAtRunTime*>(&quantizer)) {
    const AffineCodes& affine = dynamic->affine();
    const bool of_batch = dynamic_cast<const ScalesEachBatch*>(&quantizer) != nullptr;
    return {.kind = of_batch ? CodeRule::Kind::kOfBatch : CodeRule::Kind::kOfImage,
            .rounding = affine.rounding,
            .affine = affine};
  }
  const Grid grid = quantizer.grid();
  refuse_channels(grid);
  const Encode encode = [&](auto x, auto codes) { quantizer.encode(x, codes); };
  for (const bool of_magnitude : {false, true}) {
    const float least = of_magnitude ? 0.0f : -std::numeric_limits<float>::max();
    const auto thresholds = bisect(encode, grid.low_code(), grid.high_code(), least);
    CodeRule exact{.kind = CodeRule::Kind::kThresholds,
                   .of_magnitude = of_magnitude,
                   .thresholds = thresholds};
    const auto x = probes(thresholds);
    const Codes wanted = encoded(encode, x);
    const bool rises = std::is_sorted(thresholds.begin(), thresholds.end());
    if (!rises || encoded(by_rule(exact, grid), x) != wanted) continue;
    for (const CodeRule& rule : rules_of(grid, of_magnitude)) {
      if (thresholds_of(rule, grid) == thresholds &&
          encoded(by_rule(rule, grid), x) == wanted) {
        return rule;
      }
    }
    return exact;
  }
  throw MethodError(
      "its codes neither rise with x nor with |x|; a packed model cannot say how they "
      "are chosen");
}

}  // namespace bitsweep

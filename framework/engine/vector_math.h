// Functions that a loop over them turns into vector instructions: no table, no branch, so
// an element's value does not depend on where in the loop it stands.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace bitsweep {

/// tanh within 3 units in the last place of float; odd, NaN for NaN.
///
/// tanh|x| = e / (e + 2) with e = exp(2|x|) - 1, and 2|x| = n ln 2 + r, |r| <= ln 2 / 2,
/// where exp(r) - 1 is the Taylor polynomial of degree 7.
inline float vector_tanh(float x) {
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2High = 0.693359375f;  // n times this is exact
  constexpr float kLn2Low = -2.12194440e-4f;
  constexpr float kWholes = 0x1.8p23f;  // with so much added a float has no fraction
  constexpr float kSaturated = 9.1f;    // beyond it tanh is 1 in float

  const float magnitude = std::fabs(x);
  const float z = 2 * (magnitude > kSaturated ? kSaturated : magnitude);
  const float n = std::nearbyint(z * kLog2E);
  const float r = (z - n * kLn2High) - n * kLn2Low;
  float tail = 1.0f / 5040;
  tail = tail * r + 1.0f / 720;
  tail = tail * r + 1.0f / 120;
  tail = tail * r + 1.0f / 24;
  tail = tail * r + 1.0f / 6;
  tail = tail * r + 0.5f;
  const float exp_r_minus_1 = r + r * r * tail;
  // n + 127 in the lowest bits of a float, whatever n is: NaN has no integer.
  const auto biased = std::bit_cast<std::uint32_t>(n + (kWholes + 127));
  const float power = std::bit_cast<float>(biased << 23);
  const float e = power * exp_r_minus_1 + (power - 1);
  return std::copysign(e / (e + 2), x);
}

/// a + b of bit patterns, which may be those of NaN: it wraps.
inline std::int32_t wrapping_sum(std::int32_t a, std::int32_t b) {
  return std::int32_t(std::uint32_t(a) + std::uint32_t(b));
}

/// The integer nearest to log2(magnitude): the exponent, and one more where the fraction
/// 1.f is above sqrt(2). -127 for 0 and for denormals, 128 for infinity and large NaNs.
inline std::int32_t nearest_log2(float magnitude) {
  constexpr std::int32_t kAboveRoot2 = 0x3504f4;  // fraction of the float above sqrt(2)
  const auto bits = std::bit_cast<std::int32_t>(magnitude) & 0x7fffffff;
  return bits < 0x00800000 ? -127
                           : (wrapping_sum(bits, 0x00800000 - kAboveRoot2) >> 23) - 127;
}

/// The integer nearest to 2 log2(magnitude): half steps, with the fractions' thresholds
/// at the fourth root of 2 and of 8. -254 for 0 and for denormals.
inline std::int32_t nearest_half_log2(float magnitude) {
  constexpr std::int32_t kAboveRoot4Of2 = 0x1837f1;
  constexpr std::int32_t kAboveRoot4Of8 = 0x5744fd;
  const auto bits = std::bit_cast<std::int32_t>(magnitude) & 0x7fffffff;
  const std::int32_t fraction = bits & 0x007fffff;
  const std::int32_t steps = 2 * ((bits >> 23) - 127) + (fraction >= kAboveRoot4Of2) +
                             (fraction >= kAboveRoot4Of8);
  return bits < 0x00800000 ? -254 : steps;
}

/// log2 of the fraction 1 <= m < 2 within 2e-6: for draws, not for thresholds.
inline float log2_of_fraction(float m) {
  const float t = (m - 1) / (m + 1);
  const float t2 = t * t;
  const float series = ((t2 / 9 + 1.0f / 7) * t2 + 1.0f / 5) * t2 + 1.0f / 3;
  return 2.88539008f * t * (1 + t2 * series);
}

/// 2^exponent for -126 <= exponent <= 127.
inline float power_of_2(std::int32_t exponent) {
  return std::bit_cast<float>((exponent + 127) << 23);
}

}  // namespace bitsweep

// What an affine quantizer does to values that share a scale.
#pragma once

#include <cstdint>
#include <span>

#include "framework/quant/affine.h"
#include "framework/quant/loops.h"

namespace bitsweep {

/// y = the value of x's code.
inline void quantize_affine(std::span<const float> x, std::span<float> y,
                            const AffineCodes& codes, const UniformQuantization& q) {
  with_code(codes, [&](auto code) {
    transform(x, y, [code, q](float v) {
      return q.scale * (clamped(code(v, q), q) - q.zero_point);
    });
  });
}

/// Its code; of NaN that of 0.
inline void encode_affine(std::span<const float> x, std::span<std::int32_t> to,
                          const AffineCodes& codes, const UniformQuantization& q) {
  with_code(codes, [&](auto code) {
    transform(x, to, [code, q](float v) {
      const float c = clamped(code(v, q), q);
      return std::int32_t(c == c ? c : q.zero_point);
    });
  });
}

/// dx = dy where the code is not clamped, else 0.
inline void pass_affine_gradient(std::span<const float> x, std::span<const float> dy,
                                 std::span<float> dx, const AffineCodes& codes,
                                 const UniformQuantization& q) {
  with_code(codes, [&](auto code) {
    transform(x, dy, dx, [code, q](float v, float slope) {
      const float c = code(v, q);
      return (q.low <= c) & (c <= q.high) ? slope : 0.0f;
    });
  });
}

}  // namespace bitsweep

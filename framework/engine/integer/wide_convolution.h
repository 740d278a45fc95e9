// Integer convolution by 16-bit products, pairs of which are added in 32 bits: exact on
// any CPU and for any codes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/engine/integer/aligned.h"
#include "framework/engine/integer/convolution.h"

namespace bitsweep {

class WideConvolution final : public IntegerConvolution {
 public:
  WideConvolution(const ConvolutionGeometry& geometry, InputCodes input, int images,
                  int slots);
  void pack_weights(std::span<const std::int8_t> weights,
                    std::span<const std::int8_t> zero_points) override;
  void forward(int slot, const void* x, std::int32_t* y) const override;
  std::string implementation() const override { return "16-bit products"; }

 private:
  template <class Code>
  void forward_codes(int slot, const Code* x, std::int32_t* y) const;
  template <class Code>
  void gather_row(const Code* image, int row, int group, std::int16_t* patches) const;

  ConvolutionGeometry g_;
  InputCodes input_;
  int images_;
  std::size_t patch_;                    // taps * in, rounded up to a vector
  AlignedVector<std::int16_t> weights_;  // [filters][patch_], less their zero point
  // [slot][width][patch_]: what a row of output pixels sees, less the zero point. Beyond
  // the taps it stays 0.
  mutable std::vector<AlignedVector<std::int16_t>> patches_;
};

}  // namespace bitsweep

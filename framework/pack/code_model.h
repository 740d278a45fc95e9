// The decisions that make up a tensor's codes, and what each is expected from.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <span>
#include <utility>
#include <vector>

#include "framework/core/error.h"
#include "framework/pack/arithmetic.h"
#include "framework/pack/logistic_model.h"

namespace bitsweep {

/// Natural logarithms of 1 to 24, by Newton's method: the same on every machine.
inline constexpr auto kLogarithms = [] {
  std::array<float, 25> logarithms{};
  for (std::size_t n = 1; n < logarithms.size(); ++n) {
    double x = 0;
    for (int i = 0; i < 40; ++i) x += double(n) / LogisticTable::exponential(x) - 1;
    logarithms[n] = float(x);
  }
  return logarithms;
}();

/// Goes through a tensor row by row. Encoding and decoding take the same way: `Coder`
/// either writes the decisions or says what they were.
template <class Coder>
class CodeModel {
 public:
  CodeModel(Coder& coder, std::uint32_t alphabet, std::uint32_t zero, std::size_t columns)
      : coder_(coder),
        below_(zero),
        above_(alphabet - 1 - zero),
        zero_(zero),
        column_significant_(columns),
        column_sign_(columns),
        before_(columns + 4),
        before_that_(columns + 4),
        now_(columns + 4) {
    set_precision(neighbours_, 4);
    set_precision(densities_, 4);
    set_precision(signs_, 4);
    set_precision(column_sign_, 4);
    expect_even_distances(further_[0], above_);
    expect_even_distances(further_[1], below_);
  }

  /// Codes one row, whose elements a decoder sets.
  void code_row(std::span<std::uint32_t> row) {
    row_significant_ = {0, 1};
    row_sign_ = {0, 1};
    row_further_ = {0, 8};
    density_ = 0;
    for (std::size_t c = 0; c < row.size(); ++c) row[c] = code_element(row[c], c);
    std::swap(before_that_, before_);
    std::swap(before_, now_);
  }

 private:
  static constexpr std::uint32_t kUnary = 24;
  using Distances = std::array<LogisticWeight, kUnary>;

  static void set_precision(std::span<LogisticWeight> weights, float precision) {
    for (LogisticWeight& weight : weights) weight.precision = precision;
  }

  /// At first all distances are as likely: "further than d" with furthest - d against 1.
  static void expect_even_distances(Distances& further, std::uint32_t furthest) {
    for (std::uint32_t d = 1; d < std::min(furthest, kUnary); ++d) {
      further[d] = {kLogarithms[std::min(furthest - d, kUnary)], 0.25f};
    }
  }

  // A sign in a byte: 0 for zero, 1 above, 2 below.
  static constexpr std::size_t kLeft = 2;  // of column 0, two bytes of zeros

  std::uint32_t code_element(std::uint32_t code, std::size_t c) {
    std::uint8_t& sign = now_[c + kLeft];
    sign = 0;
    const bool significant = code_significance(code != zero_, c);
    density_ += (significant ? 65535 - density_ : -density_) / 16;
    if (!significant) return zero_;
    const bool is_below = code_sign(code < zero_, c);
    sign = is_below ? 2 : 1;
    const std::uint32_t distance =
        code_distance(is_below ? zero_ - code : code - zero_, is_below);
    return is_below ? zero_ - distance : zero_ + distance;
  }

  bool code_significance(bool significant, std::size_t c) {
    if (below_ + above_ == 0) return false;
    const auto is_set = [](std::uint8_t s) { return std::size_t(s != 0); };
    const std::size_t near = is_set(now_[c + 1]) | is_set(now_[c]) << 1 |
                             is_set(before_[c + 2]) << 2 |
                             is_set(before_that_[c + 2]) << 3;
    // About 2 log2(1 + 64 d) for the share d of the last elements of the row.
    const auto x = std::uint32_t(16 + (density_ >> 6));
    const int width = std::bit_width(x);
    const auto level = std::size_t(2 * (width - 5)) + ((x >> (width - 2)) & 1);
    return code_decision(coder_, significant,
                         std::array{&column_significant_[c], &neighbours_[near],
                                    &densities_[level], &row_significant_, &bias_});
  }

  bool code_sign(bool is_below, std::size_t c) {
    if (above_ == 0) return true;
    if (below_ == 0) return false;
    const std::size_t near = now_[c + 1] + 3u * before_[c + 2];
    return code_decision(
        coder_, is_below,
        std::array{&sign_bias_, &row_sign_, &column_sign_[c], &signs_[near]});
  }

  /// 1 to the last code on its side: "is it further?" one by one, from kUnary on in
  /// powers of two.
  std::uint32_t code_distance(std::uint32_t distance, bool is_below) {
    const std::uint32_t furthest = is_below ? below_ : above_;
    auto& further = further_[is_below];
    for (std::uint32_t d = 1; d < kUnary; ++d) {
      if (d == furthest) return d;
      if (!code_decision(coder_, distance > d, std::array{&further[d], &row_further_}))
        return d;
    }
    return kUnary + code_rest(distance - kUnary, furthest - kUnary);
  }

  /// 0 to `most` as an Exp-Golomb code: the width of rest + 1, then its bits, of which
  /// the first three are learned.
  std::uint32_t code_rest(std::uint32_t rest, std::uint32_t most) {
    const int widest = std::bit_width(most + 1);
    int width = 1;
    const int wanted = std::bit_width(rest + 1);
    while (width < widest && code_decision(coder_, wanted > width,
                                           std::array{&wider_[std::size_t(width)]})) {
      ++width;
    }
    std::uint32_t value = 1;
    for (int i = 1; i < width; ++i) {
      const bool bit = ((rest + 1) >> (width - 1 - i)) & 1;
      auto& node = nodes_[std::size_t(width)][i <= 3 ? value : 7 + std::uint32_t(i)];
      value = value << 1 | std::uint32_t(code_decision(coder_, bit, std::array{&node}));
    }
    if (value - 1 > most) {
      throw DataError(
          "arithmetic code: a code outside its alphabet; the data is damaged");
    }
    return value - 1;
  }

  Coder& coder_;
  std::uint32_t below_, above_, zero_;  // codes on either side of zero
  // Weights start at even odds. Precisions are what served best on pruned networks.
  LogisticWeight bias_{-2, 0.5f}, row_significant_, sign_bias_, row_sign_, row_further_;
  std::vector<LogisticWeight> column_significant_, column_sign_;
  std::array<LogisticWeight, 16> neighbours_{};
  std::array<LogisticWeight, 16> densities_{};
  std::array<LogisticWeight, 9> signs_{};
  std::array<Distances, 2> further_{};
  std::array<LogisticWeight, 18> wider_{};
  std::array<std::array<LogisticWeight, 32>, 18> nodes_{};
  std::vector<std::uint8_t> before_, before_that_, now_;  // signs of the last rows
  int density_ = 0;
};

}  // namespace bitsweep

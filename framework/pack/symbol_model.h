// The probabilities of a tensor's codes, learned while coding: how often each has come so
// far, brought up to date at ever longer intervals (Said, "Introduction to Arithmetic
// Coding", HP Labs 2004-76). Whole numbers only.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "framework/pack/range_coder.h"

namespace bitsweep {

class SymbolModel {
 public:
  static constexpr std::uint32_t kMostSymbols = 1024;

  /// 2 to kMostSymbols symbols, all equally likely at first. `spreads`: each speaks for
  /// its neighbours, too, which serves where probabilities are smooth and symbols many.
  SymbolModel(std::uint32_t symbols, bool spreads);

  /// Codes one symbol and learns from it. `Coder` either writes it or says what it is.
  template <class Coder>
  std::uint32_t code(Coder& coder, std::uint32_t symbol) {
    symbol = coder.code_symbol(symbol, *this);
    counts_[symbol] += beside_;
    counts_[symbol + 1] += own_;
    counts_[symbol + 2] += beside_;
    if (--until_update_ == 0) update();
    return symbol;
  }

  Places places(std::uint32_t symbol) const {
    return {start_[symbol], start_[symbol + 1] - start_[symbol]};
  }
  std::uint32_t at(std::uint32_t place) const {
    std::uint32_t symbol = first_[place >> kTableShift];
    while (start_[symbol + 1] <= place) ++symbol;
    return symbol;
  }

 private:
  static constexpr int kTableShift = 6;

  void update();
  void set_places();

  std::uint32_t symbols_;
  std::uint32_t own_, beside_;        // what a symbol adds to its count, to those beside
  std::uint64_t most_;                // the sum at which counts are halved
  std::uint32_t interval_, longest_;  // symbols between two updates
  std::uint32_t until_update_;
  std::vector<std::uint32_t> counts_;  // symbol + 1: none is beside the outermost
  std::vector<std::uint32_t> start_;   // of each symbol's places, and their end
  std::array<std::uint16_t, (1u << (kPlaceBits - kTableShift))> first_{};  // to look from
};

/// Symbols of so many bits, all equally likely.
struct FlatSymbols {
  int bits = 0;  // 0 to kPlaceBits

  Places places(std::uint32_t symbol) const {
    return {symbol << (kPlaceBits - bits), 1u << (kPlaceBits - bits)};
  }
  std::uint32_t at(std::uint32_t place) const { return place >> (kPlaceBits - bits); }
};

}  // namespace bitsweep

#include "framework/pack/symbol_model.h"

#include <algorithm>
#include <numeric>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

constexpr std::uint32_t kFirstInterval = 8;
constexpr std::uint64_t kMostSteps = 1 << 17;  // that are remembered

}  // namespace

SymbolModel::SymbolModel(std::uint32_t symbols, bool spreads)
    : symbols_(symbols),
      interval_(kFirstInterval),
      longest_(8 * (symbols + 6)),
      until_update_(kFirstInterval),
      counts_(symbols + 2, 1),
      start_(symbols + 1) {
  ensure(2 <= symbols && symbols <= kMostSymbols, "a model has 2 to 1024 symbols");
  // The first eight symbols weigh as much as all that were there before them.
  beside_ = spreads ? std::max(symbols / 32, 1u) : 0;
  own_ = spreads ? 2 * beside_ : std::max(symbols / 8, 1u);
  most_ = kMostSteps * (own_ + 2 * beside_);
  set_places();
}

void SymbolModel::update() {
  const auto begin = counts_.begin() + 1, end = counts_.end() - 1;
  if (std::accumulate(begin, end, std::uint64_t(0)) > most_) {
    for (auto count = begin; count != end; ++count) *count = (*count + 1) / 2;
  }
  set_places();
  interval_ = std::min(interval_ * 5 / 4 + 1, longest_);
  until_update_ = interval_;
}

// A place for each symbol, the others by its count.
void SymbolModel::set_places() {
  const std::uint64_t total =
      std::accumulate(counts_.begin() + 1, counts_.end() - 1, std::uint64_t(0));
  const std::uint64_t shared = (1u << kPlaceBits) - symbols_;
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i <= symbols_; ++i) {
    start_[i] = i + std::uint32_t(sum * shared / total);
    if (i < symbols_) sum += counts_[i + 1];
  }
  std::uint32_t symbol = 0;
  for (std::uint32_t i = 0; i < first_.size(); ++i) {
    while (start_[symbol + 1] <= i << kTableShift) ++symbol;
    first_[i] = std::uint16_t(symbol);
  }
}

}  // namespace bitsweep

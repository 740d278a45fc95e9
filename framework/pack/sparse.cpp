#include "framework/pack/sparse.h"

#include <algorithm>

#include <fmt/format.h>

#include "framework/core/error.h"

namespace bitsweep {

SparseCodes to_sparse(std::span<const std::uint32_t> codes, std::uint32_t zero,
                      int skip_bits) {
  ensure(0 <= skip_bits && skip_bits <= kWidestSkip, "a skip has 0 to 16 bits");
  const std::size_t reach = std::size_t(1) << skip_bits;
  SparseCodes sparse{.skip_bits = skip_bits};
  const auto add = [&](std::size_t distance, std::uint32_t code) {
    sparse.skips.push_back(std::uint32_t(distance - 1));
    sparse.codes.push_back(code);
  };
  std::size_t next = 0;  // behind the last entry
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (codes[i] == zero) continue;
    for (; i + 1 - next > reach; next += reach) add(reach, zero);
    add(i + 1 - next, codes[i]);
    next = i + 1;
  }
  return sparse;
}

void from_sparse(const SparseCodes& sparse, std::uint32_t zero,
                 std::span<std::uint32_t> codes) {
  ensure(sparse.skips.size() == sparse.codes.size(), "an entry has a skip and a code");
  std::ranges::fill(codes, zero);
  const std::uint32_t largest = (std::uint32_t(1) << sparse.skip_bits) - 1;
  std::size_t next = 0;
  for (std::size_t i = 0; i < sparse.skips.size(); ++i) {
    if (sparse.skips[i] >= codes.size() - next) {
      throw DataError(
          fmt::format("sparse codes: entry {} lies behind the last of {} "
                      "elements; the data is damaged",
                      i, codes.size()));
    }
    if (sparse.codes[i] == zero && sparse.skips[i] != largest) {
      throw DataError(
          fmt::format("sparse codes: entry {} is a zero that fills no gap; "
                      "the data is damaged",
                      i));
    }
    next += sparse.skips[i];
    codes[next++] = sparse.codes[i];
  }
  if (!sparse.codes.empty() && sparse.codes.back() == zero) {
    throw DataError("sparse codes: the last entry is a zero; the data is damaged");
  }
}

}  // namespace bitsweep

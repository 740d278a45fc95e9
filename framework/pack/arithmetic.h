// Adaptive arithmetic coding of a tensor's codes: nothing is stored but the decisions,
// the probabilities are learned on the way. Each code is a row of binary decisions, as in
// CABAC (Marpe, Schwarz, Wiegand 2003) and DeepCABAC (Wiedemann et al. 2019): is it
// `zero`, on which side of it, how far away.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bitsweep {

/// Codes as a matrix in row-major order, a row a filter; rows * columns codes.
struct CodeShape {
  std::size_t rows = 1;
  std::size_t columns = 0;
};

/// `zero`: the code around which the others lie, the most frequent one at best; codes and
/// `zero` lie below `alphabet` <= 65536.
std::vector<std::uint8_t> arithmetic_encode(std::span<const std::uint32_t> codes,
                                            std::uint32_t alphabet, std::uint32_t zero,
                                            CodeShape shape);

/// The inverse, given the same alphabet, zero and shape. Damaged bytes give other codes
/// below `alphabet`, or DataError; only a checksum tells.
void arithmetic_decode(std::span<const std::uint8_t> bytes, std::uint32_t alphabet,
                       std::uint32_t zero, CodeShape shape,
                       std::span<std::uint32_t> codes);

}  // namespace bitsweep

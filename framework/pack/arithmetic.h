// Adaptive arithmetic coding of a tensor's codes: nothing is stored but what they are,
// the probabilities are learned on the way.
//
// By decisions, for pruned tensors: each code is a row of binary decisions, as in CABAC
// (Marpe, Schwarz, Wiegand 2003) and DeepCABAC (Wiedemann et al. 2019): is it `zero`, on
// which side of it, how far away. Rows, columns and neighbours have their say in each.
//
// By symbols, for dense tensors: each code is one step, as likely as it has been so far.
// Faster there, and smaller, for there is less to learn.
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

/// By symbols; of more than SymbolModel::kMostSymbols codes the lowest bits are taken as
/// they are.
std::vector<std::uint8_t> arithmetic_encode_symbols(std::span<const std::uint32_t> codes,
                                                    std::uint32_t alphabet);

/// The inverse, as `arithmetic_decode`.
void arithmetic_decode_symbols(std::span<const std::uint8_t> bytes,
                               std::uint32_t alphabet, std::span<std::uint32_t> codes);

}  // namespace bitsweep

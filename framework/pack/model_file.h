// Packed models as files. README.md in this folder documents them byte by byte.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "framework/pack/code_stream.h"
#include "framework/pack/model.h"

namespace bitsweep {

/// The newest; a model is written in the oldest that can hold it, and all are read.
inline constexpr int kModelFileVersion = 3;

/// Bits of a file by what they are for.
struct PurposeBits {
  std::uint64_t codes = 0;
  std::uint64_t indices = 0;  // of sparse codings
  std::uint64_t tables = 0;   // of Huffman codes
  std::uint64_t books = 0;    // levels of grids
  std::uint64_t scales = 0;   // and zero points
  std::uint64_t floats = 0;   // values that are not codes
  std::uint64_t rest = 0;     // shapes, names, the graph, the checksum; whole bytes

  std::uint64_t total() const {
    return codes + indices + tables + books + scales + floats + rest;
  }
  PurposeBits& operator+=(const PurposeBits& other);
};

/// How one tensor is stored.
struct StoredTensorBits {
  std::string name;
  std::vector<std::int64_t> shape;
  std::uint64_t elements = 0;
  std::uint64_t nonzero = 0;     // values that are not 0
  int width = 32;                // of a code, or of a float
  std::optional<Coding> coding;  // none: floats
  double entropy = 0;            // of the codes, bits in all: the order-0 bound
  int version = 1;               // the first of the format that has a place for it
  PurposeBits bits;
};

struct ModelBits {
  std::vector<StoredTensorBits> tensors;
  PurposeBits rest;  // all else: affine constants (floats), the graph, the frame
  PurposeBits total() const;
};

/// How a tensor's codes are coded: `rows` is its first extent.
CodeLayout layout_of(const Grid& grid, std::size_t elements, std::size_t rows);
/// Codes counted from the grid's lowest.
std::vector<std::uint32_t> symbols_of(const Encoded& encoded);

/// The file's bytes; each tensor by the smallest coding. `bits`, when not null, says what
/// they are for.
std::vector<std::uint8_t> model_bytes(const PackedModel& model,
                                      ModelBits* bits = nullptr);

/// The inverse: gives back the very codes. Throws DataError for anything else than what
/// `model_bytes` makes: another kind of file, a newer version, damage.
PackedModel parse_model(std::span<const std::uint8_t> bytes);

/// What is behind the checksum, for those who have seen to it (a fuzzer).
PackedModel parse_model_payload(std::span<const std::uint8_t> payload,
                                int version = kModelFileVersion);

}  // namespace bitsweep

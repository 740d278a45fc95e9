#include "framework/pack/arithmetic.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/pack/code_model.h"
#include "framework/pack/range_coder.h"
#include "framework/pack/symbol_model.h"

namespace bitsweep {
namespace {

constexpr BitProbability kEven = 1u << (kPlaceBits - 1);

void check_shape(std::size_t count, CodeShape shape, std::uint32_t alphabet,
                 std::uint32_t zero) {
  ensure(shape.rows * shape.columns == count, "rows and columns hold all codes");
  ensure(zero < alphabet && alphabet <= 65536, "zero is one of at most 65536 codes");
}

// Refuses what no encoder ends with.
void check_begin(std::span<const std::uint8_t> bytes) {
  if (!bytes.empty() && bytes.back() == 0) {
    throw DataError("arithmetic code: ends in a zero byte; the data is damaged");
  }
}
void check_end(const RangeDecoder& decoder, std::size_t bytes, std::size_t codes) {
  if (decoder.at_end()) return;
  throw DataError(
      fmt::format("arithmetic code: {} bytes, of which the last are not "
                  "needed for {} codes; the data is damaged",
                  bytes, codes));
}

/// How many of a code's lowest bits are taken as they are.
int flat_bits(std::uint32_t alphabet) {
  return std::bit_width((alphabet - 1) / SymbolModel::kMostSymbols);
}

template <class Coder, class Codes>
void code_symbols(Coder& coder, std::uint32_t alphabet, bool spreads, Codes codes) {
  const FlatSymbols flat{flat_bits(alphabet)};
  SymbolModel model(((alphabet - 1) >> flat.bits) + 1, spreads);
  if (flat.bits == 0) {
    for (auto& code : codes) code = model.code(coder, code);
    return;
  }
  for (auto& code : codes) {
    const std::uint32_t high = model.code(coder, code >> flat.bits);
    const auto low = coder.code_symbol(code & ((1u << flat.bits) - 1), flat);
    code = high << flat.bits | low;
  }
}

}  // namespace

std::vector<std::uint8_t> arithmetic_encode(std::span<const std::uint32_t> codes,
                                            std::uint32_t alphabet, std::uint32_t zero,
                                            CodeShape shape) {
  check_shape(codes.size(), shape, alphabet, zero);
  RangeEncoder encoder;
  CodeModel model(encoder, alphabet, zero, shape.columns);
  std::vector<std::uint32_t> row(shape.columns);
  for (std::size_t r = 0; r < shape.rows; ++r) {
    std::ranges::copy(codes.subspan(r * shape.columns, shape.columns), row.begin());
    model.code_row(row);
  }
  return encoder.finish();
}

void arithmetic_decode(std::span<const std::uint8_t> bytes, std::uint32_t alphabet,
                       std::uint32_t zero, CodeShape shape,
                       std::span<std::uint32_t> codes) {
  check_shape(codes.size(), shape, alphabet, zero);
  check_begin(bytes);
  RangeDecoder decoder(bytes);
  CodeModel model(decoder, alphabet, zero, shape.columns);
  std::ranges::fill(codes, zero);
  for (std::size_t r = 0; r < shape.rows; ++r) {
    model.code_row(codes.subspan(r * shape.columns, shape.columns));
  }
  check_end(decoder, bytes.size(), codes.size());
}

std::vector<std::uint8_t> arithmetic_encode_symbols(std::span<const std::uint32_t> codes,
                                                    std::uint32_t alphabet) {
  check_shape(codes.size(), {1, codes.size()}, alphabet, 0);
  if (codes.empty() || alphabet == 1) return {};
  std::vector<std::uint8_t> smallest;
  for (const bool spreads : {false, true}) {
    RangeEncoder encoder;
    encoder.code(spreads, kEven);
    code_symbols(encoder, alphabet, spreads, std::vector(codes.begin(), codes.end()));
    auto bytes = encoder.finish();
    if (!spreads || bytes.size() < smallest.size()) smallest = std::move(bytes);
  }
  return smallest;
}

void arithmetic_decode_symbols(std::span<const std::uint8_t> bytes,
                               std::uint32_t alphabet, std::span<std::uint32_t> codes) {
  check_shape(codes.size(), {1, codes.size()}, alphabet, 0);
  check_begin(bytes);
  RangeDecoder decoder(bytes);
  if (codes.empty() || alphabet == 1) {
    std::ranges::fill(codes, 0);
  } else {
    const bool spreads = decoder.code(false, kEven);
    code_symbols(decoder, alphabet, spreads, codes);
    if (*std::ranges::max_element(codes) >= alphabet) {
      throw DataError(
          "arithmetic code: a code outside its alphabet; the data is damaged");
    }
  }
  check_end(decoder, bytes.size(), codes.size());
}

}  // namespace bitsweep

#include "framework/pack/arithmetic.h"

#include <algorithm>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/pack/code_model.h"
#include "framework/pack/range_coder.h"

namespace bitsweep {
namespace {

void check_shape(std::size_t count, CodeShape shape, std::uint32_t alphabet,
                 std::uint32_t zero) {
  ensure(shape.rows * shape.columns == count, "rows and columns hold all codes");
  ensure(zero < alphabet && alphabet <= 65536, "zero is one of at most 65536 codes");
}

}  // namespace

std::vector<std::uint8_t> arithmetic_encode(std::span<const std::uint32_t> codes,
                                            std::uint32_t alphabet, std::uint32_t zero,
                                            CodeShape shape) {
  check_shape(codes.size(), shape, alphabet, zero);
  BinaryEncoder encoder;
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
  if (!bytes.empty() && bytes.back() == 0) {
    throw DataError("arithmetic code: ends in a zero byte; the data is damaged");
  }
  BinaryDecoder decoder(bytes);
  CodeModel model(decoder, alphabet, zero, shape.columns);
  std::ranges::fill(codes, zero);
  for (std::size_t r = 0; r < shape.rows; ++r) {
    model.code_row(codes.subspan(r * shape.columns, shape.columns));
  }
  if (!decoder.at_end()) {
    throw DataError(
        fmt::format("arithmetic code: {} bytes, of which the last are not "
                    "needed for {} codes; the data is damaged",
                    bytes.size(), codes.size()));
  }
}

}  // namespace bitsweep

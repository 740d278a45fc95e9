// Grids and rules of codes as bytes.
#pragma once

#include "framework/pack/byte_stream.h"
#include "framework/pack/model_file.h"

namespace bitsweep {

/// Adds what the bytes are for to `bits`.
void write_grid(const Grid& grid, ByteWriter& out, PurposeBits& bits);
/// Of a tensor of `elements` values, or of values before a layer (0). Throws DataError
/// for what is no grid, or does not divide the tensor.
Grid read_grid(ByteReader& in, std::size_t elements);

/// The first version of the format that has a place for it.
int version_of(const CodeRule& rule);
void write_rule(const CodeRule& rule, ByteWriter& out, PurposeBits& bits);
CodeRule read_rule(ByteReader& in, const Grid& grid);

}  // namespace bitsweep

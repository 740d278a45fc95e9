// The nodes of a packed model's graph as bytes.
#pragma once

#include <cstddef>

#include "framework/nn/graph.h"
#include "framework/pack/byte_stream.h"
#include "framework/pack/model_file.h"

namespace bitsweep {

void write_shape(ImageShape shape, ByteWriter& out);
/// Throws DataError for a shape that is empty or too large.
ImageShape read_shape(ByteReader& in);

/// The first version of the format that has a place for it.
int version_of(const GraphNode& node);

/// By a version of the format that can hold it. Adds the bits of constants to `bits`.
void write_node(const GraphNode& node, int version, ByteWriter& out, PurposeBits& bits);
/// Node `index` of the graph. Throws DataError for what is none.
GraphNode read_node(ByteReader& in, int version, std::size_t index);

}  // namespace bitsweep

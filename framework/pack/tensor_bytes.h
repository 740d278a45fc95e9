// Tensors of a packed model as bytes: codes by the smallest coding, or floats.
#pragma once

#include "framework/pack/byte_stream.h"
#include "framework/pack/model_file.h"

namespace bitsweep {

/// Values of a tensor of this shape.
std::uint64_t element_count(const std::vector<std::int64_t>& shape);

/// Scales that the rest of the file implies: a bias's, one an output. None: it has none.
using ImpliedScales = std::vector<float>;

/// The first version of the format that has a place for it.
int version_of(const NetworkTensor& tensor);

/// Notes in `told` what the bytes are for. `wide`: codes whose scales are implied take 64
/// bits, not 32, as they do beside inputs of more than 8 bits.
void write_tensor(const NetworkTensor& tensor, bool wide, ByteWriter& out,
                  StoredTensorBits& told);

/// Of the tensor's name and shape. Throws DataError for what is none.
void read_tensor(ByteReader& in, const ImpliedScales& scales, bool wide,
                 NetworkTensor& tensor);

}  // namespace bitsweep

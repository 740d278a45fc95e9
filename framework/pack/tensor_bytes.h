// Tensors of a packed model as bytes: codes by the smallest coding, or floats.
#pragma once

#include "framework/pack/byte_stream.h"
#include "framework/pack/model_file.h"

namespace bitsweep {

/// Values of a tensor of this shape.
std::uint64_t element_count(const std::vector<std::int64_t>& shape);

/// What the rest of the file implies of a layer's sums, in whose units its bias is.
struct ProductSums {
  int bits = 32;
  std::vector<float> scales = {};  // one an output; none where the sums have no step
};

/// Notes in `told` what the bytes are for.
void write_tensor(const NetworkTensor& tensor, ByteWriter& out, StoredTensorBits& told);

/// Of the tensor's name and shape. Throws DataError for what is none.
void read_tensor(ByteReader& in, const ProductSums& implied, NetworkTensor& tensor);

}  // namespace bitsweep

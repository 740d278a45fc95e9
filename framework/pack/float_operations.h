// The operations between products that are no pipeline's: pools, response normalisation,
// concatenation, shortcuts. Each as the work of a slice of the batch.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "framework/engine/convolution.h"
#include "framework/engine/pooling.h"
#include "framework/nn/graph.h"
#include "framework/pack/stored_value.h"

namespace bitsweep {

using SliceWork = std::function<void(const Slice&)>;

/// The windows of a pool over `input`.
PoolGeometry pool_of(const GraphNode& node, ImageShape input);

/// From floats to floats: what `node` computes of its inputs, which outlive the work.
/// Quantizers, products and what goes element by element are not among them.
SliceWork float_work(const GraphNode& node, const std::vector<StoredValue*>& inputs,
                     StoredValue& output, std::span<const Slice> slices);

/// A max pool of codes on one grid: the largest code is that of the largest value.
SliceWork code_pool_work(const PoolGeometry& pool, StoredValue& input,
                         const CodeForm& form, StoredValue& output);

/// The two bytes of codes that were pooled as values, where a product reads them.
SliceWork split_work(const CodeForm& form, StoredValue& value);

/// Of a product whose inputs have scales by pixel: `a`, the mean magnitude of each pixel
/// of the input, and `k`, the mean of a over the window of each pixel of the output.
SliceWork pixel_scale_work(const ConvolutionGeometry& geometry, StoredValue& input,
                           Buffer& a, Buffer& k);

}  // namespace bitsweep

#include "framework/eval/layer_storage.h"

#include "framework/core/error.h"
#include "framework/pack/bit_stream.h"

namespace bitsweep {
namespace {

// A sparse stream begins with the number of its entries.
std::uint64_t entries_of(const CodeStream& stream, const CodeLayout& layout) {
  BitReader in(stream.bytes);
  return in.read(code_width(std::uint32_t(layout.count()) + 1));
}

void add_codes(const NetworkTensor& tensor, std::uint64_t beside, LayerStorage& layer) {
  const Encoded& encoded = *tensor.encoded;
  const auto symbols = symbols_of(encoded);
  const CodeLayout layout =
      layout_of(encoded.grid, encoded.elements(), std::size_t(tensor.shape.front()));
  CodeStream plain = encode_as(Coding::fixed, symbols, layout);
  CodeStream huffman;
  std::uint64_t entries = symbols.size();
  bool is_sparse = false;
  if (layout.zero) {
    const CodeStream sparse = encode_as(Coding::sparse_fixed, symbols, layout);
    is_sparse = sparse.bits.total() < plain.bits.total();
    if (is_sparse) plain = sparse;
  }
  if (is_sparse) entries = entries_of(plain, layout);
  huffman =
      encode_as(is_sparse ? Coding::sparse_huffman : Coding::huffman, symbols, layout);
  layer.entries += entries;
  layer.code_bits += plain.bits.codes;
  layer.index_bits += plain.bits.indices;
  layer.huffman_code_bits += huffman.bits.codes;
  layer.huffman_index_bits += huffman.bits.indices;
  layer.plain_bits += plain.bits.total() + beside;
  layer.huffman_bits += huffman.bits.total() + beside;
}

void add_tensor(const NetworkTensor& tensor, const StoredTensorBits& stored,
                LayerStorage& layer) {
  const bool is_bias = tensor.name.ends_with("/bias");
  (is_bias ? layer.biases : layer.weights) += tensor.elements();
  layer.file_bits += stored.bits.total();
  if (!is_bias) layer.kept += stored.nonzero;
  if (tensor.encoded && !is_bias) {
    return add_codes(tensor, stored.bits.books + stored.bits.scales, layer);
  }
  const std::uint64_t plain = tensor.encoded
                                  ? std::uint64_t(tensor.encoded->nominal_bits().total())
                                  : 32 * tensor.elements();
  layer.plain_bits += plain;
  layer.huffman_bits += plain;
  if (is_bias) return;
  layer.entries += tensor.elements();
  layer.code_bits += plain;
  layer.huffman_code_bits += plain;
}

}  // namespace

LayerStorage& LayerStorage::operator+=(const LayerStorage& other) {
  weights += other.weights;
  kept += other.kept;
  biases += other.biases;
  entries += other.entries;
  code_bits += other.code_bits;
  index_bits += other.index_bits;
  huffman_code_bits += other.huffman_code_bits;
  huffman_index_bits += other.huffman_index_bits;
  plain_bits += other.plain_bits;
  huffman_bits += other.huffman_bits;
  file_bits += other.file_bits;
  return *this;
}

std::vector<LayerStorage> layer_storage(const PackedModel& model, const ModelBits& bits) {
  ensure(bits.tensors.size() == model.tensors.size(), "bits are those of the model");
  std::vector<LayerStorage> layers;
  for (std::size_t i = 0; i < model.tensors.size(); ++i) {
    const NetworkTensor& tensor = model.tensors[i];
    const std::string layer = tensor.name.substr(0, tensor.name.rfind('/'));
    if (layers.empty() || layers.back().layer != layer) {
      layers.push_back({.layer = layer});
    }
    add_tensor(tensor, bits.tensors[i], layers.back());
  }
  LayerStorage total{.layer = "total"};
  for (const LayerStorage& layer : layers) total += layer;
  layers.push_back(total);
  return layers;
}

}  // namespace bitsweep

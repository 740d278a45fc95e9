// What a file's layers take, in the terms of Deep Compression's tables 2 to 5 (Han, Mao,
// Dally, ICLR 2016): weights kept, bits of a weight and of its index, without and with
// Huffman coding, and the share of the bytes in float32.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/pack/model_file.h"

namespace bitsweep {

/// One convolution or linear layer, or all of them.
struct LayerStorage {
  std::string layer;
  std::uint64_t weights = 0, kept = 0, biases = 0;
  /// Codes that are stored: with a relative index those of kept weights and of gaps,
  /// else all.
  std::uint64_t entries = 0;
  // In all, of codes and their indices alone: in fields, and by Huffman codes.
  std::uint64_t code_bits = 0, index_bits = 0;
  std::uint64_t huffman_code_bits = 0, huffman_index_bits = 0;
  // Of weights and biases with scales, code books and tables: in fields, by Huffman
  // codes, and as the file has them, by the smallest coding.
  std::uint64_t plain_bits = 0, huffman_bits = 0, file_bits = 0;

  double kept_share() const { return double(kept) / double(weights); }
  double each(std::uint64_t bits) const {
    return entries == 0 ? 0 : double(bits) / double(entries);
  }
  /// Of `bits` to weights and biases in float32.
  double rate(std::uint64_t bits) const {
    return double(bits) / (32.0 * double(weights + biases));
  }
  LayerStorage& operator+=(const LayerStorage& other);
};

/// In the graph's order, then their sum, "total". `bits`: of the model's file. A relative
/// index is taken where it makes fields smaller.
std::vector<LayerStorage> layer_storage(const PackedModel& model, const ModelBits& bits);

}  // namespace bitsweep

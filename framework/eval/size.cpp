#include "framework/eval/size.h"

namespace bitsweep {
namespace {

double quotient(double above, std::int64_t below, double otherwise) {
  return below == 0 ? otherwise : above / double(below);
}

}  // namespace

double ModelSize::ratio() const {
  return quotient(32.0 * double(elements), total_bits(), 1);
}

double ModelSize::quantized_ratio() const {
  return quotient(32.0 * double(quantized_elements), payload_bits + side_bits, 1);
}

double ModelSize::bits_per_weight() const {
  return quotient(double(total_bits()), weights, 0);
}

double ModelSize::kept_share() const {
  return quotient(double(weights - pruned), weights, 1);
}

bool is_weight(const SizeEntry& entry) { return entry.site.ends_with("/weight"); }

std::vector<SizeEntry> size_entries(std::span<const NetworkTensor> tensors) {
  std::vector<SizeEntry> entries;
  for (const NetworkTensor& tensor : tensors) {
    SizeEntry& entry = entries.emplace_back();
    entry.site = tensor.name;
    entry.elements = std::int64_t(tensor.elements());
    entry.pruned = std::int64_t(tensor.pruned);
    if (!tensor.encoded) continue;
    const NominalBits bits = tensor.encoded->nominal_bits();
    entry.quantized = true;
    entry.bits = tensor.encoded->grid.bits();
    entry.code_elements = int(tensor.encoded->grid.dimension());
    entry.side_bits = bits.scales + bits.books;
  }
  return entries;
}

ModelSize model_size(std::span<const SizeEntry> entries) {
  ModelSize size;
  for (const auto& entry : entries) {
    size.elements += entry.elements;
    if (is_weight(entry)) size.weights += entry.elements;
    size.pruned += entry.pruned;
    if (entry.quantized) size.quantized_elements += entry.elements;
    (entry.quantized ? size.payload_bits : size.float_bits) +=
        entry.elements / entry.code_elements * entry.bits;
    size.side_bits += entry.side_bits;
  }
  return size;
}

}  // namespace bitsweep

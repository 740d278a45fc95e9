#include "framework/results/record_bits.h"

#include <cstring>

#include <fmt/format.h>

namespace bitsweep {
namespace {

// NaN equals NaN, and 0 is not -0: bits are compared.
template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}
bool same(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; }
bool same(const StoredTensor& a, const StoredTensor& b) {
  return a.shape == b.shape && same(a.values, b.values);
}
bool same(const SizeEntry& a, const SizeEntry& b) {
  return a.site == b.site && a.elements == b.elements && a.bits == b.bits &&
         a.side_bits == b.side_bits && a.quantized == b.quantized &&
         a.pruned == b.pruned && a.code_elements == b.code_elements;
}
// The kernel's name is the machine's affair.
bool same(const ProductEntry& a, const ProductEntry& b) {
  return a.layer == b.layer && a.multiply_accumulates == b.multiply_accumulates &&
         a.weight_bits == b.weight_bits && a.input_bits == b.input_bits;
}

class Parts {
 public:
  template <class T>
  void compare(const char* part, const std::map<std::string, T>& a,
               const std::map<std::string, T>& b) {
    for (const auto& [name, value] : a) {
      const auto other = b.find(name);
      if (other == b.end() || !same(value, other->second)) return tell(part, name);
    }
    for (const auto& [name, value] : b) {
      if (!a.contains(name)) return tell(part, name);
    }
  }
  template <class Entry>
  void compare_entries(const char* part, const std::vector<Entry>& a,
                       const std::vector<Entry>& b) {
    for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
      const bool both = i < a.size() && i < b.size();
      if (!both || !same(a[i], b[i])) return tell(part, fmt::format("entry {}", i + 1));
    }
  }
  template <class T>
  void compare_values(const char* part, const std::vector<T>& a,
                      const std::vector<T>& b) {
    for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
      const bool both = i < a.size() && i < b.size();
      if (!both || a[i] != b[i]) return tell(part, fmt::format("number {}", i + 1));
    }
  }
  void tell(const char* part, const std::string& what) {
    parts_.push_back(fmt::format("{} ({})", part, what));
  }
  std::vector<std::string> take() { return std::move(parts_); }

 private:
  std::vector<std::string> parts_;
};

}  // namespace

std::vector<std::string> differing_parts(const RunRecord& a, const RunRecord& b) {
  Parts parts;
  if (a.status != b.status) parts.tell("status", a.status + ", " + b.status);
  if (a.canonical_text != b.canonical_text) parts.tell("configuration", "its text");
  if (a.data_checksum != b.data_checksum) parts.tell("data", "its checksum");
  parts.compare("metrics", a.metrics, b.metrics);
  parts.compare("curves", a.curves, b.curves);
  parts.compare_values("predictions", a.predictions, b.predictions);
  parts.compare_values("labels", a.labels, b.labels);
  parts.compare_entries("sizes", a.sizes, b.sizes);
  parts.compare_entries("products", a.products, b.products);
  parts.compare_values("warnings", a.warnings, b.warnings);
  if (!a.state.empty() && !b.state.empty()) parts.compare("state", a.state, b.state);
  if (!a.model.empty() && !b.model.empty()) {
    parts.compare_values("packed model, byte", a.model, b.model);
  }
  return parts.take();
}

}  // namespace bitsweep

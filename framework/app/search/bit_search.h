// Ristretto's search for bit-widths: each part of a network by itself, then all together.
// Gysel, arXiv:1605.06402, section 5; the authors' tool does not look at its margin again
// when the parts are put together, and this one does.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace bitsweep {

/// Widths of the parts; 32 is float.
struct PartBits {
  int convolutions = 32;     // weights and biases
  int fully_connected = 32;  // weights and biases
  int activations = 32;
  friend bool operator==(const PartBits&, const PartBits&) = default;
};

struct SearchOptions {
  double margin = 0.02;  // a share: a network passes when it loses no more than this
  // Descending; none for a part that the network has not.
  std::vector<int> convolution_bits = {16, 8, 4, 2, 1};
  std::vector<int> fully_connected_bits = {16, 8, 4, 2, 1};
  std::vector<int> activation_bits = {16, 8, 4, 2, 1};
};

/// A network that was looked at.
struct SearchStep {
  std::string part;  // "convolution weights", ..., "all together", "raised"
  PartBits bits;
  double accuracy = 0;  // a share, of the validation images
  bool passes = false;
};

struct SearchResult {
  double float_accuracy = 0;
  std::vector<SearchStep> steps;
  PartBits bits;        // the narrowest found
  bool passes = false;  // that network, within the margin

  /// Whether any part is below float.
  bool found_any() const { return passes && bits != PartBits{}; }
};

/// Goes down each part's widths while all else is float, until the first that fails, and
/// keeps the last that passed. When all of them together fail, raises the part whose
/// raise helps most, until the network passes or is float. `accuracy_of` scores a
/// network; `on_step` hears of each.
SearchResult search_bits(const SearchOptions& options,
                         const std::function<double(const PartBits&)>& accuracy_of,
                         const std::function<void(const SearchStep&)>& on_step = {});

}  // namespace bitsweep

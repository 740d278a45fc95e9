#include "framework/app/search/bit_search.h"

#include <algorithm>
#include <array>
#include <optional>

namespace bitsweep {
namespace {

constexpr int kFloat = 32;

struct Part {
  const char* name;
  int PartBits::*bits;
  std::vector<int> SearchOptions::*widths;
};
constexpr std::array kParts = {
    Part{"convolution weights", &PartBits::convolutions,
         &SearchOptions::convolution_bits},
    Part{"fully connected weights", &PartBits::fully_connected,
         &SearchOptions::fully_connected_bits},
    Part{"activations", &PartBits::activations, &SearchOptions::activation_bits}};

class Search {
 public:
  Search(const SearchOptions& options,
         const std::function<double(const PartBits&)>& accuracy_of,
         const std::function<void(const SearchStep&)>& on_step)
      : options_(options), accuracy_of_(accuracy_of), on_step_(on_step) {}

  SearchResult run() {
    result_.float_accuracy = accuracy_of_({});
    for (const Part& part : kParts) narrow(part);
    SearchStep together = look("all together", result_.bits);
    while (!together.passes && result_.bits != PartBits{}) together = raise();
    result_.passes = together.passes;
    return std::move(result_);
  }

 private:
  SearchStep look(const char* part, const PartBits& bits) {
    const double accuracy = accuracy_of_(bits);
    const SearchStep step{part, bits, accuracy,
                          accuracy + options_.margin >= result_.float_accuracy};
    result_.steps.push_back(step);
    if (on_step_) on_step_(step);
    return step;
  }

  void narrow(const Part& part) {
    for (const int width : options_.*part.widths) {
      PartBits bits;
      bits.*part.bits = width;
      if (!look(part.name, bits).passes) return;
      result_.bits.*part.bits = width;
    }
  }

  // The next wider width of a part, float behind the widest.
  int wider(const Part& part) const {
    int next = kFloat;
    for (const int width : options_.*part.widths) {
      if (width > result_.bits.*part.bits) next = width;
    }
    return next;
  }

  SearchStep raise() {
    std::optional<SearchStep> best;
    for (const Part& part : kParts) {
      if (result_.bits.*part.bits == kFloat) continue;
      PartBits bits = result_.bits;
      bits.*part.bits = wider(part);
      const SearchStep step = look("raised", bits);
      if (!best || step.accuracy > best->accuracy) best = step;
    }
    result_.bits = best->bits;
    return *best;
  }

  const SearchOptions& options_;
  const std::function<double(const PartBits&)>& accuracy_of_;
  const std::function<void(const SearchStep&)>& on_step_;
  SearchResult result_;
};

}  // namespace

SearchResult search_bits(const SearchOptions& options,
                         const std::function<double(const PartBits&)>& accuracy_of,
                         const std::function<void(const SearchStep&)>& on_step) {
  return Search(options, accuracy_of, on_step).run();
}

}  // namespace bitsweep

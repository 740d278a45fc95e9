// A run as nodes: what its canonical text is made of, and what tells rows apart.
#pragma once

#include <functional>

#include "framework/config/problems.h"
#include "framework/config/run_spec.h"

namespace bitsweep {

/// Everything that matters to the run's numbers, in a fixed order.
Node run_node(const RunSpec& run);

/// The digests of a run and of those that differ from it in their seed alone: its text,
/// of some kilobytes, is made once.
class SeedDigests {
 public:
  SeedDigests(const RunSpec& run, int results_version);
  std::string of(std::int64_t seed) const;

 private:
  std::string text_;  // without its last line, the seed's
  int results_version_;
};

/// `method: {id: twn, ...}`, its parameters as they are written.
MethodSpec read_method(const Node& method, Problems& problems);

using ReadMethod = std::function<MethodSpec(const Node& method)>;

/// `sites: [{match: ..., method: {...}}]`.
std::vector<SiteRule> read_sites(const Node& sites, const ReadMethod& method_of,
                                 Problems& problems);

}  // namespace bitsweep

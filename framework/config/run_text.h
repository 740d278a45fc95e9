// A run as nodes: what its canonical text is made of, and what tells rows apart.
#pragma once

#include <functional>

#include "framework/config/problems.h"
#include "framework/config/run_spec.h"

namespace bitsweep {

/// Everything that matters to the run's numbers, in a fixed order.
Node run_node(const RunSpec& run);

/// `method: {id: twn, ...}`, its parameters as they are written.
MethodSpec read_method(const Node& method, Problems& problems);

using ReadMethod = std::function<MethodSpec(const Node& method)>;

/// `sites: [{match: ..., method: {...}}]`.
std::vector<SiteRule> read_sites(const Node& sites, const ReadMethod& method_of,
                                 Problems& problems);

}  // namespace bitsweep

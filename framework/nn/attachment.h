// Which quantizer goes where: the method's choice, within what the run says of edges and
// single sites.
#pragma once

#include <memory>

#include "framework/config/run_spec.h"
#include "framework/nn/network.h"
#include "framework/quant/method.h"
#include "framework/quant/registry.h"

namespace bitsweep {

/// Puts quantizers on the network's sites, before `build`, in this order of precedence:
/// the first rule of `sites` that matches; the edges (the first and last layer with
/// weights, biases, the image); the run's method. Returns the method, whose stages the
/// run follows. Throws ConfigError when a rule matches no site, with the sites there are.
std::unique_ptr<Method> attach_quantizers(Network& network, const MethodSpec& method,
                                          const EdgesSpec& edges,
                                          const std::vector<SiteRule>& rules,
                                          const MethodRegistry& registry);

}  // namespace bitsweep

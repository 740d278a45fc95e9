// Which quantizer goes where: the method's choice, within what the run says of edges and
// single sites.
#pragma once

#include <memory>

#include "framework/config/run_spec.h"
#include "framework/nn/network.h"
#include "framework/quant/method.h"
#include "framework/quant/registry.h"

namespace bitsweep {

/// The methods of a run: a site's `owner` is an index into them. The last stands for the
/// edges, which are calibrated as a method is by default.
using MethodList = std::vector<std::unique_ptr<Method>>;

/// Puts quantizers on the network's sites, before `build`, in this order of precedence:
/// the first rule of `sites` that matches; the edges (the first and last layer with
/// weights, biases, the image); the run's method. Inputs and operands of one activation
/// that come to the same method and parameters share one quantizer. Returns the run's
/// method, those of the rules and the edges, whose stages the run follows; where one of
/// them asks for it, batch normalisation is folded while training. Throws ConfigError when
/// a rule matches no site, with the sites there are, when normalisation cannot be folded,
/// or with all sites that do not fit (`UnfitSite`).
MethodList attach_quantizers(Network& network, const MethodSpec& method,
                             const EdgesSpec& edges, const std::vector<SiteRule>& rules,
                             const MethodRegistry& registry);

/// The stages of each method that has a site with a quantizer, under its owner's index;
/// the run's own (index 0) in any case. Lists of the others may be empty.
std::vector<std::vector<Stage>> stages_of(const MethodList& methods,
                                          const Network& network);

}  // namespace bitsweep

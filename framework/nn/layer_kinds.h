// The rows of the layer table, and what their factories share.
#pragma once

#include <string>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/nn/layer.h"

namespace bitsweep {

LayerKind convolution_kind();
LayerKind depthwise_kind();
LayerKind linear_kind();
LayerKind max_pool_kind();
LayerKind average_pool_kind();
LayerKind global_average_pool_kind();
LayerKind relu_kind();
LayerKind relu6_kind();
LayerKind hard_tanh_kind();
LayerKind batch_norm_kind();
LayerKind lrn_kind();
LayerKind dropout_kind();
LayerKind flatten_kind();

/// "configs/models/lenet.yaml:7: conv1".
std::string layer_place(const LayerSpec& spec);

/// The typed parameters of a layer; throws ConfigError naming all that is wrong with
/// them.
template <class Params>
Params parse_layer(const LayerSpec& spec) {
  std::vector<ParamProblem> problems;
  Params params = Params::schema().parse(spec.params, problems);
  if (problems.empty()) return params;
  std::string text;
  for (const auto& problem : problems) {
    text += fmt::format("{}{}.{}: {}", text.empty() ? "" : "\n", layer_place(spec),
                        problem.name, problem.text);
  }
  throw ConfigError(text);
}

/// A number of outputs as a model file writes it: a whole number, or `classes`.
int count_of(const std::string& text, const char* field, const LayerSpec& spec,
             const LayerContext& context);

/// Counts a layer's weights, `inputs` for each output channel, before they are allocated.
/// Throws ConfigError when they, with the layers' before, do not fit into this machine's
/// memory, or when its output has more values than can be counted.
void claim_weights(const LayerSpec& spec, double inputs, ImageShape output,
                   LayerContext& context);

/// Throws ConfigError when a window of `kernel` does not fit into the padded image.
void check_window(const LayerSpec& spec, ImageShape input, Sides kernel, Border pad);

}  // namespace bitsweep

#include <charconv>

#include "framework/core/memory.h"
#include "framework/nn/layer_kinds.h"

namespace bitsweep {

const std::vector<LayerKind>& layer_table() {
  static const std::vector<LayerKind> table{
      convolution_kind(),  depthwise_kind(),           linear_kind(), max_pool_kind(),
      average_pool_kind(), global_average_pool_kind(), relu_kind(),   relu6_kind(),
      hard_tanh_kind(),    batch_norm_kind(),          lrn_kind(),    dropout_kind(),
      flatten_kind()};
  return table;
}

std::string layer_place(const LayerSpec& spec) { return spec.place.prefix() + spec.name; }

int count_of(const std::string& text, const char* field, const LayerSpec& spec,
             const LayerContext& context) {
  if (text == "classes") return context.classes;
  int value = 0;
  const auto [stop, failure] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || stop != text.data() + text.size() || value < 1 ||
      value > 1 << 20) {
    throw ConfigError(
        fmt::format("{}.{}: '{}' is not a number of outputs (1 to {}, or "
                    "`classes`)",
                    layer_place(spec), field, text, 1 << 20));
  }
  return value;
}

void claim_weights(const LayerSpec& spec, double inputs, ImageShape output,
                   LayerContext& context) {
  constexpr double kMostValues = 1 << 30;
  const double values = double(output.pixels()) * output.channels;
  if (values > kMostValues || inputs > kMostValues) {
    throw ConfigError(
        fmt::format("{}: {:.0f} inputs and {:.0f} outputs an image; a layer has at most "
                    "{:.0f}",
                    layer_place(spec), inputs, values, kMostValues));
  }
  constexpr double kBytes = 2 * sizeof(float);  // the value and its gradient
  context.weights += inputs * output.channels;
  if (context.weights * kBytes <= memory_limit()) return;
  throw ConfigError(fmt::format(
      "{}: {:.0f} weights up to here, {} with their gradients; this machine has {}",
      layer_place(spec), context.weights, memory_text(context.weights * kBytes),
      memory_text(memory_limit())));
}

void check_window(const LayerSpec& spec, ImageShape input, Sides kernel, Border pad) {
  if (kernel.height <= input.height + pad.height() &&
      kernel.width <= input.width + pad.width()) {
    return;
  }
  throw ConfigError(
      fmt::format("{}: a {}x{} window does not fit its {}x{} input with "
                  "padding {}",
                  layer_place(spec), kernel.height, kernel.width, input.height,
                  input.width, pad.text()));
}

}  // namespace bitsweep

#include "framework/engine/convolution.h"

#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/engine/onednn.h"
#include "framework/engine/reference/convolution.h"

namespace bitsweep {

EngineKind selected_engine() {
  const char* variable = std::getenv("BITSWEEP_ENGINE");
  const std::string_view name = variable == nullptr ? "" : variable;
  if (name.empty() || name == "onednn") return EngineKind::kOneDnn;
  if (name == "reference") return EngineKind::kReference;
  throw ConfigError(fmt::format(
      "BITSWEEP_ENGINE: '{}' is no engine; available: onednn, reference", name));
}

std::string engine_name(EngineKind kind) {
  return kind == EngineKind::kOneDnn ? onednn::version() : "reference";
}

ImageShape convolution_output(ImageShape input, int filters, Sides kernel, Sides stride,
                              Border pad) {
  const ConvolutionGeometry g{
      .input = {}, .output = {}, .kernel = kernel, .stride = stride, .pad = pad};
  return {down(g).count(input.height), along(g).count(input.width), filters};
}

std::unique_ptr<Convolution> make_convolution(EngineKind kind,
                                              const ConvolutionGeometry& geometry,
                                              int images, int slots, bool data_gradient) {
  if (kind == EngineKind::kReference) {
    return reference::make_convolution(geometry, images, slots);
  }
  return onednn::make_convolution(geometry, images, slots, data_gradient);
}

void matrix_product(EngineKind kind, int rows, int columns, int inner, MatrixView a,
                    MatrixView b, float beta, float* c, int c_stride) {
  if (kind == EngineKind::kReference) {
    reference::matrix_product(rows, columns, inner, a, b, beta, c, c_stride);
  } else {
    onednn::matrix_product(rows, columns, inner, a, b, beta, c, c_stride);
  }
}

}  // namespace bitsweep

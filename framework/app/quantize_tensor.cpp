#include "framework/app/quantize_tensor.h"

#include <algorithm>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/quant/image_scales.h"

namespace bitsweep {
namespace {

[[noreturn]] void refuse_shape(const StoredTensor& tensor, const char* expected) {
  throw ConfigError(fmt::format("a tensor of shape [{}] cannot be quantized; expected {}",
                                fmt::join(tensor.shape, ", "), expected));
}

Site weight_site(const StoredTensor& tensor) {
  std::vector<int> shape(tensor.shape.begin(), tensor.shape.end());
  if (shape.size() == 1) shape.insert(shape.begin(), 1);
  if (shape.size() != 2 && shape.size() != 4) {
    refuse_shape(tensor, "weights as [out, kernel, kernel, in], [out, in] or one vector");
  }
  Site site;
  site.name = "tensor/weight";
  site.layer = "tensor";
  site.role = Role::kWeight;
  site.shape = shape;
  site.elements = tensor.values.size();
  const auto out = std::size_t(shape[0]);
  site.channels = {out, site.elements / out};
  site.is_convolution = shape.size() == 4;
  site.fan_in = int(site.channels.inner);
  site.fan_out = site.is_convolution ? shape[0] * shape[1] * shape[2] : shape[0];
  return site;
}

std::vector<int> image_shape(const StoredTensor& tensor) {
  const std::vector<int> shape(tensor.shape.begin(), tensor.shape.end());
  switch (shape.size()) {
    case 1:
      return {shape[0], 1, 1};
    case 2:
      return {1, 1, shape[1]};
    case 3:
      return shape;
    case 4:
      return {shape[1], shape[2], shape[3]};
  }
  refuse_shape(tensor,
               "activations as [images, height, width, channels], [height, width, "
               "channels], [images, features] or one vector");
}

Site activation_site(const StoredTensor& tensor) {
  Site site;
  site.name = "tensor/input";
  site.layer = "tensor";
  site.role = Role::kInput;
  site.shape = image_shape(tensor);
  site.elements = 1;
  for (const int size : site.shape) site.elements *= std::size_t(size);
  site.channels = {std::size_t(site.shape[2]), 1};
  site.is_convolution = tensor.shape.size() > 2;
  site.is_signed = std::any_of(tensor.values.begin(), tensor.values.end(),
                               [](float value) { return value < 0; });
  return site;
}

// Whatever the method does before its first and after its last training step.
void take_through_stages(const Method& method, Quantizer& quantizer,
                         std::span<float> values, bool is_weight) {
  auto* const staged = is_weight ? optional_interface<HasStages>(&quantizer) : nullptr;
  for (const Stage& stage : method.stages()) {
    if (stage.kind == Stage::Kind::kTransform && staged != nullptr) {
      staged->begin_stage(stage, values);
    } else if (stage.kind == Stage::Kind::kCalibrate) {
      quantizer.calibrate(values);
      quantizer.finish_calibration();
    }
  }
}

}  // namespace

Site tensor_site(const StoredTensor& tensor, Role role) {
  return role == Role::kWeight ? weight_site(tensor) : activation_site(tensor);
}

namespace {

std::optional<QuantizedTensor> quantize(const Method& method, const Site& site,
                                        const StoredTensor& tensor) {
  const auto quantizer = method.quantizer(site);
  if (!quantizer) return std::nullopt;
  Parameter latent(site.name, tensor.values.size());
  std::copy(tensor.values.begin(), tensor.values.end(), latent.value.data());
  const std::span<float> x = latent.value.span();
  const bool is_weight = site.role == Role::kWeight;

  auto* const adopts = optional_interface<AdoptsLatent>(quantizer.get());
  if (is_weight && adopts != nullptr) adopts->adopt(latent);
  take_through_stages(method, *quantizer, x, is_weight);
  if (is_weight) quantizer->prepare(x);

  std::vector<float> values(x.size());
  Grid grid = grid_for(*quantizer, x);
  std::vector<std::int32_t> codes(grid.code_count(x.size()));
  quantizer->forward(x, values, {.images = is_weight ? 1 : x.size() / site.elements});
  quantizer->encode(x, codes);
  return QuantizedTensor{std::move(values), std::move(codes), std::move(grid)};
}

}  // namespace

std::optional<QuantizedTensor> quantize_tensor(const Method& method, const Site& site,
                                               const StoredTensor& tensor) {
  try {
    return quantize(method, site, tensor);
  } catch (const MethodError& error) {
    throw RunError(fmt::format("{}: the method's mistake: {}", site.name, error.what()));
  }
}

}  // namespace bitsweep

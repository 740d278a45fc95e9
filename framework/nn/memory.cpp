#include "framework/nn/memory.h"

#include <cmath>

#include "framework/config/optimizers.h"

namespace bitsweep {
namespace {

constexpr double kFloat = sizeof(float);

double of_weights(WeightedLayer& layer, double slices) {
  const double values = double(layer.weight().size());
  const bool is_convolution = layer.weight_site().site.is_convolution;
  double copies = 2;  // the values and their gradient
  if (layer.weight_site().is_quantized()) copies += 1;
  double products = 1;
  if (layer.has_source()) {
    products = 2;
    copies += 2;  // the source, and the gradient by way of the latent product
  }
  // Packed; each slice sums its own gradient.
  if (is_convolution) copies += products * (1 + slices);
  return copies * values * kFloat;
}

double of_activations(const Layer& layer, double batch) {
  const double values = batch * double(layer.output().shape.elements());
  return 2 * values * kFloat;  // and the gradient
}

// The latent product, and the gradient that it sends back.
double of_latent_product(WeightedLayer& layer, double batch) {
  if (!layer.has_source()) return 0;
  const std::size_t values =
      layer.output().shape.elements() + layer.input().shape.elements();
  return batch * double(values) * kFloat;
}

double of_quantized_activation(const BoundSite& site, double batch) {
  if (!site.is_activation() || !site.is_quantized()) return 0;
  const double copies = site.meeting ? 2 : 1;  // and the readers' gradients
  return copies * batch * double(site.site.elements) * kFloat;
}

}  // namespace

MemoryEstimate estimate_memory(const Network& network, const TrainingSpec& training) {
  const int batch = training.batch_size;
  MemoryEstimate estimate;
  // A list of the slices of a batch of billions would itself be too much.
  const double slices =
      batch <= 1024 ? double(slice_batch(batch).size()) : std::ceil(batch / 16.0);
  for (WeightedLayer* layer : network.weighted_layers()) {
    estimate.weights += of_weights(*layer, slices);
    const double values = double(layer->weight().size()) * kFloat;
    const double moments =
        double(optimizer_kind(training.optimizer.id).moments.size()) * values;
    estimate.optimizer += moments;
    estimate.kept += values + moments;
    estimate.activations += of_latent_product(*layer, batch);
  }
  for (const BoundSite* site : network.sites()) {
    estimate.activations += of_quantized_activation(*site, batch);
  }
  for (const auto& layer : network.layers()) {
    if (layer->has_output()) estimate.activations += of_activations(*layer, batch);
  }
  if (training.distillation) {  // the teacher is such a network again
    estimate.weights *= 2;
    estimate.activations *= 2;
  }
  return estimate;
}

}  // namespace bitsweep

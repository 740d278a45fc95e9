#include "framework/train/calibration.h"

#include "framework/core/error.h"
#include "framework/quant/image_scales.h"
#include "framework/train/table_grids.h"

namespace bitsweep {
namespace {

// Training images as they are, in the file's order or drawn.
Batches calibration_images(const RunSpec& spec, const Dataset& data,
                           const Preprocessing& preprocessing) {
  const auto seed = std::uint64_t(spec.calibration.seed);
  if (seed == 0) return {data.training, preprocessing};
  return {data.training, preprocessing, {}, RandomStream(seed, "calibration")};
}

CalibratedSite calibrated_site(const RunSpec& spec, BoundSite& bound) {
  const Grid grid = bound.quantizer->grid();
  return {.site = bound.site.name,
          .method = bound.method,
          .estimator = range_estimator(spec, bound),
          .bits = grid.bits(),
          .low = grid.value(grid.low_code(), 0),
          .high = grid.value(grid.high_code(), 0),
          .state = state_of(*bound.quantizer)};
}

// Not the ranges that a method fixes, nor those found at run time.
bool is_chosen(Quantizer& quantizer) {
  return optional_interface<ScalesAtRunTime>(&quantizer) == nullptr &&
         !state_of(quantizer).empty();
}

// The grids of `bitsweep calibrate` instead of images.
void take_table(Network& network, const RunSpec& spec, std::span<const int> owners) {
  const CalibrationSpec& own = spec.calibration;
  if (calibration_table_checksum(own.table) != own.table_checksum) {
    throw RunError(own.table +
                   ": the table changed since the study began; run the study again");
  }
  network.calibrate_weights(owners);
  network.finish_calibration(owners);
  try {
    Problems problems;
    take_grids(network, spec, problems);
    problems.throw_if_any();
  } catch (const ConfigError& error) {
    throw RunError(error.what());
  }
}

}  // namespace

void calibrate_sites(Network& network, const RunSpec& spec, const Dataset& data,
                     const Preprocessing& preprocessing, std::span<const int> owners,
                     const BetweenBatches& between) {
  const CalibrationSpec& own = spec.calibration;
  if (!own.table.empty()) return take_table(network, spec, owners);
  const int wanted = own.images / network.batch();
  calibrate(network, calibration_images(spec, data, preprocessing),
            wanted > 0 ? wanted : spec.calibration_batches, spec.start == "scratch",
            owners, between);
}

std::vector<BoundSite*> sites_to_calibrate(Network& network) {
  std::vector<BoundSite*> sites;
  for (BoundSite* bound : network.sites()) {
    const bool is_asked = bound->is_quantized() && bound->is_activation();
    if (is_asked && is_chosen(*bound->quantizer)) sites.push_back(bound);
  }
  return sites;
}

std::vector<CalibratedSite> calibrated_activations(Network& network,
                                                   const RunSpec& spec) {
  std::vector<CalibratedSite> sites;
  for (BoundSite* bound : sites_to_calibrate(network)) {
    sites.push_back(calibrated_site(spec, *bound));
  }
  return sites;
}

}  // namespace bitsweep

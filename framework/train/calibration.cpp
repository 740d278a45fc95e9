#include "framework/train/calibration.h"

#include <map>

#include <fmt/format.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

bool is_activation(const Site& site) {
  return site.role == Role::kInput || site.role == Role::kOutput;
}

// Training images as they are, in the file's order or drawn.
Batches calibration_images(const RunSpec& spec, const Dataset& data,
                           const Preprocessing& preprocessing) {
  const auto seed = std::uint64_t(spec.calibration.seed);
  if (seed == 0) return {data.training, preprocessing};
  return {data.training, preprocessing, {}, RandomStream(seed, "calibration")};
}

CalibratedSite calibrated_site(const RunSpec& spec, BoundSite& bound) {
  const MethodSpec* method = &spec.method;
  for (const SiteRule& rule : spec.sites) {
    if (bound.method == rule.method.id) method = &rule.method;
  }
  const auto range = method->params.find("activation_range");
  const Grid grid = bound.quantizer->grid();
  CalibratedSite site{.site = bound.site.name,
                      .method = bound.method,
                      .estimator = bound.method == "edges"         ? "min_max"
                                   : range == method->params.end() ? ""
                                                                   : range->second.text(),
                      .bits = grid.bits(),
                      .low = grid.value(grid.low_code(), 0),
                      .high = grid.value(grid.high_code(), 0),
                      .state = state_of(*bound.quantizer)};
  return site;
}

// The grids of `bitsweep calibrate` instead of images.
void take_table(Network& network, const CalibrationSpec& own,
                std::span<const int> owners) {
  if (calibration_table_checksum(own.table) != own.table_checksum) {
    throw RunError(own.table +
                   ": the table changed since the study began; run the study again");
  }
  for (const BoundSite* bound : network.sites()) {
    if (bound->sees_inputs == nullptr) continue;
    throw RunError(fmt::format(
        "{}: '{}' looks at inputs of {} in calibration, and a table has none; leave out "
        "the table for this row",
        own.table, bound->method, bound->site.layer));
  }
  network.calibrate_weights(owners);
  network.finish_calibration(owners);
  std::map<std::string, CalibratedSite> sites;
  for (CalibratedSite& site : read_calibration_table(own.table)) {
    sites[site.site] = std::move(site);
  }
  for (BoundSite* bound : network.sites()) {
    if (!bound->is_quantized() || !is_activation(bound->site)) continue;
    const auto site = sites.find(bound->site.name);
    if (site == sites.end() || site->second.method != bound->method) {
      throw RunError(fmt::format(
          "{}: it has no grid of '{}' for {}; make one for this row with `bitsweep "
          "calibrate`",
          own.table, bound->method, bound->site.name));
    }
    at_site(*bound, [&] { set_state(*bound->quantizer, site->second.state); });
    sites.erase(site);
  }
  if (sites.empty()) return;
  throw RunError(fmt::format("{}: '{}' is no quantized activation of this network",
                             own.table, sites.begin()->first));
}

}  // namespace

void calibrate_sites(Network& network, const RunSpec& spec, const Dataset& data,
                     const Preprocessing& preprocessing, std::span<const int> owners,
                     const BetweenBatches& between) {
  const CalibrationSpec& own = spec.calibration;
  if (!own.table.empty()) return take_table(network, own, owners);
  const int wanted = own.images / network.batch();
  calibrate(network, calibration_images(spec, data, preprocessing),
            wanted > 0 ? wanted : spec.calibration_batches, spec.start == "scratch",
            owners, between);
}

std::vector<CalibratedSite> calibrated_activations(Network& network,
                                                   const RunSpec& spec) {
  std::vector<CalibratedSite> sites;
  for (BoundSite* bound : network.sites()) {
    if (bound->is_quantized() && is_activation(bound->site)) {
      sites.push_back(calibrated_site(spec, *bound));
    }
  }
  return sites;
}

}  // namespace bitsweep

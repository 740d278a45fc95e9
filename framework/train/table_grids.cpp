#include "framework/train/table_grids.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "framework/config/calibration_table.h"
#include "framework/config/yaml.h"
#include "framework/core/error.h"
#include "framework/train/calibration.h"

namespace bitsweep {
namespace {

constexpr auto kMakeOne = "make a table for this row with `bitsweep calibrate`";

// One site of the table, and the quantizer that it is for.
class TableSite {
 public:
  /// `estimator`: the one that the row would choose the site's range by.
  TableSite(const CalibratedSite& site, BoundSite& bound, std::string estimator,
            Problems& problems)
      : site_(site),
        bound_(bound),
        estimator_(std::move(estimator)),
        expected_(state_of(*bound.quantizer)),
        problems_(problems) {}

  void take() {
    const std::size_t before = problems_.added();
    check_method();
    check_estimator();
    if (problems_.added() == before) check_keys();
    if (problems_.added() == before) check_steps();
    if (problems_.added() > before) return;
    try {
      set_state(*bound_.quantizer, state_);
      const Grid grid = bound_.quantizer->grid();
      check_kept();
      check_zero_points(grid);
      if (problems_.added() == before) check_description(grid);
    } catch (const MethodError& error) {
      problems_.add(site_.written, fmt::format("method '{}': {}; {}", bound_.method,
                                               error.what(), kMakeOne));
    }
  }

 private:
  const Node& at(const std::string& key) const {
    const Node* node = site_.written.find(key);
    return node ? *node : site_.written;
  }

  void check_method() {
    if (site_.method == bound_.method) return;
    problems_.add(at("method"), fmt::format("is '{}', but '{}' quantizes this site; {}",
                                            site_.method, bound_.method, kMakeOne));
  }

  // A row is named after its own, which the table must not belie.
  void check_estimator() {
    if (site_.estimator.empty() || site_.estimator == estimator_) return;
    if (!describes("estimator")) return;
    problems_.add(
        at("estimator"),
        fmt::format(
            "is '{}', but this row's ranges are by {}; {}", site_.estimator,
            estimator_.empty() ? "none that has a name" : fmt::format("'{}'", estimator_),
            kMakeOne));
  }

  // A quantizer may call values of its own `low`, `high` or `bits`.
  void check_keys() {
    state_ = site_.state;
    const std::map<std::string, float> ends = {
        {"bits", float(site_.bits)}, {"low", site_.low}, {"high", site_.high}};
    for (const auto& [name, value] : ends) {
      if (is_own(name) && site_.written.find(name)) state_[name] = {value};
    }
    std::vector<std::string> known = {"method", "estimator", "bits", "low", "high"};
    for (const auto& [name, values] : expected_) {
      known.push_back(name);
      if (state_.contains(name)) continue;
      problems_.add(site_.written, fmt::format("has no {}, which '{}' needs; {}", name,
                                               bound_.method, kMakeOne));
    }
    for (const auto& [name, values] : state_) {
      if (is_own(name)) continue;
      problems_.add(at(name), unknown_text("key", name, known));
    }
  }

  void check_steps() {
    for (const std::string name : {"scale", "step"}) {
      const auto found = state_.find(name);
      if (found == state_.end()) continue;
      for (const float value : found->second) {
        if (value > 0) continue;
        problems_.add(at(name),
                      fmt::format("{} is given; a number above 0 is expected", value));
      }
    }
  }

  // That the quantizer goes on with the very values.
  void check_kept() {
    for (const auto& [name, values] : state_of(*bound_.quantizer)) {
      const auto& given = state_[name];
      if (values == given) continue;
      problems_.add(at(name),
                    fmt::format("{} given; '{}' takes {} for it", fmt::join(given, ", "),
                                bound_.method, fmt::join(values, ", ")));
    }
  }

  void check_zero_points(const Grid& grid) {
    const auto found = state_.find("zero_point");
    if (found == state_.end() || !grid.uniform()) return;
    for (const float value : found->second) {
      const bool is_code = value == std::rint(value) && value >= float(grid.low_code()) &&
                           value <= float(grid.high_code());
      if (is_code) continue;
      problems_.add(at("zero_point"),
                    fmt::format("{} is given; one of this site's codes is expected, a "
                                "whole number from {} to {}",
                                value, grid.low_code(), grid.high_code()));
    }
  }

  // What stands in the table for readers is true of the grid, or not there.
  void check_description(const Grid& grid) {
    if (describes("bits") && site_.bits != grid.bits()) {
      problems_.add(at("bits"),
                    fmt::format("is {}, but '{}' has {} bits here; {}", site_.bits,
                                bound_.method, grid.bits(), kMakeOne));
      return;
    }
    check_end("low", site_.low, grid.value(grid.low_code(), 0));
    check_end("high", site_.high, grid.value(grid.high_code(), 0));
  }

  void check_end(const std::string& name, float given, float own) {
    if (!describes(name) || given == own) return;
    problems_.add(
        at(name),
        fmt::format("is {:.9g}, but the site's other keys make this end {:.9g}; "
                    "correct one of them, or leave this out",
                    given, own));
  }

  bool is_own(const std::string& name) const { return expected_.contains(name); }
  bool describes(const std::string& name) const {
    return site_.written.find(name) && !is_own(name);
  }

  const CalibratedSite& site_;
  BoundSite& bound_;
  std::string estimator_;
  QuantizerState expected_;  // its names
  QuantizerState state_;
  Problems& problems_;
};

}  // namespace

std::string range_estimator(const RunSpec& spec, const BoundSite& bound) {
  const auto owner = std::size_t(bound.owner);
  if (owner > spec.sites.size()) return "min_max";  // of the edges
  const MethodSpec& method = owner == 0 ? spec.method : spec.sites[owner - 1].method;
  const auto range = method.params.find("activation_range");
  return range == method.params.end() ? "" : range->second.text();
}

void take_grids(Network& network, const RunSpec& spec, Problems& problems) {
  const std::filesystem::path table = spec.calibration.table;
  for (const BoundSite* bound : network.sites()) {
    if (bound->sees_inputs == nullptr) continue;
    problems.add({shown_path(table), 0}, "",
                 fmt::format("'{}' looks at inputs of {} in calibration, and a table has "
                             "none; leave out the table for this row",
                             bound->method, bound->site.layer));
    return;
  }
  std::map<std::string, BoundSite*> quantized;
  std::vector<std::string> names;
  for (BoundSite* bound : sites_to_calibrate(network)) {
    quantized[bound->site.name] = bound;
    names.push_back(bound->site.name);
  }
  for (const CalibratedSite& site : read_calibration_table(table)) {
    const auto found = quantized.find(site.site);
    if (found == quantized.end()) {
      problems.add(site.written, names.empty() ? "this row quantizes no activations"
                                               : unknown_text("quantized activation",
                                                              site.site, names));
      continue;
    }
    TableSite(site, *found->second, range_estimator(spec, *found->second), problems)
        .take();
    quantized.erase(found);
  }
  for (const std::string& name : names) {
    if (!quantized.contains(name)) continue;
    problems.add({shown_path(table), 0}, "sites",
                 fmt::format("no grid for {}, which '{}' quantizes; {}", name,
                             quantized.at(name)->method, kMakeOne));
  }
}

}  // namespace bitsweep

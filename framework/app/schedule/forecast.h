// How long the runs of a plan will take, before they begin.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "framework/app/schedule/plan.h"

namespace bitsweep {

struct Forecast {
  /// By run of the plan: seconds that it will take, where that can be told. Of runs that
  /// are to be done alone.
  std::vector<std::optional<double>> seconds;
  std::size_t from_records = 0;  // runs told by earlier ones alike
  std::size_t measured = 0;      // runs told by a probe
  std::size_t unknown = 0;

  /// Of the whole, with `workers` at once; 0 where nothing is to do.
  double total(const Plan& plan, int workers) const;
};

/// Seconds of one training step of a run, measured; nothing where that failed.
using StepProbe = std::function<std::optional<double>(const RunSpec&)>;

/// Runs are alike when network, dataset, method and batch size are. `images` tells how
/// many there are to train on.
Forecast forecast_of(const Plan& plan, const StepProbe& probe,
                     const std::function<std::size_t(const DatasetSpec&)>& images);

}  // namespace bitsweep

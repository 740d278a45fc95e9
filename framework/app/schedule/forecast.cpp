#include "framework/app/schedule/forecast.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "framework/app/schedule/time_left.h"

namespace bitsweep {
namespace {

bool is_to_do(const PlannedRun& run) {
  return run.state == RunState::kMissing || run.state == RunState::kFailed;
}

std::string kind_of(const RunSpec& spec) {
  std::string text = fmt::format("{} {} {} {}", spec.network.id, spec.dataset.id,
                                 spec.method.id, batch_size_of(spec));
  for (const auto& [name, value] : spec.network.params) {
    text += fmt::format(" {}={}", name, value.text());
  }
  return text;
}

struct KindSpeed {
  double work = 0;
  double seconds = 0;
};

}  // namespace

double Forecast::total(const Plan& plan, int workers) const {
  double sum = 0;
  double longest = 0;
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    if (!seconds[i]) continue;
    sum += *seconds[i];
    const auto& start = plan.runs[i].start;
    longest = std::max(longest, *seconds[i] + (start ? seconds[*start].value_or(0) : 0));
  }
  return std::max(longest, sum / workers);
}

Forecast forecast_of(const Plan& plan, const StepProbe& probe,
                     const std::function<std::size_t(const DatasetSpec&)>& images) {
  std::map<std::string, KindSpeed> earlier;
  for (const auto& run : plan.runs) {
    if (run.state != RunState::kDone || run.seconds <= 0) continue;
    KindSpeed& speed = earlier[kind_of(run.spec)];
    speed.work += work_of(run.spec);
    speed.seconds += run.seconds;
  }
  Forecast forecast;
  forecast.seconds.resize(plan.runs.size());
  std::map<std::string, std::optional<double>> steps;
  for (std::size_t i = 0; i < plan.runs.size(); ++i) {
    if (!is_to_do(plan.runs[i])) continue;
    const RunSpec& spec = plan.runs[i].spec;
    const std::string kind = kind_of(spec);
    if (const auto known = earlier.find(kind); known != earlier.end()) {
      forecast.seconds[i] = work_of(spec) * known->second.seconds / known->second.work;
      ++forecast.from_records;
      continue;
    }
    if (!steps.contains(kind)) steps[kind] = probe(spec);
    if (const auto step = steps[kind]) {
      const double work = work_of(spec, double(images(spec.dataset)));
      forecast.seconds[i] = *step / batch_size_of(spec) * work;
    }
    ++(forecast.seconds[i] ? forecast.measured : forecast.unknown);
  }
  return forecast;
}

}  // namespace bitsweep

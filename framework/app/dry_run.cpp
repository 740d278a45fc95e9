#include "framework/app/dry_run.h"

#include <map>

#include <fmt/format.h>

#include "framework/app/questioned.h"
#include "framework/app/schedule/forecast.h"
#include "framework/app/schedule/time_left.h"
#include "framework/core/counted.h"
#include "framework/core/error.h"
#include "framework/data/dataset.h"

namespace bitsweep {
namespace {

constexpr double kProbeSeconds = 0.3;

std::optional<double> step_seconds(const RunSpec& spec, const Session& session,
                                   int threads) {
  const DatasetInfo info = dataset_info(spec.dataset);
  const BenchOptions options{.model = spec.network,
                             .image = info.shape,
                             .classes = info.classes,
                             .method = spec.method,
                             .edges = spec.edges,
                             .batch = batch_size_of(spec),
                             .threads = threads,
                             .seconds = kProbeSeconds};
  try {
    const std::string answer = ask_in_child([&](const Tell&) {
      return fmt::format("{}",
                         session.pipeline.bench(options, session.methods).median_step_ms);
    });
    return std::stod(answer) / 1000;
  } catch (const NoAnswer& failure) {
    print_note(fmt::format("bitsweep: {} {}: its speed cannot be measured: {}",
                           spec.network.id, spec.method.id, failure.what()));
    return std::nullopt;
  }
}

/// How many images there are to train on, each dataset read once; a typical number where
/// it cannot be read.
class TrainingImages {
 public:
  explicit TrainingImages(const std::vector<std::filesystem::path>& folders)
      : folders_(folders) {}

  std::size_t of(const DatasetSpec& dataset) {
    std::string key;
    for (const auto& [name, value] : DatasetSpec::schema().write(dataset)) {
      key += fmt::format("{}: {}\n", name, value.text());
    }
    const auto found = counts_.find(key);
    return found != counts_.end() ? found->second : counts_[key] = count(dataset);
  }

 private:
  std::size_t count(const DatasetSpec& dataset) const {
    try {
      return load_dataset(dataset, folders_).training.count();
    } catch (const Error&) {
      constexpr std::size_t kTypicalImages = 50000;
      return dataset.train_limit > 0 ? std::size_t(dataset.train_limit) : kTypicalImages;
    }
  }

  const std::vector<std::filesystem::path>& folders_;
  std::map<std::string, std::size_t> counts_;
};

std::string sources_text(const Forecast& forecast) {
  std::vector<std::string> parts;
  const auto add = [&](std::size_t count, const char* how) {
    if (count > 0) parts.push_back(fmt::format("{} {}", counted(count, "run"), how));
  };
  add(forecast.from_records, "by earlier ones alike");
  add(forecast.measured, "by training steps measured now");
  add(forecast.unknown, "not known");
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

std::string dry_run_text(const Plan& plan, const Session& session,
                         const std::vector<std::filesystem::path>& data_folders,
                         int workers, int threads) {
  TrainingImages images(data_folders);
  const Forecast forecast = forecast_of(
      plan, [&](const RunSpec& spec) { return step_seconds(spec, session, threads); },
      [&](const DatasetSpec& dataset) { return images.of(dataset); });
  std::string text = plan_listing(plan, forecast.seconds);
  if (forecast.from_records + forecast.measured + forecast.unknown == 0) return text;
  return text + fmt::format("about {} with --jobs {} ({})\n",
                            duration_text(forecast.total(plan, workers)), workers,
                            sources_text(forecast));
}

}  // namespace bitsweep

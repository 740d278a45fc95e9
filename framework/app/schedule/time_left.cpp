#include "framework/app/schedule/time_left.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

namespace bitsweep {
namespace {

// Below this share a run's speed is that of its start.
constexpr double kLeastShare = 0.005;

// Datasets here have 50000 or 60000 training images; an estimate needs no more.
constexpr double kTypicalImages = 50000;

double passes(const TrainingSpec& training) {
  if (training.iterations == 0) return training.epochs;
  return double(training.iterations) * training.batch_size / kTypicalImages;
}

struct Speed {
  double work = 0;
  double seconds = 0;
};

std::optional<double> seconds_per_work(const Speed& speed) {
  if (speed.work <= 0) return std::nullopt;
  return speed.seconds / speed.work;
}

}  // namespace

double work_of(const RunSpec& spec) {
  const bool trains_first = spec.is_baseline() || spec.start == "scratch";
  double work = 1;
  if (trains_first) work += passes(spec.training);
  if (!spec.is_baseline() && spec.fine_tuning && !trains_first) {
    work += passes(*spec.fine_tuning);
  }
  return work;
}

int batch_size_of(const RunSpec& spec) {
  const bool fine_tunes = spec.starts_from_baseline() && spec.fine_tuning;
  return fine_tunes ? spec.fine_tuning->batch_size : spec.training.batch_size;
}

std::optional<double> seconds_left(std::span<const WorkItem> items, int workers) {
  std::map<std::string, Speed> speeds;
  Speed all;
  for (const auto& item : items) {
    if (item.share < kLeastShare) continue;
    for (Speed* speed : {&speeds[item.network], &all}) {
      speed->work += item.work * item.share;
      speed->seconds += item.seconds;
    }
  }
  const auto typical = seconds_per_work(all);
  if (!typical) return std::nullopt;
  double total = 0;
  double longest = 0;
  for (const auto& item : items) {
    const double pace = seconds_per_work(speeds[item.network]).value_or(*typical);
    const double remaining = item.work * (1 - item.share) * pace;
    total += remaining;
    longest = std::max(longest, remaining);
  }
  return std::max(longest, total / workers);
}

std::string duration_text(double seconds) {
  const auto s = std::max<long long>(0, std::llround(seconds));
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
  return fmt::format("{} d {:02} h", s / 86400, s / 3600 % 24);
}

}  // namespace bitsweep

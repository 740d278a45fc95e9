#include "framework/app/schedule/time_left.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

namespace bitsweep {
namespace {

// Below this share a run's speed is that of its start.
constexpr double kLeastShare = 0.005;

// Datasets here have 50000 or 60000 training images and 10000 for tests; an estimate
// needs no more.
constexpr double kTypicalImages = 50000;
constexpr double kTestImages = 10000;

// A finished network is scored four times: as trained, and its file on integers, with
// its sums watched, and in float. A score is a forward pass, about a third of a step.
constexpr double kScores = 4;
constexpr double kShareOfStep = 1.0 / 3;

double at_most(std::int64_t limit, double images) {
  return limit > 0 ? std::min(double(limit), images) : images;
}

double images_trained_on(const TrainingSpec& training, double images) {
  const double all = training.iterations == 0
                         ? training.epochs * images
                         : double(training.iterations) * training.batch_size;
  return training.distillation ? all * (1 + kShareOfStep) : all;
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

double work_of(const RunSpec& spec, std::optional<double> training_images) {
  const double images =
      training_images.value_or(at_most(spec.dataset.train_limit, kTypicalImages));
  const bool trains_first = spec.is_baseline() || spec.start == "scratch";
  double work = kScores * kShareOfStep * at_most(spec.dataset.test_limit, kTestImages);
  if (trains_first) work += images_trained_on(spec.training, images);
  if (!spec.is_baseline() && spec.fine_tuning && !trains_first) {
    work += images_trained_on(*spec.fine_tuning, images);
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

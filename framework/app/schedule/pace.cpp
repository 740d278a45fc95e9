#include "framework/app/schedule/pace.h"

namespace bitsweep {
namespace {

constexpr double kStretchSeconds = 60;
constexpr double kLeastSeconds = 0.5;  // a shorter one tells little

}  // namespace

void Pace::hear(const RunObserver::Progress& progress, Clock::time_point now) {
  if (progress.total <= 0) return;
  total_ = progress.total;
  last_ = {progress.done, now};
  if (!begin_ || progress.done < begin_->done) begin_ = last_;
  const double seconds = std::chrono::duration<double>(now - begin_->when).count();
  if (seconds < kLeastSeconds) return;
  rate_ = double(last_.done - begin_->done) / seconds;
  if (seconds > kStretchSeconds) begin_ = last_;
}

std::optional<double> Pace::seconds_left() const {
  if (rate_ <= 0) return std::nullopt;
  return double(total_ - last_.done) / rate_;
}

}  // namespace bitsweep

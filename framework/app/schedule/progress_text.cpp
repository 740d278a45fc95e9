#include "framework/app/schedule/progress_text.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "framework/core/counted.h"

namespace bitsweep {

std::string running_line(const RunningView& view, std::size_t width) {
  const auto& p = view.progress;
  std::string line = fmt::format("{:<28}", view.label);
  if (p.stage.empty()) {
    line += "  starting";
  } else {
    line += fmt::format(
        "  {:<14}  epoch {:5.1f}  loss {:8.4f}  accuracy {:6.2f} %  {:3.0f} %", p.stage,
        p.epoch, p.loss, 100 * p.accuracy, std::floor(100 * done_share(p)));
  }
  return line.substr(0, width);
}

std::string batch_line(const BatchView& view) {
  std::string line = fmt::format("{} of {} done", view.done, counted(view.total, "run"));
  if (view.failed > 0) line += fmt::format(", {} failed", view.failed);
  line += fmt::format(", {} so far", duration_text(view.seconds));
  if (view.seconds_left) {
    line += fmt::format(", about {} left", duration_text(*view.seconds_left));
  }
  return line;
}

std::string outcome_line(const std::string& label, const Outcome& outcome) {
  if (outcome.status == Outcome::Status::kFailed) {
    return fmt::format("{}: failed: {}", label, outcome.failure);
  }
  const std::string lasted = duration_text(outcome.seconds);
  if (std::isnan(outcome.test_accuracy)) {
    return fmt::format("{}: done after {}", label, lasted);
  }
  return fmt::format("{}: test accuracy {:.2f} % after {}", label,
                     100 * outcome.test_accuracy, lasted);
}

double done_share(const RunObserver::Progress& progress) {
  if (progress.total <= 0) return 0;
  return std::clamp(double(progress.done) / double(progress.total), 0.0, 1.0);
}

}  // namespace bitsweep

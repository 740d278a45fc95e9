#include "framework/app/schedule/run_log.h"

#include <fmt/format.h>

#include "framework/app/schedule/lease.h"

namespace bitsweep {

RunLog::RunLog(const std::filesystem::path& file, const std::string& title)
    : file_(file, std::ios::app) {
  line(title);
}

void RunLog::line(const std::string& text) {
  file_ << utc_now() << "  " << text << std::endl;
}

void RunLog::progress(const RunObserver::Progress& progress) {
  const long epoch = long(progress.epoch);
  if (progress.stage != stage_) {
    line(progress.stage);
  } else if (epoch > epoch_) {
    // The figures are those before the new epoch began them anew.
    line(fmt::format("{}: epoch {}: loss {:.4f}, accuracy {:.2f} %", stage_, epoch,
                     last_.loss, 100 * last_.accuracy));
  }
  stage_ = progress.stage;
  epoch_ = epoch;
  last_ = progress;
}

}  // namespace bitsweep

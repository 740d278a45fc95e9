#include "framework/app/checkpoints.h"

#include <utility>

#include <fmt/format.h>

#include "framework/core/error.h"

namespace bitsweep {

Checkpoints::Checkpoints(CheckpointPlan plan, std::string digest, Provenance begin)
    : plan_(std::move(plan)), digest_(std::move(digest)), begin_(std::move(begin)) {
  wait_for_next();
}

void Checkpoints::wait_for_next() {
  const std::chrono::duration<double, std::ratio<60>> interval(plan_.minutes);
  due_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(interval);
}

void Checkpoints::write(const ShowState& state) {
  if (plan_.requests != nullptr) plan_.requests->save = false;
  wait_for_next();
  CheckpointHead head{.digest = digest_, .build = current_build(), .provenance = begin_};
  head.provenance.seconds +=
      std::chrono::duration<double>(Clock::now() - started_).count();
  write_checkpoint(head, state, plan_.file);
}

FoundCheckpoint find_checkpoint(const std::filesystem::path& file,
                                const std::string& digest, const Provenance& now) {
  std::error_code unknown;
  if (!std::filesystem::exists(file, unknown)) return {};
  try {
    Checkpoint found = read_checkpoint(file);
    const auto refused = [&](const std::string& why) {
      return FoundCheckpoint{{}, fmt::format("{}: {}", file.string(), why)};
    };
    if (found.digest != digest) {
      return refused(fmt::format("holds the run {}, expected {}", found.digest, digest));
    }
    if (found.build != current_build()) {
      return refused("was written by another build of the program");
    }
    if (found.provenance.engine != now.engine) {
      return refused(fmt::format("was computed by {}, not by {}", found.provenance.engine,
                                 now.engine));
    }
    return {std::move(found), ""};
  } catch (const DataError& error) {
    return {{}, error.what()};
  }
}

}  // namespace bitsweep

// How the state of a batch reads, as text alone.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "framework/app/schedule/scheduler.h"
#include "framework/app/schedule/time_left.h"

namespace bitsweep {

/// Characters, not bytes: labels may have others than ASCII.
std::size_t character_count(const std::string& text);
/// The text, or its first characters and "..." where it has more than `width`.
std::string cut_to(const std::string& text, std::size_t width);

/// One run under way.
struct RunningView {
  std::string label;  // "twn, seed 1"
  RunObserver::Progress progress;
  double images_per_second = 0;  // 0 while not known
  std::optional<double> seconds_left = {};
};

struct BatchView {
  std::size_t total = 0;
  std::size_t done = 0;  // those of earlier invocations among them
  std::size_t failed = 0;
  double seconds = 0;  // since the start
  std::optional<double> seconds_left = {};
};

/// The columns of the lines below, for a table `width` wide; a narrow one has fewer.
std::string table_head(std::size_t width);

/// "twn, seed 1        41 %    2.4   87.10 %     5120  3 min 20 s", at most `width` long;
/// the label is cut where it is too long.
std::string running_line(const RunningView& view, std::size_t width);

/// The same of a run that is done: "twn, seed 1        done        91.23 %  ...".
std::string done_line(const std::string& label, const Outcome& outcome,
                      std::size_t width);

/// "12 of 60 runs done, 1 failed, 3 min 20 s so far, about 12 min 00 s left".
std::string batch_line(const BatchView& view);

/// "twn, seed 1: test accuracy 91.23 % after 3 min 20 s" or "... failed: <why>".
std::string outcome_line(const std::string& label, const Outcome& outcome);

/// The share of its work that a run has done; 0 while it does not know how much there is.
/// What is shown of a run that tells of `now` after `known`: a stage that counts no steps
/// (evaluation) is no step back.
RunObserver::Progress shown_after(const RunObserver::Progress& known,
                                  const RunObserver::Progress& now);

double done_share(const RunObserver::Progress& progress);

}  // namespace bitsweep

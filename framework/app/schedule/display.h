// Shows a batch on standard error: redrawn in place on a terminal, sparse lines
// otherwise.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/app/schedule/scheduler.h"

namespace bitsweep {

/// The size of the terminal of that file descriptor; 79 by 24 where it is none.
struct Screen {
  std::size_t columns = 79;
  std::size_t lines = 24;
};
Screen terminal_of(int descriptor);

/// What shows the text in place of what a terminal of that size shows: as many of its
/// lines, and of each as much, as there is room for, without scrolling.
std::string page_of(const std::string& text, const Screen& screen);

/// A job as it is shown and estimated.
struct DisplayedJob {
  std::string label;
  std::string network;
  double work = 1;  // see `work_of`
  int batch_size = 1;
};

/// `done_before` runs were finished before this batch; they count as done.
std::unique_ptr<ScheduleObserver> make_display(std::vector<DisplayedJob> jobs,
                                               int workers, std::size_t done_before);

}  // namespace bitsweep

#include "framework/app/schedule/display.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "framework/app/schedule/lease.h"
#include "framework/app/schedule/pace.h"
#include "framework/app/schedule/progress_text.h"
#include "framework/core/counted.h"

namespace bitsweep {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Nobody may be listening any more; the batch goes on.
void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

// Knows the state of the batch; how it is shown is left to the two below.
class Display : public ScheduleObserver {
 public:
  Display(std::vector<DisplayedJob> jobs, int workers, std::size_t done_before)
      : jobs_(std::move(jobs)), workers_(workers), items_(jobs_.size()) {
    batch_.total = jobs_.size() + done_before;
    batch_.done = done_before;
    for (std::size_t job = 0; job < jobs_.size(); ++job) {
      items_[job] = {.network = jobs_[job].network, .work = jobs_[job].work};
    }
  }

  void started(std::size_t job) override {
    running_[job] = {{.label = jobs_[job].label, .progress = {}}, Clock::now(), {}};
    show_start(jobs_[job].label);
  }

  void progress(std::size_t job, const RunObserver::Progress& progress) override {
    auto& run = running_.at(job);
    run.view.progress = shown_after(run.view.progress, progress);
    run.pace.hear(progress);
    run.view.images_per_second = run.pace.steps_per_second() * jobs_[job].batch_size;
    run.view.seconds_left = run.pace.seconds_left();
    items_[job].share = done_share(run.view.progress);
    items_[job].seconds = seconds_since(run.started);
  }

  void warning(std::size_t job, const std::string& text) override {
    show_line(fmt::format("{}: warning: {}", jobs_[job].label, text));
  }

  void note(std::size_t job, const std::string& text) override {
    show_line(fmt::format("{}: {}", jobs_[job].label, text));
  }

  void finished(std::size_t job, const Outcome& outcome) override {
    running_.erase(job);
    const bool done = outcome.status == Outcome::Status::kDone;
    ++(done ? batch_.done : batch_.failed);
    items_[job].share = 1;
    items_[job].seconds = outcome.seconds;
    // A run that failed says nothing of how long others take.
    if (!done) items_[job].work = items_[job].seconds = 0;
    show_outcome(jobs_[job].label, outcome);
  }

  void stopped(std::size_t job, const std::string& why) override {
    running_.erase(job);
    items_[job].share = items_[job].seconds = 0;
    show_line(fmt::format("{}: {}", jobs_[job].label, why));
  }

  void waiting(std::size_t job, const std::string& holder,
               std::size_t jobs_behind_it) override {
    if (jobs_behind_it == 0) {
      show_line(
          fmt::format("waiting for {}: {} gives no sign of life; after {:g} s of silence "
                      "it is run here",
                      jobs_[job].label, holder, kLeaseSeconds));
      return;
    }
    show_line(fmt::format("waiting for {}, which {} is at: {} here begin{} with it",
                          jobs_[job].label, holder, counted(jobs_behind_it, "run"),
                          jobs_behind_it == 1 ? "s" : ""));
  }

 protected:
  struct Running {
    RunningView view;
    Clock::time_point started;
    Pace pace;
  };

  virtual void show_outcome(const std::string& label, const Outcome& outcome) {
    show_line(outcome_line(label, outcome));
  }

  virtual void show_start(const std::string& label) = 0;
  /// A line that stays.
  virtual void show_line(const std::string& line) = 0;

  std::string batch_text() {
    batch_.seconds = seconds_since(begin_);
    batch_.seconds_left = seconds_left(items_, workers_);
    return batch_line(batch_);
  }
  const std::map<std::size_t, Running>& running() const { return running_; }
  std::size_t job_count() const { return jobs_.size(); }

 private:
  const std::vector<DisplayedJob> jobs_;
  const int workers_;
  const Clock::time_point begin_ = Clock::now();
  std::vector<WorkItem> items_;
  std::map<std::size_t, Running> running_;
  BatchView batch_;
};

// What is finished scrolls up; below it a table of what is under way, and the batch.
class LiveDisplay final : public Display {
 public:
  using Display::Display;
  ~LiveDisplay() override { print(erase()); }

  void tick() override {
    if (seconds_since(drawn_) < 0.2) return;
    drawn_ = Clock::now();
    const Screen screen = terminal_of(STDERR_FILENO);
    std::string text = erase();
    const auto add = [&](const std::string& line) {
      text += line + '\n';
      widths_.push_back(character_count(line));
    };
    if (!running().empty()) add(table_head(screen.columns));
    // More lines than the screen has could not be erased.
    const std::size_t room = std::max<std::size_t>(screen.lines, 6) - 4;
    std::size_t shown = 0;
    for (const auto& [job, run] : running()) {
      if (++shown > room) break;
      add(running_line(run.view, screen.columns));
    }
    if (running().size() > room) {
      add(fmt::format("and {} more at once", running().size() - room));
    }
    add(batch_text().substr(0, screen.columns));
    print(text);
  }

 protected:
  void show_start(const std::string&) override {}
  void show_line(const std::string& line) override { print(erase() + line + '\n'); }
  void show_outcome(const std::string& label, const Outcome& outcome) override {
    const bool done = outcome.status == Outcome::Status::kDone;
    show_line(done ? done_line(label, outcome, terminal_of(STDERR_FILENO).columns)
                   : outcome_line(label, outcome));
  }

 private:
  // Moves up to the first of our lines and clears from there. A terminal that became
  // narrower shows a line on several.
  std::string erase() {
    if (widths_.empty()) return "";
    const std::size_t columns = terminal_of(STDERR_FILENO).columns + 1;
    std::size_t lines = 0;
    for (const auto width : std::exchange(widths_, {})) {
      lines += std::max<std::size_t>(1, (width + columns - 1) / columns);
    }
    return fmt::format("\x1b[{}A\x1b[J", lines);
  }

  Clock::time_point drawn_;
  std::vector<std::size_t> widths_;  // of our lines
};

class PlainDisplay final : public Display {
 public:
  using Display::Display;

  // Now and then, ever more seldom: a week's log can still be read.
  void tick() override {
    constexpr double kLeastSeconds = 30, kShareOfElapsed = 0.01;
    const double pause = std::max(kLeastSeconds, kShareOfElapsed * seconds_since(begin_));
    if (seconds_since(shown_) < pause) return;
    shown_ = Clock::now();
    constexpr std::size_t kMostTold = 8;
    std::string text = batch_text();
    std::size_t told = 0;
    for (const auto& [job, run] : running()) {
      if (told++ == kMostTold) break;
      text += fmt::format("; {}: {} {:.0f} %", run.view.label, run.view.progress.stage,
                          100 * done_share(run.view.progress));
    }
    if (running().size() > kMostTold) {
      text += fmt::format("; and {} more at once", running().size() - kMostTold);
    }
    print(text + '\n');
  }

 protected:
  // Of many runs the ends tell enough; each has a log of its own.
  void show_start(const std::string& label) override {
    constexpr std::size_t kMany = 200;
    if (job_count() <= kMany) print(label + ": started\n");
  }
  void show_line(const std::string& line) override { print(line + '\n'); }

 private:
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point shown_ = Clock::now();
};

}  // namespace

Screen terminal_of(int descriptor) {
  winsize size{};
  const bool known = ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? Screen{size.ws_col - 1u, size.ws_row} : Screen{};
}

std::string page_of(const std::string& text, const Screen& screen) {
  constexpr const char* kToTop = "\x1b[H";
  constexpr const char* kEndOfLine = "\x1b[K\n";
  constexpr const char* kClearBelow = "\x1b[J";
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(std::move(line));
  // The cursor's line stays free, or the page would scroll.
  const std::size_t room = std::max<std::size_t>(screen.lines, 4) - 1;
  if (lines.size() > room) {
    const std::size_t left_out = lines.size() - room + 1;
    lines.resize(room - 1);
    lines.push_back(fmt::format("and {} more lines", left_out));
  }
  std::string page = kToTop;
  for (const auto& line : lines) page += cut_to(line, screen.columns) + kEndOfLine;
  return page + kClearBelow;
}

std::unique_ptr<ScheduleObserver> make_display(std::vector<DisplayedJob> jobs,
                                               int workers, std::size_t done_before) {
  if (isatty(STDERR_FILENO) != 0) {
    return std::make_unique<LiveDisplay>(std::move(jobs), workers, done_before);
  }
  return std::make_unique<PlainDisplay>(std::move(jobs), workers, done_before);
}

}  // namespace bitsweep

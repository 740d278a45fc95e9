#include "framework/app/schedule/display.h"

#include <chrono>
#include <cstdio>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "framework/app/schedule/progress_text.h"

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
    running_[job] = {{jobs_[job].label, {}}, Clock::now()};
    show_start(jobs_[job].label);
  }

  void progress(std::size_t job, const RunObserver::Progress& progress) override {
    auto& run = running_.at(job);
    const auto known = std::exchange(run.view.progress, progress);
    // A stage that counts no steps is no step back.
    if (progress.total == 0) {
      run.view.progress.done = known.done;
      run.view.progress.total = known.total;
    }
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
    show_line(outcome_line(jobs_[job].label, outcome));
  }

 protected:
  struct Running {
    RunningView view;
    Clock::time_point started;
  };

  virtual void show_start(const std::string& label) = 0;
  /// A line that stays.
  virtual void show_line(const std::string& line) = 0;

  std::string batch_text() {
    batch_.seconds = seconds_since(begin_);
    batch_.seconds_left = seconds_left(items_, workers_);
    return batch_line(batch_);
  }
  const std::map<std::size_t, Running>& running() const { return running_; }

 private:
  const std::vector<DisplayedJob> jobs_;
  const int workers_;
  const Clock::time_point begin_ = Clock::now();
  std::vector<WorkItem> items_;
  std::map<std::size_t, Running> running_;
  BatchView batch_;
};

class LiveDisplay final : public Display {
 public:
  using Display::Display;
  ~LiveDisplay() override { print(erase()); }

  void tick() override {
    if (seconds_since(drawn_) < 0.2) return;
    drawn_ = Clock::now();
    std::string text = erase();
    for (const auto& [job, run] : running()) {
      text += running_line(run.view, terminal_width()) + '\n';
      ++lines_;
    }
    print(text + batch_text().substr(0, terminal_width()) + '\n');
    ++lines_;
  }

 protected:
  void show_start(const std::string&) override {}
  void show_line(const std::string& line) override { print(erase() + line + '\n'); }

 private:
  // Moves up to the first of our lines and clears from there.
  std::string erase() {
    const int lines = std::exchange(lines_, 0);
    return lines == 0 ? "" : fmt::format("\x1b[{}A\x1b[J", lines);
  }

  static std::size_t terminal_width() {
    winsize size{};
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col - 1u : 79u;
  }

  Clock::time_point drawn_;
  int lines_ = 0;
};

class PlainDisplay final : public Display {
 public:
  using Display::Display;

  void tick() override {
    if (seconds_since(shown_) < 30) return;
    shown_ = Clock::now();
    std::string text = batch_text();
    for (const auto& [job, run] : running()) {
      text += fmt::format("; {}: {} {:.0f} %", run.view.label, run.view.progress.stage,
                          100 * done_share(run.view.progress));
    }
    print(text + '\n');
  }

 protected:
  void show_start(const std::string& label) override { print(label + ": started\n"); }
  void show_line(const std::string& line) override { print(line + '\n'); }

 private:
  Clock::time_point shown_ = Clock::now();
};

}  // namespace

std::unique_ptr<ScheduleObserver> make_display(std::vector<DisplayedJob> jobs,
                                               int workers, std::size_t done_before) {
  if (isatty(STDERR_FILENO) != 0) {
    return std::make_unique<LiveDisplay>(std::move(jobs), workers, done_before);
  }
  return std::make_unique<PlainDisplay>(std::move(jobs), workers, done_before);
}

}  // namespace bitsweep

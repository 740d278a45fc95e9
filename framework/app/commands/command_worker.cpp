// bitsweep worker: one run, for the scheduler. The run's canonical text is on standard
// input; messages go to standard output, the record to a file.

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <string_view>

#include <fmt/format.h>
#include <unistd.h>

#include "framework/app/commands/commands.h"
#include "framework/app/schedule/worker_message.h"
#include "framework/core/error.h"
#include "framework/core/file_descriptor.h"
#include "framework/core/parallel.h"
#include "framework/data/dataset.h"
#include "framework/results/whole_file.h"

namespace bitsweep {
namespace {

using Clock = std::chrono::steady_clock;

// Takes standard output for messages alone: what libraries print goes to standard error.
class MessagePipe {
 public:
  MessagePipe() : pipe_(dup(STDOUT_FILENO)) { dup2(STDERR_FILENO, STDOUT_FILENO); }
  MessagePipe(const MessagePipe&) = delete;
  MessagePipe& operator=(const MessagePipe&) = delete;

  // Shorter than a pipe's atomic unit, and nobody else writes: one call sends a line
  // whole.
  void send(const WorkerMessage& message) const {
    const std::string line = to_line(message);
    [[maybe_unused]] const ssize_t sent = write(pipe_.number(), line.data(), line.size());
  }

 private:
  FileDescriptor pipe_;
};

// A run that hangs (in a plugin, mostly) must not hold up the others for ever. The
// longest time between two signs of life is an evaluation.
class Patience {
 public:
  Patience() {
    const char* given = std::getenv("BITSWEEP_PATIENCE");
    const int seconds = given ? std::atoi(given) : 0;
    if (seconds > 0) seconds_ = unsigned(seconds);
    std::signal(SIGALRM, give_up);
    renew();
  }
  void renew() const { alarm(seconds_); }

 private:
  static void give_up(int) {
    constexpr std::string_view kWhy = "no progress for longer than BITSWEEP_PATIENCE\n";
    [[maybe_unused]] const ssize_t sent = write(STDERR_FILENO, kWhy.data(), kWhy.size());
    _exit(1);
  }

  unsigned seconds_ = 4 * 60 * 60;
};

class SendingObserver final : public RunObserver {
 public:
  explicit SendingObserver(const MessagePipe& pipe) : pipe_(pipe) {}

  void progress(const Progress& progress) override {
    patience_.renew();
    const auto now = Clock::now();
    if (progress.stage == stage_ && now - sent_ < std::chrono::milliseconds(100)) return;
    stage_ = progress.stage;
    sent_ = now;
    pipe_.send(WorkerMessage::of_progress(progress));
  }

  void warning(const std::string& text) override {
    pipe_.send(WorkerMessage::of_warning(text));
  }

 private:
  const MessagePipe& pipe_;
  const Patience patience_;
  std::string stage_;
  Clock::time_point sent_;
};

std::string all_input() {
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

double test_accuracy(const RunRecord& record) {
  const auto found = record.metrics.find("test_accuracy");
  return found == record.metrics.end() ? std::nan("") : found->second;
}

// A plugin that was built anew while its study runs would write under its old name.
void check_method(const MethodSpec& method, const MethodRegistry& methods) {
  const MethodEntry& entry = methods.at(method.id);
  if (entry.plugin == method.plugin && entry.version == method.version) return;
  throw RunError(fmt::format("{}: changed since the study began; run the study again",
                             methods.at(method.id).origin));
}

double run_and_record(const Arguments& arguments, Session& session,
                      RunObserver& observer) {
  load_tried_plugins(arguments, session);
  set_threads(arguments.whole_number("threads", 1, 1));
  RunEnvironment environment;
  environment.methods = &session.methods;
  environment.data_folders = data_folders(arguments.text("data-dir"));
  if (arguments.has("baseline")) {
    environment.baseline = read_record(arguments.text("baseline"));
  }
  const RunSpec spec = parse_run(all_input());
  check_method(spec.method, session.methods);
  for (const auto& rule : spec.sites) check_method(rule.method, session.methods);
  auto record = session.pipeline.run(spec, environment, observer);
  record.digest = digest(spec, kResultsVersion);
  keep_only(arguments.text("keep", "state"), record);
  write_record(record, arguments.text("record"));
  return test_accuracy(record);
}

int worker(const Arguments& arguments, Session& session) {
  const MessagePipe pipe;
  SendingObserver observer(pipe);
  try {
    const double accuracy = run_and_record(arguments, session, observer);
    pipe.send(WorkerMessage::of_result(accuracy));
    return 0;
  } catch (const DiskFullError& error) {
    pipe.send(WorkerMessage::of_full_disk(error.what()));
  } catch (const RunError& error) {  // the run's own: it would do the same again
    pipe.send(WorkerMessage::of_failure(error.what(), /*lasting=*/true));
  } catch (const std::bad_alloc&) {
    pipe.send(WorkerMessage::of_failure("out of memory"));
  } catch (const std::exception& error) {
    pipe.send(WorkerMessage::of_failure(error.what()));
  }
  return 1;
}

}  // namespace

Command worker_command() {
  return {{.command = "worker",
           .summary = "Carry out one run, whose text is on standard input.",
           .positionals = {},
           .options = {{.name = "record",
                        .value = "FILE.h5",
                        .help = "Where to write the record.",
                        .required = true},
                       {.name = "baseline",
                        .value = "FILE.h5",
                        .help = "The record of the float run to start from."},
                       {.name = "keep",
                        .value = "WHAT",
                        .help = "What the record keeps: state, model or predictions "
                                "(state)."},
                       {.name = "threads", .value = "N", .help = "Threads (1)."},
                       data_folder_option(),
                       plugin_option()}},
          worker,
          /*hidden=*/true};
}

}  // namespace bitsweep

// The program with a pipeline that trains nothing: a run's seed says what becomes of it.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <signal.h>
#include <unistd.h>

#include "framework/app/program.h"
#include "framework/core/error.h"
#include "framework/results/whole_file.h"

namespace {

using namespace bitsweep;

constexpr std::int64_t kThrows = 11;
constexpr std::int64_t kThrowsUnexpectedly = 12;
constexpr std::int64_t kAborts = 13;
constexpr std::int64_t kIsKilled = 14;
constexpr std::int64_t kInterruptsTheBatch = 15;
constexpr std::int64_t kFillsTheDisk = 16;
constexpr std::int64_t kNoticesTheBatch = 17;

void misbehave(std::int64_t seed, const RunEnvironment& environment) {
  if (seed == kThrows) {
    throw RunError("conv1/weight: step became NaN at epoch 3, batch 118");
  }
  if (seed == kFillsTheDisk) {
    throw DiskFullError("x.h5: cannot be written (No space left on device)");
  }
  if (seed == kThrowsUnexpectedly) throw std::out_of_range("vector::at");
  ensure(seed != kAborts, "blocks tile the image");
  if (seed == kIsKilled) raise(SIGKILL);
  if (seed == kInterruptsTheBatch) {
    kill(getppid(), SIGTERM);  // SIGINT may be ignored where tests run
    while (!environment.checkpoint->requests->stop) usleep(1000);
    throw RunStopped("stopped by a signal");
  }
  if (seed == kNoticesTheBatch) {
    kill(getppid(), SIGUSR1);
    const RunRequests& requests = *environment.checkpoint->requests;
    while (!requests.stop && !requests.save) usleep(1000);
    if (requests.stop) throw RunStopped("stopped by a signal");
  }
}

// A byte for each time that a run is carried out, in a file of its digest.
void count_and_sleep(const RunSpec& spec) {
  if (const char* folder = std::getenv("BITSWEEP_FAKE_COUNTS")) {
    const auto file = std::filesystem::path(folder) / digest(spec, kResultsVersion);
    std::ofstream(file, std::ios::app) << 'x';
  }
  if (const char* file = std::getenv("BITSWEEP_FAKE_WAITS_FOR")) {
    while (!std::filesystem::exists(file)) usleep(5000);
  }
  if (const char* milliseconds = std::getenv("BITSWEEP_FAKE_SLEEPS")) {
    usleep(useconds_t(1000 * std::atoi(milliseconds)));
  }
}

RunRecord fake_run(const RunSpec& spec, const RunEnvironment& environment,
                   RunObserver& observer) {
  observer.progress({"train", 1, 2, 0.5, 0.7, 0.6});
  ensure(environment.baseline.has_value() == spec.starts_from_baseline(),
         "a run that starts from a baseline is given it");
  if (std::getenv("BITSWEEP_FAKE_MISBEHAVES") != nullptr) {
    misbehave(spec.seed, environment);
  }
  count_and_sleep(spec);
  RunRecord record;
  record.canonical_text = spec.canonical_text();
  record.method = spec.method.id;
  record.seed = spec.seed;
  record.metrics["test_accuracy"] = spec.is_baseline() ? 0.95
                                    : spec.is_float()  ? 0.97
                                                       : 0.9;
  if (!spec.is_float()) record.curves["health/conv2/weight/clipped"] = {0.5};
  record.state["conv1/weight"] = {{2}, {0.5F, 0.25F}};
  record.model = {'B', 'S', 'W', 'M'};
  record.provenance = current_provenance();
  record.provenance.seconds = 0.5;
  return record;
}

std::vector<RunProblem> fake_check(const RunSpec& spec, const MethodRegistry&,
                                   std::size_t /*training_images*/) {
  if (spec.training.batch_size == 7) {
    return {{"network", "conv1: a batch of 7 does not fit"}};
  }
  return {};
}

BenchResult fake_bench(const BenchOptions& options, const MethodRegistry&) {
  return {.steps = 10,
          .seconds = options.seconds,
          .median_step_ms = 2,
          .fastest_step_ms = 1.5,
          .images_per_second = options.batch / 0.002,
          .peak_memory_mb = 100,
          .engine = "none",
          .cpu = "a CPU"};
}

// A weight of two bits costs five points, of one bit fifty.
double fake_validate(const RunSpec& spec, const RunEnvironment& environment) {
  if (!environment.baseline) return 0;
  if (std::getenv("BITSWEEP_FAKE_INTERRUPTS_SEARCH") != nullptr) {
    kill(getpid(), SIGTERM);  // SIGINT may be ignored where tests run
    while (true) pause();
  }
  if (std::getenv("BITSWEEP_FAKE_LOSES_ALL") != nullptr && !spec.sites.empty()) {
    for (const auto& rule : spec.sites) {
      if (rule.method.id != "float") return 0.1;
    }
  }
  double accuracy = 0.99;
  for (const auto& rule : spec.sites) {
    const auto bits = rule.method.params.find("weight_bits");
    if (bits == rule.method.params.end() || !rule.match.ends_with("/weight")) continue;
    if (bits->second.text() == "2") accuracy -= 0.05;
    if (bits->second.text() == "1") accuracy -= 0.5;
  }
  return accuracy;
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv, {fake_run, fake_check, fake_bench, fake_validate});
}

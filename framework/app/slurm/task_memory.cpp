#include "framework/app/slurm/task_memory.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>

#include <fmt/format.h>

#include "framework/app/check_run.h"
#include "framework/app/questioned.h"
#include "framework/results/record.h"

namespace bitsweep {
namespace {

// The engine's own buffers, evaluation, the record: what the estimate leaves out.
constexpr double kSpare = 1.5;
constexpr double kBase = 200e6;  // of a process

// Bits and seeds change little: runs that differ in nothing else are alike.
std::string kind_of(const RunSpec& run) {
  return fmt::format("{}|{}|{}|{}|{}|{}", run.network.id, run.dataset.id, run.method.id,
                     run.training.batch_size, run.training.optimizer.id,
                     run.fine_tuning ? run.fine_tuning->batch_size : 0);
}

double largest_training(const Plan& plan, const MethodRegistry& methods) {
  std::set<std::string> seen;
  double largest = 0;
  for (const auto& run : plan.runs) {
    const bool is_to_do =
        run.state == RunState::kMissing || run.state == RunState::kFailed;
    if (!is_to_do || !seen.insert(kind_of(run.spec)).second) continue;
    largest = std::max(largest, training_memory(run.spec, methods));
  }
  return largest;
}

}  // namespace

std::optional<double> task_memory(const Plan& plan, int jobs, const Session& session) {
  try {
    // In a process of its own, as a plugin's methods are asked.
    const double training = std::stod(ask_in_child([&](const Tell&) {
      return fmt::format("{}", largest_training(plan, session.methods));
    }));
    const double data = 1e6 * current_provenance().peak_memory_mb;
    return kBase + data + jobs * (kBase + data + kSpare * training);
  } catch (const NoAnswer&) {
    return std::nullopt;
  }
}

}  // namespace bitsweep

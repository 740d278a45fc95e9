#include "framework/app/schedule/plan.h"

#include <algorithm>
#include <cctype>
#include <map>

#include <fmt/format.h>

#include "framework/core/counted.h"
#include "framework/results/record.h"

namespace bitsweep {
namespace {

constexpr std::size_t kLongestName = 80;

// Letters, digits, dots; one dash for each stretch of anything else.
std::string file_name(const std::string& text) {
  std::string name;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '.') {
      name += char(std::tolower(static_cast<unsigned char>(c)));
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  name = name.substr(0, kLongestName);
  name.erase(name.find_last_not_of('-') + 1);
  return name;
}

const char* state_word(RunState state) {
  switch (state) {
    case RunState::kMissing:
      return "to do";
    case RunState::kDone:
      return "done";
    case RunState::kFailed:
      return "failed";
  }
  return "";
}

class Planner {
 public:
  explicit Planner(const std::function<RunState(const std::string&)>& state_of)
      : state_of_(state_of) {}

  // The index of the run, which is added when it is not there yet.
  std::size_t add(const RunSpec& spec, const std::string& label) {
    const std::string name = digest(spec, kResultsVersion);
    const auto found = by_digest_.find(name);
    if (found != by_digest_.end()) return found->second;
    by_digest_[name] = plan_.runs.size();
    plan_.runs.push_back(
        {.spec = spec,
         .label = fmt::format("{}, seed {}", label, spec.seed),
         .name = fmt::format("{}-seed{}", file_name(spec.network.id + " " + label),
                             spec.seed),
         .digest = name,
         .state = state_of_(name)});
    return plan_.runs.size() - 1;
  }

  Plan& plan() { return plan_; }

 private:
  const std::function<RunState(const std::string&)>& state_of_;
  std::map<std::string, std::size_t> by_digest_;
  Plan plan_;
};

void add_baselines(const StudySpec& study, Planner& planner) {
  for (const bool own_rows : {true, false}) {
    for (const auto& row : study.rows) {
      for (const auto& run : row.runs) {
        // A float row gives its runs their label; else they have one from the network.
        if (own_rows && run.is_baseline()) planner.add(run, row.label);
        if (!own_rows && !run.is_baseline()) {
          planner.add(run.baseline(), "float " + run.network.id);
        }
      }
    }
  }
}

void add_rows(const StudySpec& study, Planner& planner) {
  for (const auto& row : study.rows) {
    for (const auto& run : row.runs) {
      if (run.is_baseline()) continue;
      const std::size_t index = planner.add(run, row.label);
      planner.plan().runs[index].baseline = planner.add(run.baseline(), row.label);
    }
  }
}

}  // namespace

std::size_t Plan::count(RunState state) const {
  return std::size_t(std::count_if(
      runs.begin(), runs.end(), [state](const auto& run) { return run.state == state; }));
}

std::size_t Plan::baseline_count() const {
  return std::size_t(std::count_if(
      runs.begin(), runs.end(), [](const auto& run) { return run.spec.is_baseline(); }));
}

Plan make_plan(const StudySpec& study,
               const std::function<RunState(const std::string& digest)>& state_of) {
  Planner planner(state_of);
  add_baselines(study, planner);
  add_rows(study, planner);
  Plan plan = std::move(planner.plan());
  plan.rows = study.rows.size();
  for (const auto& row : study.rows) plan.seeds = std::max(plan.seeds, row.runs.size());
  return plan;
}

std::string plan_summary(const std::string& study, const Plan& plan) {
  const std::size_t failed = plan.count(RunState::kFailed);
  const std::size_t baselines = plan.baseline_count();
  const std::size_t left = failed + plan.count(RunState::kMissing);
  std::string text =
      fmt::format("{}: {} x {}; {}, {} of them {}; {} done, {} to do", study,
                  counted(plan.rows, "row"), counted(plan.seeds, "seed"),
                  counted(plan.runs.size(), "run"), baselines,
                  baselines == 1 ? "a float baseline" : "float baselines",
                  plan.count(RunState::kDone), left);
  if (failed > 0) text += fmt::format(", {} of these failed before", failed);
  return text;
}

std::string plan_listing(const Plan& plan) {
  std::string text;
  for (const auto& run : plan.runs) {
    text += fmt::format("{:<7} {}  {}\n", state_word(run.state), run.digest, run.label);
  }
  return text;
}

}  // namespace bitsweep

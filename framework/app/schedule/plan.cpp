#include "framework/app/schedule/plan.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include <fmt/format.h>

#include "framework/core/counted.h"
#include "framework/results/record.h"

namespace bitsweep {
namespace {

const char* state_word(RunState state) {
  switch (state) {
    case RunState::kMissing:
      return "to do";
    case RunState::kDone:
      return "done";
    case RunState::kFailed:
      return "failed";
    case RunState::kDamaged:
      return "damaged";
    case RunState::kSkipped:
      return "skipped";
  }
  return "";
}

class Planner {
 public:
  explicit Planner(const std::function<Found(const std::string&)>& find) : find_(find) {}

  // The index of the run, which is added when it is not there yet.
  std::size_t add(const RunSpec& spec, const std::string& label) {
    const std::string name = digest(spec, kResultsVersion);
    const auto found = by_digest_.find(name);
    if (found != by_digest_.end()) return found->second;
    by_digest_[name] = plan_.runs.size();
    const Found record = find_(name);
    plan_.runs.push_back(
        {.spec = spec,
         .label = fmt::format("{}, seed {}", label, spec.seed),
         .name = fmt::format("{}-seed{}", file_name(spec.network.id + " " + label),
                             spec.seed),
         .digest = name,
         .state = record.state,
         .why = record.why});
    has_weights_.push_back(record.has_weights);
    return plan_.runs.size() - 1;
  }

  PlannedRun& run(std::size_t index) { return plan_.runs[index]; }

  // Runs that nobody asked for are left out, and done again what is asked for so.
  void choose(const std::set<std::size_t>& chosen, std::set<std::size_t> needed,
              bool force) {
    for (const auto index : std::set(needed)) {
      if (run(index).start) needed.insert(*run(index).start);
    }
    for (std::size_t i = 0; i < plan_.runs.size(); ++i) {
      const bool is_there =
          run(i).state == RunState::kDone || run(i).state == RunState::kDamaged;
      const bool is_damaged = run(i).state == RunState::kDamaged && needed.contains(i);
      if (force && ((chosen.contains(i) && is_there) || is_damaged)) {
        run(i).state = RunState::kMissing;
        run(i).why = "again, by --force";
      } else if (!needed.contains(i) && run(i).state != RunState::kDone) {
        run(i).state = RunState::kSkipped;
        run(i).why = "not chosen by --only";
      }
    }
  }

  // A float network whose record is without weights is trained again for those who begin
  // with them.
  void want_weights() {
    for (const auto& other : plan_.runs) {
      const bool is_to_do =
          other.state == RunState::kMissing || other.state == RunState::kFailed;
      if (!is_to_do || !other.start) continue;
      PlannedRun& start = run(*other.start);
      if (start.state != RunState::kDone || has_weights_[*other.start]) continue;
      start.state = RunState::kMissing;
      start.why = "again: its weights were not kept, and others begin with them";
    }
  }

  Plan& plan() { return plan_; }

 private:
  const std::function<Found(const std::string&)>& find_;
  std::map<std::string, std::size_t> by_digest_;
  std::vector<bool> has_weights_;
  Plan plan_;
};

template <class Visitor>
void visit_runs(const StudySpec& study, Visitor&& visit) {
  for (const auto& row : study.rows) {
    for (const auto& run : row.runs) visit(row, run);
  }
}

// What others start from stands before them: plain float networks, then those that are
// fine-tuned. A float row gives its runs their label; else they have one from the
// network.
void add_float_runs(const StudySpec& study, Planner& planner) {
  visit_runs(study, [&](const RowSpec& row, const RunSpec& run) {
    if (run.is_baseline()) planner.add(run, row.label);
  });
  visit_runs(study, [&](const RowSpec&, const RunSpec& run) {
    planner.add(run.baseline(), "float " + run.network.id);
  });
  visit_runs(study, [&](const RowSpec& row, const RunSpec& run) {
    if (run.is_float()) planner.add(run, row.label);
  });
  visit_runs(study, [&](const RowSpec&, const RunSpec& run) {
    planner.add(run.control(), "float, fine-tuned " + run.network.id);
  });
}

void connect_starts(Planner& planner) {
  for (std::size_t i = 0; i < planner.plan().runs.size(); ++i) {
    const RunSpec spec = planner.run(i).spec;
    if (spec.starts_from_baseline())
      planner.run(i).start = planner.add(spec.baseline(), "");
  }
}

void add_all(const StudySpec& study, const PlanOptions& options, Planner& planner) {
  add_float_runs(study, planner);
  std::set<std::size_t> chosen;
  std::set<std::size_t> needed;
  visit_runs(study, [&](const RowSpec& row, const RunSpec& run) {
    const std::size_t index = planner.add(run, row.label);
    if (options.chosen && !options.chosen(row, run)) return;
    chosen.insert(index);
    needed.insert({index, planner.add(run.control(), row.label),
                   planner.add(run.baseline(), row.label)});
  });
  connect_starts(planner);
  planner.choose(chosen, needed, options.force);
}

}  // namespace

std::string file_name(const std::string& text) {
  constexpr std::size_t kLongest = 80;
  std::string name;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '.') {
      name += char(std::tolower(static_cast<unsigned char>(c)));
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  name = name.substr(0, kLongest);
  name.erase(name.find_last_not_of('-') + 1);
  return name;
}

std::size_t Plan::count(RunState state) const {
  return std::size_t(std::count_if(
      runs.begin(), runs.end(), [state](const auto& run) { return run.state == state; }));
}

std::size_t Plan::baseline_count() const {
  return std::size_t(std::count_if(runs.begin(), runs.end(),
                                   [](const auto& run) { return run.spec.is_float(); }));
}

Plan make_plan(const StudySpec& study,
               const std::function<Found(const std::string& digest)>& find,
               const PlanOptions& options) {
  Planner planner(find);
  add_all(study, options, planner);
  planner.want_weights();
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
  if (const auto skipped = plan.count(RunState::kSkipped); skipped > 0) {
    text += fmt::format(", {} skipped", skipped);
  }
  return text;
}

std::string plan_listing(const Plan& plan) {
  std::string text;
  for (const auto& run : plan.runs) {
    text += fmt::format("{:<7} {}  {}{}\n", state_word(run.state), run.digest, run.label,
                        run.why.empty() ? "" : fmt::format("  ({})", run.why));
  }
  return text;
}

}  // namespace bitsweep

#include "framework/app/schedule/plan.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include "framework/app/schedule/time_left.h"
#include "framework/config/run_text.h"
#include "framework/core/counted.h"
#include "framework/core/error.h"
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
    case RunState::kUnreadable:
      return "unreadable";
    case RunState::kSkipped:
      return "skipped";
  }
  return "";
}

class Planner {
 public:
  explicit Planner(const std::function<FoundRun(const std::string&)>& find)
      : find_(find) {}

  // The index of the run, which is added when it is not there yet. `turn`: it is wanted
  // with the first seeds of the rows, the second, ...
  template <class MakeSpec>
  std::size_t add(const std::string& name, MakeSpec&& make_spec, const std::string& label,
                  std::size_t turn) {
    const auto found = by_digest_.find(name);
    if (found != by_digest_.end()) {
      turns_[found->second] = std::min(turns_[found->second], turn);
      return found->second;
    }
    turns_.push_back(turn);
    by_digest_[name] = plan_.runs.size();
    RunSpec spec = make_spec();
    const std::int64_t seed = spec.seed;
    const std::string file = file_name(spec.network.id + " " + label);
    const FoundRun record = find_(name);
    plan_.runs.push_back({.spec = std::move(spec),
                          .label = fmt::format("{}, seed {}", label, seed),
                          .name = fmt::format("{}-seed{}", file, seed),
                          .digest = name,
                          .state = record.state,
                          .why = record.why,
                          .start = {},
                          .seconds = record.state == RunState::kDone ? record.seconds : 0,
                          .record = record.record});
    has_weights_.push_back(record.has_weights);
    return plan_.runs.size() - 1;
  }

  // That of one that is there.
  std::size_t place(const std::string& name, std::size_t turn) {
    const std::size_t index = by_digest_.at(name);
    turns_[index] = std::min(turns_[index], turn);
    return index;
  }

  PlannedRun& run(std::size_t index) { return plan_.runs[index]; }
  std::size_t turn(std::size_t index) const { return turns_[index]; }

  // Runs that nobody asked for are left out, and done again what is asked for so.
  void choose(const std::set<std::size_t>& chosen, std::set<std::size_t> needed,
              const PlanOptions& options) {
    const std::string why =
        options.shard.count == 1 ? "not chosen by --only"
        : options.chosen ? fmt::format("not chosen by --only, or not of --shard {}",
                                       options.shard.text())
                         : "not of --shard " + options.shard.text();
    for (const auto index : std::set(needed)) {
      if (run(index).start) needed.insert(*run(index).start);
    }
    for (std::size_t i = 0; i < plan_.runs.size(); ++i) {
      const bool is_there = run(i).state == RunState::kDone || is_lost(run(i).state);
      const bool is_damaged = is_lost(run(i).state) && needed.contains(i);
      run(i).is_wanted = needed.contains(i);
      if (options.force && ((chosen.contains(i) && is_there) || is_damaged)) {
        run(i).state = RunState::kMissing;
        run(i).why = "again, by --force";
      } else if (!needed.contains(i) && run(i).state != RunState::kDone) {
        run(i).state = RunState::kSkipped;
        run(i).why = why;
      }
    }
  }

  // What begins with a record that cannot be read waits until the user has seen to it.
  void pass_over_damaged() {
    for (auto& other : plan_.runs) {
      if (!is_to_do(other) || !other.start) continue;
      const RunState start = run(*other.start).state;
      if (!is_lost(start)) continue;
      other.state = RunState::kSkipped;
      other.why =
          fmt::format("it begins with a float run whose record is {}", state_word(start));
    }
  }

  // All rows of the first seed first, each seed's float networks before what begins with
  // them.
  void sort_by_turn() {
    std::vector<std::size_t> order(plan_.runs.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
      return turns_[a] < turns_[b];
    });
    std::vector<std::size_t> place(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
    std::vector<PlannedRun> sorted;
    sorted.reserve(order.size());
    for (const auto index : order) {
      auto& run = sorted.emplace_back(std::move(plan_.runs[index]));
      if (run.start) run.start = place[*run.start];
    }
    plan_.runs = std::move(sorted);
  }

  // A float network whose record is without weights is trained again for those who begin
  // with them.
  void want_weights() {
    for (const auto& other : plan_.runs) {
      if (!is_to_do(other) || !other.start) continue;
      PlannedRun& start = run(*other.start);
      if (start.state != RunState::kDone || has_weights_[*other.start]) continue;
      start.state = RunState::kMissing;
      start.why = "again: its weights were not kept, and others begin with them";
    }
  }

  Plan& plan() { return plan_; }

 private:
  static bool is_to_do(const PlannedRun& run) {
    return run.state == RunState::kMissing || run.state == RunState::kFailed;
  }

  const std::function<FoundRun(const std::string&)>& find_;
  std::vector<std::size_t> turns_;  // by run
  std::map<std::string, std::size_t> by_digest_;
  std::vector<bool> has_weights_;
  Plan plan_;
};

// With each run, the place of its seed among those of its row.
template <class Visitor>
void visit_runs(const StudySpec& study, Visitor&& visit) {
  for (const auto& row : study.rows) {
    for (std::size_t turn = 0; turn < row.runs.size(); ++turn) {
      visit(row, row.runs[turn], turn);
    }
  }
}

// The runs of a row differ in their seed alone.
std::vector<RunDigests> digests_of(const StudySpec& study) {
  std::vector<RunDigests> digests;
  for (const auto& row : study.rows) {
    if (row.runs.empty()) continue;
    const RunSpec& run = row.runs.front();
    const SeedDigests own(run, kResultsVersion);
    const SeedDigests baseline(run.baseline(), kResultsVersion);
    const SeedDigests control(run.control(), kResultsVersion);
    for (const RunSpec& each : row.runs) {
      digests.push_back(
          {own.of(each.seed), baseline.of(each.seed), control.of(each.seed)});
    }
  }
  return digests;
}

// What others start from stands before them: plain float networks, then those that are
// fine-tuned. A float row gives its runs their label; else they have one from the
// network.
void add_float_runs(const StudySpec& study, const std::vector<RunDigests>& digests,
                    Planner& planner) {
  std::size_t i = 0;
  visit_runs(study, [&](const RowSpec& row, const RunSpec& run, std::size_t turn) {
    if (run.is_baseline())
      planner.add(
          digests[i].own, [&] { return run; }, row.label, turn);
    ++i;
  });
  i = 0;
  visit_runs(study, [&](const RowSpec&, const RunSpec& run, std::size_t turn) {
    planner.add(
        digests[i++].baseline, [&] { return run.baseline(); }, "float " + run.network.id,
        turn);
  });
  i = 0;
  visit_runs(study, [&](const RowSpec& row, const RunSpec& run, std::size_t turn) {
    if (run.is_float())
      planner.add(
          digests[i].own, [&] { return run; }, row.label, turn);
    ++i;
  });
  i = 0;
  visit_runs(study, [&](const RowSpec&, const RunSpec& run, std::size_t turn) {
    planner.add(
        digests[i++].control, [&] { return run.control(); },
        "float, fine-tuned " + run.network.id, turn);
  });
}

void connect_starts(const StudySpec& study, const std::vector<RunDigests>& digests,
                    Planner& planner) {
  std::map<std::string, std::string> start_of;
  std::size_t next = 0;
  visit_runs(study, [&](const RowSpec&, const RunSpec&, std::size_t) {
    const RunDigests& names = digests[next++];
    start_of[names.own] = start_of[names.control] = names.baseline;
  });
  for (std::size_t i = 0; i < planner.plan().runs.size(); ++i) {
    const RunSpec& spec = planner.run(i).spec;
    if (!spec.starts_from_baseline()) continue;
    const std::string& start = start_of.at(planner.run(i).digest);
    planner.run(i).start = planner.place(start, planner.turn(i));
  }
}

// The digests of the rows' runs.
std::vector<RunDigests> add_all(const StudySpec& study, const PlanOptions& options,
                                Planner& planner) {
  auto digests = digests_of(study);
  add_float_runs(study, digests, planner);
  std::set<std::size_t> chosen;
  std::set<std::size_t> needed;
  std::size_t next = 0;
  visit_runs(study, [&](const RowSpec& row, const RunSpec& run, std::size_t turn) {
    const RunDigests& names = digests[next++];
    const std::size_t index = planner.add(
        names.own, [&] { return run; }, row.label, turn);
    if (options.chosen && !options.chosen(row, run)) return;
    if (!options.shard.holds(names.own)) return;
    chosen.insert(index);
    needed.insert(
        {index, planner.place(names.control, turn), planner.place(names.baseline, turn)});
  });
  connect_starts(study, digests, planner);
  planner.choose(chosen, needed, options);
  return digests;
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

bool Shard::holds(const std::string& digest) const {
  return std::stoull(digest.substr(0, 16), nullptr, 16) % std::uint64_t(count) ==
         std::uint64_t(index - 1);
}

std::string Shard::text() const { return fmt::format("{}/{}", index, count); }

Shard Shard::parse(const std::string& text) {
  const auto slash = text.find('/');
  const auto number = [](std::string_view word, int& value) {
    const auto [stop, failure] =
        std::from_chars(word.data(), word.data() + word.size(), value);
    return failure == std::errc{} && stop == word.data() + word.size();
  };
  Shard shard;
  const bool is_two = slash != text.npos &&
                      number(std::string_view(text).substr(0, slash), shard.index) &&
                      number(std::string_view(text).substr(slash + 1), shard.count);
  if (is_two && 1 <= shard.index && shard.index <= shard.count) return shard;
  throw ConfigError(fmt::format(
      "--shard: '{}' is no share of the runs; write 1/4, 2/4, 3/4 and 4/4 for four",
      text));
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
               const std::function<FoundRun(const std::string& digest)>& find,
               const PlanOptions& options) {
  Planner planner(find);
  auto digests = add_all(study, options, planner);
  planner.pass_over_damaged();
  planner.want_weights();
  planner.sort_by_turn();
  Plan plan = std::move(planner.plan());
  plan.digests = std::move(digests);
  plan.rows = study.rows.size();
  for (const auto& row : study.rows) plan.seeds = std::max(plan.seeds, row.runs.size());
  return plan;
}

std::string plan_size(const std::string& study, const Plan& plan) {
  const std::size_t baselines = plan.baseline_count();
  return fmt::format("{}: {} x {}; {}, {} of them {}", study, counted(plan.rows, "row"),
                     counted(plan.seeds, "seed"), counted(plan.runs.size(), "run"),
                     baselines, baselines == 1 ? "a float baseline" : "float baselines");
}

std::string plan_summary(const std::string& study, const Plan& plan) {
  const std::size_t failed = plan.count(RunState::kFailed);
  const std::size_t left = failed + plan.count(RunState::kMissing);
  std::string text = fmt::format("{}; {} done, {} to do", plan_size(study, plan),
                                 plan.count(RunState::kDone), left);
  if (failed > 0) text += fmt::format(", {} of these failed before", failed);
  for (const auto state :
       {RunState::kSkipped, RunState::kDamaged, RunState::kUnreadable}) {
    const auto count = plan.count(state);
    if (count > 0) text += fmt::format(", {} {}", count, state_word(state));
  }
  return text;
}

std::string plan_listing(const Plan& plan,
                         const std::vector<std::optional<double>>& seconds) {
  std::string text;
  for (std::size_t i = 0; i < plan.runs.size(); ++i) {
    const auto& run = plan.runs[i];
    if (run.state == RunState::kDone && !run.is_wanted) continue;
    std::vector<std::string> remarks;
    if (!run.why.empty()) remarks.push_back(run.why);
    if (i < seconds.size() && seconds[i]) {
      remarks.push_back("about " + duration_text(*seconds[i]));
    }
    text += fmt::format(
        "{:<7} {}  {}{}\n", state_word(run.state), run.digest, run.label,
        remarks.empty() ? "" : fmt::format("  ({})", fmt::join(remarks, "; ")));
  }
  return text;
}

}  // namespace bitsweep

#include "framework/app/schedule/status.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "framework/app/schedule/progress_text.h"
#include "framework/app/schedule/results_folder.h"
#include "framework/app/schedule/run_files.h"
#include "framework/app/schedule/time_left.h"
#include "framework/core/counted.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostListed = 20;

struct StatusRun {
  std::string label;
  std::string row;     // runs of one row take about as long
  std::string method;  // and then those of one method
  std::string digest;
};

// Each run once; float networks that are in no row, but others are compared with, too.
std::vector<StatusRun> runs_of(const StudyManifest& manifest) {
  std::vector<StatusRun> runs;
  std::set<std::string> seen;
  for (const auto& row : manifest.rows) {
    for (const auto& run : row.runs) {
      if (!seen.insert(run.name.digest).second) continue;
      runs.push_back({fmt::format("{}, seed {}", row.label, run.seed), row.label,
                      row.method + row.network, run.name.digest});
    }
  }
  for (const auto& row : manifest.rows) {
    for (const auto& run : row.runs) {
      if (!seen.insert(run.name.baseline).second) continue;
      runs.push_back(
          {fmt::format("float, compared with {}, seed {}", row.label, run.seed),
           "float, compared", "float" + row.network, run.name.baseline});
    }
  }
  return runs;
}

/// Mean seconds of finished runs, of the nearest kind that has any.
class Durations {
 public:
  void add(const StatusRun& run, double seconds) {
    for (const auto& kind : kinds(run)) {
      sums_[kind].first += seconds;
      ++sums_[kind].second;
    }
  }
  std::optional<double> of(const StatusRun& run) const {
    for (const auto& kind : kinds(run)) {
      const auto found = sums_.find(kind);
      if (found != sums_.end()) return found->second.first / double(found->second.second);
    }
    return std::nullopt;
  }

 private:
  static std::vector<std::string> kinds(const StatusRun& run) {
    return {"row " + run.row, "method " + run.method, ""};
  }
  std::map<std::string, std::pair<double, std::size_t>> sums_;
};

std::optional<double> seconds_left_of(const LeaseText& lease) {
  const double share = done_share(lease.progress);
  if (share <= 0.005) return std::nullopt;
  return lease.seconds * (1 - share) / share;
}

class StudyStatus {
 public:
  StudyStatus(const StudyManifest& manifest, const fs::path& folder)
      : name_(manifest.name),
        processes_(processes_in(folder)),
        running_(running_in(folder)) {
    const RunFiles files(folder);
    for (auto& run : runs_of(manifest)) {
      ++total_;
      const FoundRun found = files.find(run.digest);
      const bool is_running = running_.contains(run.digest);
      if (found.state == RunState::kDone) {
        ++done_;
        durations_.add(run, found.seconds);
      } else if (!is_running && found.state == RunState::kMissing) {
        to_do_.push_back(std::move(run));
      } else if (!is_running) {
        failed_.push_back({std::move(run), found});
      } else {
        under_way_.push_back(std::move(run));
      }
    }
  }

  std::string text(std::size_t width) const {
    std::string text =
        fmt::format("{}: {}: {} done, {} running, {} failed, {} to do{}\n", name_,
                    counted(total_, "run"), done_, under_way_.size(), failed_.size(),
                    to_do_.size(), time_left_text());
    for (const auto& process : processes_) {
      text += fmt::format("{} works here since {} ({})\n", text_of(process.holder),
                          process.started, process.what);
    }
    if (!under_way_.empty()) text += "\n" + table_head(width) + "\n";
    for (const auto& run : under_way_) {
      const LeaseText& lease = running_.at(run.digest);
      text += running_line({run.label, lease.progress, lease.images_per_second,
                            seconds_left_of(lease)},
                           width) +
              "\n";
      text += fmt::format("    {}, for {}\n", text_of(lease.holder),
                          duration_text(lease.seconds));
    }
    list(failed_, "failed", text, [](const auto& entry) {
      const RunState state = entry.second.state;
      return fmt::format("{}: {}{}", entry.first.label,
                         state == RunState::kDamaged ? "damaged: " : "",
                         entry.second.why);
    });
    list(to_do_, "to do", text, [](const auto& run) { return run.label; });
    return text;
  }

 private:
  template <class Entries, class Line>
  static void list(const Entries& entries, const char* title, std::string& text,
                   const Line& line) {
    if (entries.empty()) return;
    text += fmt::format("\n{}:\n", title);
    for (std::size_t i = 0; i < std::min(entries.size(), kMostListed); ++i) {
      text += fmt::format("  {}\n", line(entries[i]));
    }
    if (entries.size() > kMostListed) {
      text += fmt::format("  and {} more\n", entries.size() - kMostListed);
    }
  }

  // By what earlier runs took; so many at a time as there are now.
  std::string time_left_text() const {
    if (under_way_.empty() || done_ == 0) return "";
    double sum = 0;
    double longest = 0;
    const auto add = [&](double seconds) {
      sum += seconds;
      longest = std::max(longest, seconds);
    };
    for (const auto& run : under_way_) {
      const LeaseText& lease = running_.at(run.digest);
      const double whole = durations_.of(run).value_or(0);
      add(seconds_left_of(lease).value_or(std::max(0.0, whole - lease.seconds)));
    }
    for (const auto& run : to_do_) add(durations_.of(run).value_or(0));
    const double left = std::max(longest, sum / double(under_way_.size()));
    return left < 1 ? "; nearly done"
                    : fmt::format("; about {} left", duration_text(left));
  }

  std::string name_;
  std::vector<LeaseText> processes_;
  std::map<std::string, LeaseText> running_;
  std::size_t total_ = 0;
  std::size_t done_ = 0;
  std::vector<StatusRun> under_way_;
  std::vector<StatusRun> to_do_;
  std::vector<std::pair<StatusRun, FoundRun>> failed_;
  Durations durations_;
};

}  // namespace

fs::path records_folder(const StudyManifest& manifest, const fs::path& folder) {
  for (const auto& row : manifest.rows) {
    for (const auto& run : row.runs) {
      return (folder / run.name.record).lexically_normal().parent_path().parent_path();
    }
  }
  return folder;
}

std::string status_text(const StudyManifest& manifest, const fs::path& folder,
                        std::size_t width) {
  return StudyStatus(manifest, records_folder(manifest, folder)).text(width);
}

}  // namespace bitsweep

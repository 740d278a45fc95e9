// A folder of results as one of several processes uses it, on any number of machines.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "framework/app/schedule/lease.h"

namespace bitsweep {

/// A folder, made where it is missing. Runs are claimed one by one, each by a lease; a
/// thread tells every few seconds that this process lives. Workers write into a corner of
/// the folder that is gone afterwards, so that nothing half-written stays behind.
class ResultsFolder {
 public:
  /// kShared: beside others who run studies there. kAlone: for work on all records.
  enum class Use { kShared, kAlone };

  /// Throws ConfigError when it cannot be written, or when another process works there
  /// alone, or at all where this one has to be alone.
  explicit ResultsFolder(std::filesystem::path folder, Use use = Use::kShared);
  ~ResultsFolder();
  ResultsFolder(const ResultsFolder&) = delete;
  ResultsFolder& operator=(const ResultsFolder&) = delete;

  const std::filesystem::path& path() const { return folder_; }

  /// Claims the run with this digest, which is called `what`: nothing when it is ours
  /// now, else who has it. Throws RunError when the folder cannot be written.
  std::optional<LeaseText> claim(const std::string& digest, const std::string& what);
  void release(const std::string& digest);
  /// Removes what a dead process left of the lease of a run that is done: nobody will
  /// claim that run again.
  void clear_lease(const std::string& digest);
  /// Whether another took it over, as this process had been silent for long.
  bool is_lost(const std::string& digest);
  /// For those who look at the lease.
  void tell(const std::string& digest, const RunObserver::Progress& progress,
            double images_per_second);

  /// Where a worker writes the record of the run with this digest.
  std::filesystem::path draft(const std::string& digest) const;
  /// Moves a draft to its place. Throws RunError when that fails.
  void publish(const std::string& digest, const std::filesystem::path& place) const;
  /// What was said during the run: its warnings, and what its process printed.
  std::filesystem::path log(const std::string& digest) const;

 private:
  struct Held {
    Lease lease;
    LeaseText text;
    std::chrono::steady_clock::time_point begin;
    std::chrono::steady_clock::time_point told;
    bool has_news = false;
    bool lost = false;
  };
  Held held(Lease lease, const LeaseText& text) const;
  void open_corner(Use use);
  void refuse_others(Use use);
  void beat(const std::stop_token& stop);
  void renew_all(bool all);

  std::filesystem::path folder_;
  std::filesystem::path corner_;
  std::mutex mutex_;
  std::condition_variable_any beat_;
  std::optional<Held> own_;           // of the corner
  std::map<std::string, Held> held_;  // by digest
  std::jthread heart_;
};

/// Who works in a folder of results, one for each process.
std::vector<LeaseText> processes_in(const std::filesystem::path& folder);

/// The runs that are under way, by digest.
std::map<std::string, LeaseText> running_in(const std::filesystem::path& folder);

/// Removes what is under names of this kind that dead writers left, and stale leases.
/// The caller is alone in the folder.
void remove_leftovers(const std::filesystem::path& folder);

}  // namespace bitsweep

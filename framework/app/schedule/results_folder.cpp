#include "framework/app/schedule/results_folder.h"

#include <chrono>
#include <random>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/results/whole_file.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr auto kNewsEvery = std::chrono::seconds(1);
constexpr auto kSignOfLifeEvery = std::chrono::seconds(15);
constexpr const char* kAloneWork = "clean";

[[noreturn]] void refuse_folder(const fs::path& folder, const std::string& why) {
  throw ConfigError(fmt::format(
      "{}: results cannot be written there: {}; choose another folder with --out",
      folder.string(), why));
}

void make_folder(const fs::path& folder) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) refuse_folder(folder, failure.message());
}

fs::path corners(const fs::path& folder) { return folder / ".unfinished"; }

// Of processes that are dead. Each removes its own at its end.
void remove_dead_corners(const fs::path& folder) {
  std::error_code ignored;
  std::vector<fs::path> dead;
  for (const auto& entry : fs::directory_iterator(corners(folder), ignored)) {
    if (!is_lease(entry.path()) || holder_of(entry.path())) continue;
    dead.push_back(entry.path());
  }
  for (const auto& lease : dead) {
    fs::path corner = lease;
    fs::remove_all(corner.replace_extension(), ignored);
    fs::remove(lease, ignored);
  }
}

// What writes that were killed left, long ago by the clock of the folder.
void remove_old_drafts(const fs::path& folder) {
  std::error_code ignored;
  const auto now = fs::last_write_time(corners(folder), ignored);
  std::vector<fs::path> old;
  for (const auto& entry : fs::recursive_directory_iterator(folder, ignored)) {
    if (!is_leftover(entry.path())) continue;
    const auto age = now - entry.last_write_time(ignored);
    if (age > std::chrono::duration<double>(kLeaseSeconds)) old.push_back(entry.path());
  }
  for (const auto& path : old) fs::remove(path, ignored);
}

std::string corner_name(const ProcessName& process) {
  return fmt::format("{}-{}-{:08x}", process.host, process.pid, std::random_device{}());
}

fs::path lease_of(const fs::path& folder, const std::string& digest) {
  return folder / "runs" / (digest + ".lease");
}

}  // namespace

ResultsFolder::ResultsFolder(fs::path folder, Use use) : folder_(std::move(folder)) {
  make_folder(folder_ / "runs");
  open_corner(use);
  refuse_others(use);
  remove_dead_corners(folder_);
  remove_old_drafts(folder_);
  heart_ = std::jthread([this](const std::stop_token& stop) { beat(stop); });
}

ResultsFolder::~ResultsFolder() {
  heart_.request_stop();
  if (heart_.joinable()) heart_.join();
  held_.clear();
  std::error_code ignored;
  fs::remove_all(corner_, ignored);
  own_.reset();
  remove_dead_corners(folder_);           // who died meanwhile
  fs::remove(corners(folder_), ignored);  // the last one out
}

// Another may remove the empty folder of corners at the same time.
void ResultsFolder::open_corner(Use use) {
  const ProcessName process = this_process();
  const LeaseText text{.holder = process,
                       .what = use == Use::kAlone ? kAloneWork : "run",
                       .started = utc_now(),
                       .progress = {}};
  constexpr int kTries = 5;
  for (int trial = 1;; ++trial) {
    corner_ = corners(folder_) / corner_name(process);
    make_folder(corner_);
    fs::path file = corner_;
    file += ".lease";
    try {
      auto taken = Lease::take(file, text);
      if (!taken.lease) continue;
      own_.emplace(held(std::move(*taken.lease), text));
      return;
    } catch (const RunError& error) {
      if (trial == kTries) refuse_folder(folder_, error.what());
    }
  }
}

// Both sides have made their own lease before they look: no two miss each other.
void ResultsFolder::refuse_others(Use use) {
  for (const auto& [file, text] : leases_in(corners(folder_))) {
    if (file.stem() == corner_.filename()) continue;
    if (use == Use::kShared && text.what != kAloneWork) continue;
    own_.reset();
    std::error_code ignored;
    fs::remove_all(corner_, ignored);
    fs::remove(corners(folder_), ignored);
    throw ConfigError(fmt::format(
        "{}: another bitsweep ({}) is working in this folder: {}; wait for it{}",
        folder_.string(), text.what, text_of(text.holder),
        use == Use::kShared ? " or choose another folder with --out" : ""));
  }
}

ResultsFolder::Held ResultsFolder::held(Lease lease, const LeaseText& text) const {
  const auto now = Clock::now();
  return {std::move(lease), text, now, now, false, false};
}

std::optional<LeaseText> ResultsFolder::claim(const std::string& digest,
                                              const std::string& what) {
  const LeaseText text{
      .holder = own_->text.holder, .what = what, .started = utc_now(), .progress = {}};
  auto taken = Lease::take(lease_of(folder_, digest), text);
  if (!taken.lease) return taken.holder;
  const std::lock_guard lock(mutex_);
  held_.emplace(digest, held(std::move(*taken.lease), text));
  return std::nullopt;
}

void ResultsFolder::release(const std::string& digest) {
  const std::lock_guard lock(mutex_);
  held_.erase(digest);
}

// Only its holder may remove a lease.
void ResultsFolder::clear_lease(const std::string& digest) {
  std::error_code unknown;
  if (!fs::exists(lease_of(folder_, digest), unknown)) return;
  try {
    if (!claim(digest, "clear")) release(digest);
  } catch (const RunError&) {
    // A lease that stays does no harm.
  }
}

bool ResultsFolder::is_lost(const std::string& digest) {
  const std::lock_guard lock(mutex_);
  const auto found = held_.find(digest);
  return found != held_.end() && found->second.lost;
}

void ResultsFolder::tell(const std::string& digest, const RunObserver::Progress& progress,
                         double images_per_second) {
  const std::lock_guard lock(mutex_);
  const auto found = held_.find(digest);
  if (found == held_.end()) return;
  found->second.text.progress = progress;
  found->second.text.images_per_second = images_per_second;
  found->second.has_news = true;
}

void ResultsFolder::beat(const std::stop_token& stop) {
  auto signed_last = Clock::now();
  std::unique_lock lock(mutex_);
  while (!beat_.wait_for(lock, stop, kNewsEvery, [] { return false; }) &&
         !stop.stop_requested()) {
    const bool all = Clock::now() - signed_last >= kSignOfLifeEvery;
    if (all) signed_last = Clock::now();
    renew_all(all);
  }
}

void ResultsFolder::renew_all(bool all) {
  if (all) own_->lease.renew(own_->text);
  for (auto& [digest, held] : held_) {
    if (!all && !held.has_news) continue;
    held.text.seconds = std::chrono::duration<double>(Clock::now() - held.begin).count();
    held.lease.renew(held.text);
    held.has_news = false;
    if (all) held.lost = held.lease.is_lost();
  }
}

fs::path ResultsFolder::draft(const std::string& digest) const {
  return corner_ / (digest + ".h5");
}

void ResultsFolder::publish(const std::string& digest, const fs::path& place) const {
  std::error_code failure;
  fs::rename(draft(digest), place, failure);
  if (!failure) return;
  const std::string why = fmt::format("{}: the record cannot be put there: {}",
                                      place.string(), failure.message());
  if (is_full_disk(failure.value())) throw DiskFullError(why);
  throw RunError(why);
}

fs::path ResultsFolder::log(const std::string& digest) const {
  return folder_ / "runs" / (digest + ".log");
}

std::vector<LeaseText> processes_in(const fs::path& folder) {
  std::vector<LeaseText> processes;
  for (auto& [file, text] : leases_in(corners(folder))) processes.push_back(text);
  return processes;
}

std::map<std::string, LeaseText> running_in(const fs::path& folder) {
  std::map<std::string, LeaseText> running;
  for (auto& [file, text] : leases_in(folder / "runs")) {
    running[file.stem().string()] = text;
  }
  return running;
}

void remove_leftovers(const fs::path& folder) {
  std::error_code ignored;
  std::vector<fs::path> old;
  for (const auto& entry : fs::recursive_directory_iterator(folder, ignored)) {
    const bool is_run_lease =
        is_lease(entry.path()) && entry.path().parent_path() == folder / "runs";
    if (is_run_lease || is_leftover(entry.path())) old.push_back(entry.path());
  }
  for (const auto& path : old) fs::remove(path, ignored);
}

}  // namespace bitsweep

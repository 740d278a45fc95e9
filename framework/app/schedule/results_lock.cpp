#include "framework/app/schedule/results_lock.h"

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include "framework/core/error.h"
#include "framework/results/whole_file.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

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

FileDescriptor locked(const fs::path& folder) {
  FileDescriptor file(
      open((folder / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!file.is_open()) refuse_folder(folder, strerror(errno));
  if (flock(file.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) refuse_folder(folder, strerror(errno));
    throw ConfigError(
        fmt::format("{}: another bitsweep is working in this folder; wait for it or "
                    "choose another folder with --out",
                    folder.string()));
  }
  return file;
}

// What writes that were killed left: nobody else writes while the folder is locked.
void remove_leftovers(const fs::path& folder) {
  std::error_code ignored;
  std::vector<fs::path> leftovers;
  for (const auto& entry : fs::recursive_directory_iterator(folder, ignored)) {
    if (entry.is_regular_file(ignored) && is_leftover(entry.path())) {
      leftovers.push_back(entry.path());
    }
  }
  for (const auto& path : leftovers) fs::remove(path, ignored);
}

fs::path corner(const fs::path& folder) { return folder / ".unfinished"; }

}  // namespace

ResultsLock::ResultsLock(fs::path folder) : folder_(std::move(folder)) {
  make_folder(folder_);
  lock_ = locked(folder_);
  make_folder(folder_ / "runs");
  std::error_code ignored;
  fs::remove_all(corner(folder_), ignored);  // of a batch that was killed
  remove_leftovers(folder_);
  make_folder(corner(folder_));
}

ResultsLock::~ResultsLock() {
  std::error_code ignored;
  fs::remove_all(corner(folder_), ignored);
}

fs::path ResultsLock::draft(const std::string& digest) const {
  return corner(folder_) / (digest + ".h5");
}

void ResultsLock::publish(const std::string& digest, const fs::path& place) const {
  std::error_code failure;
  fs::rename(draft(digest), place, failure);
  if (failure) {
    throw RunError(fmt::format("{}: the record cannot be put there: {}", place.string(),
                               failure.message()));
  }
}

}  // namespace bitsweep

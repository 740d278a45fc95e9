#include "framework/results/whole_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <random>
#include <regex>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "framework/core/error.h"
#include "framework/core/memory.h"

namespace bitsweep {
namespace {

bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(std::size_t(written));
  }
  return true;
}

// After a rename the folder's entry must reach the disk too; some file systems cannot
// sync a folder, and then there is nothing to be done.
void sync_folder(const std::filesystem::path& folder) {
  FileDescriptor descriptor(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.number() >= 0) ::fsync(descriptor.number());
}

// ": 12 MB are wanted, 3.1 MB are left"; the disk may have room where a user's share of it
// is used up.
std::string room_text(const std::filesystem::path& folder, double wanted) {
  std::error_code unknown;
  const auto space = std::filesystem::space(folder.empty() ? "." : folder, unknown);
  if (unknown || double(space.available) >= wanted) {
    return fmt::format("; {} are wanted", memory_text(wanted));
  }
  return fmt::format("; {} are wanted, {} are left", memory_text(wanted),
                     memory_text(double(space.available)));
}

}  // namespace

// Process numbers alone may meet on a file system that several machines share.
std::filesystem::path temporary_name(std::filesystem::path path) {
  path += fmt::format(".{}-{:08x}.tmp", ::getpid(), std::random_device{}());
  return path;
}

bool is_full_disk(int error) { return error == ENOSPC || error == EDQUOT; }

void require_room(const std::filesystem::path& folder, double bytes,
                  const std::string& what) {
  std::error_code unknown;
  const auto space = std::filesystem::space(folder.empty() ? "." : folder, unknown);
  if (unknown || double(space.available) >= bytes) return;
  throw DiskFullError(fmt::format("{}: {} are wanted for {}, {} are left",
                                  folder.string(), memory_text(bytes), what,
                                  memory_text(double(space.available))));
}

WholeFile::WholeFile(std::filesystem::path path, std::uintmax_t expected_bytes)
    : path_(std::move(path)),
      draft_(temporary_name(path_)),
      file_(::open(draft_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)),
      expected_bytes_(expected_bytes) {
  if (!file_.is_open()) fail(errno);
}

WholeFile::~WholeFile() {
  if (!draft_.empty()) ::unlink(draft_.c_str());
}

void WholeFile::append(std::string_view bytes) {
  bytes_ += bytes.size();
  if (!write_all(file_.number(), bytes)) fail(errno);
}

void WholeFile::put(std::size_t offset, std::string_view bytes) {
  const ssize_t written =
      ::pwrite(file_.number(), bytes.data(), bytes.size(), off_t(offset));
  if (written != ssize_t(bytes.size())) fail(written < 0 ? errno : ENOSPC);
}

void WholeFile::publish() {
  const bool is_there = ::fsync(file_.number()) == 0 && file_.close() &&
                        ::rename(draft_.c_str(), path_.c_str()) == 0;
  if (!is_there) fail(errno);
  draft_.clear();
  sync_folder(path_.parent_path());
}

void WholeFile::fail(int reason) {
  ::unlink(draft_.c_str());
  draft_.clear();
  const char* why = std::strerror(reason);
  if (!is_full_disk(reason)) {
    throw RunError(fmt::format("{}: cannot be written ({})", path_.string(), why));
  }
  throw DiskFullError(fmt::format(
      "{}: cannot be written ({}{})", path_.string(), why,
      room_text(path_.parent_path(), double(std::max(bytes_, expected_bytes_)))));
}

void write_whole_file(const std::filesystem::path& path, std::string_view bytes) {
  write_whole_file(path, {bytes});
}

void write_whole_file(const std::filesystem::path& path,
                      std::initializer_list<std::string_view> parts) {
  std::uintmax_t bytes = 0;
  for (const auto part : parts) bytes += part.size();
  WholeFile file(path, bytes);
  for (const auto part : parts) file.append(part);
  file.publish();
}

bool is_leftover(const std::filesystem::path& path) {
  if (path.extension() != ".tmp") return false;  // of thousands of files, nearly all
  static const std::regex name(R"(.+\.[0-9]+-[0-9a-f]{8}\.tmp)");
  return std::regex_match(path.filename().string(), name);
}

std::string read_whole_file(const std::filesystem::path& path) {
  std::error_code failure;
  if (!std::filesystem::exists(path, failure)) {
    throw DataError(fmt::format("{}: there is no such file", path.string()));
  }
  if (!std::filesystem::is_regular_file(path, failure)) {
    throw DataError(fmt::format("{}: is not a file", path.string()));
  }
  std::string bytes(std::filesystem::file_size(path, failure), '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(bytes.data(), std::streamsize(bytes.size()));
  if (failure || !file) {
    throw DataError(
        fmt::format("{}: cannot be read ({})", path.string(), std::strerror(errno)));
  }
  return bytes;
}

}  // namespace bitsweep

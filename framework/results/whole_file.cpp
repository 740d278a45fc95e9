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
#include "framework/core/file_descriptor.h"

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

using TextParts = std::initializer_list<std::string_view>;

bool write_and_sync(const std::filesystem::path& path, TextParts parts) {
  FileDescriptor file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  return file.number() >= 0 &&
         std::all_of(parts.begin(), parts.end(),
                     [&](auto part) { return write_all(file.number(), part); }) &&
         ::fsync(file.number()) == 0 && file.close();
}

// After a rename the folder's entry must reach the disk too; some file systems cannot
// sync a folder, and then there is nothing to be done.
void sync_folder(const std::filesystem::path& folder) {
  FileDescriptor descriptor(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.number() >= 0) ::fsync(descriptor.number());
}

// Process numbers alone may meet on a file system that several machines share.
std::filesystem::path temporary_name(std::filesystem::path path) {
  path += fmt::format(".{}-{:08x}.tmp", ::getpid(), std::random_device{}());
  return path;
}

}  // namespace

void write_whole_file(const std::filesystem::path& path, std::string_view bytes) {
  write_whole_file(path, {bytes});
}

void write_whole_file(const std::filesystem::path& path, TextParts parts) {
  const auto temporary = temporary_name(path);
  if (write_and_sync(temporary, parts) &&
      ::rename(temporary.c_str(), path.c_str()) == 0) {
    sync_folder(path.parent_path());
    return;
  }
  const int reason = errno;
  ::unlink(temporary.c_str());
  const std::string why =
      fmt::format("{}: cannot be written ({})", path.string(), std::strerror(reason));
  if (reason == ENOSPC || reason == EDQUOT) throw DiskFullError(why);
  throw RunError(why);
}

bool is_leftover(const std::filesystem::path& path) {
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

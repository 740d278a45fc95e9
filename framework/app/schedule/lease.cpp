#include "framework/app/schedule/lease.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>
#include <map>
#include <random>
#include <regex>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "framework/app/schedule/worker_message.h"
#include "framework/core/error.h"
#include "framework/results/whole_file.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

constexpr const char* kKind = "bitsweep lease 1";
constexpr const char* kEnd = "end";
// Written in one piece and of one size, so that no reader meets the rest of a longer one.
constexpr std::size_t kLeaseBytes = 1024;

// "x.lease", "x.lease.2", ...
fs::path numbered(fs::path file, int number) {
  if (number > 1) file += fmt::format(".{}", number);
  return file;
}

std::string random_name() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}

[[noreturn]] void refuse(const fs::path& file, int reason) {
  const std::string why =
      fmt::format("{}: cannot be written ({})", file.string(), strerror(reason));
  if (is_full_disk(reason)) throw DiskFullError(why);
  throw RunError(why);
}

bool write_text(int descriptor, const LeaseText& text) {
  const std::string bytes = text.to_text();
  return pwrite(descriptor, bytes.data(), bytes.size(), 0) == ssize_t(bytes.size());
}

// A file of `text` at `place`, where there is none yet; not open when there is one. A
// link is made by the server at once, whole; where there are no links, an exclusive
// opening is the next best.
FileDescriptor made(const fs::path& place, const LeaseText& text) {
  const fs::path draft = temporary_name(place);
  FileDescriptor file(open(draft.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!file.is_open()) refuse(place, errno);
  if (!write_text(file.number(), text)) {  // a lease that says nothing is nobody's
    const int reason = errno;
    unlink(draft.c_str());
    refuse(place, reason);
  }
  int reason = link(draft.c_str(), place.c_str()) == 0 ? 0 : errno;
  struct stat status {};
  // An answer may be lost on its way where the link was made.
  if (reason != 0 && fstat(file.number(), &status) == 0 && status.st_nlink == 2) {
    reason = 0;
  }
  unlink(draft.c_str());
  if (reason == 0) return file;
  if (reason == EEXIST) return FileDescriptor();
  if (reason != EPERM && reason != EOPNOTSUPP && reason != ENOSYS) refuse(place, reason);
  FileDescriptor exclusive(
      open(place.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!exclusive.is_open() && errno != EEXIST) refuse(place, errno);
  if (exclusive.is_open() && !write_text(exclusive.number(), text)) {
    const int failure = errno;
    unlink(place.c_str());
    refuse(place, failure);
  }
  return exclusive;
}

// Seconds since the last sign of life, by the clock that gave it its time: that of the
// file system, which all machines share.
double silent_seconds(const fs::path& file) {
  const fs::path probe = temporary_name(file.parent_path() / ".clock");
  const FileDescriptor now(
      open(probe.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  struct stat present {};
  struct stat last {};
  const bool by_folder = now.is_open() && fstat(now.number(), &present) == 0;
  if (now.is_open()) unlink(probe.c_str());
  if (!by_folder) clock_gettime(CLOCK_REALTIME, &present.st_mtim);
  if (stat(file.c_str(), &last) != 0) return 0;
  return double(present.st_mtim.tv_sec - last.st_mtim.tv_sec);
}

std::optional<LeaseText> text_in(const fs::path& file) {
  try {
    return LeaseText::from_text(read_whole_file(file));
  } catch (const DataError&) {
    return std::nullopt;
  }
}

bool is_there(const fs::path& file) {
  struct stat status {};
  return lstat(file.c_str(), &status) == 0;
}

// How long its holder has been silent: no time where it is seen to live, for ever where
// it is seen to be dead.
double silence_of(const fs::path& file, const std::optional<LeaseText>& text) {
  if (text) {
    const auto alive = is_alive(text->holder);
    if (alive) return *alive ? 0 : std::numeric_limits<double>::infinity();
  }
  return silent_seconds(file);
}

struct Last {
  int free = 1;                     // the number behind the last file
  std::string token;                // of the last file
  std::optional<LeaseText> holder;  // of the last file, where it is not stale
};

Last last_of(const fs::path& file) {
  Last last;
  for (; is_there(numbered(file, last.free)); ++last.free) {
    const auto text = text_in(numbered(file, last.free));
    last.token = text ? text->token : "";
    const double silence = silence_of(numbered(file, last.free), text);
    if (silence > kLeaseSeconds) continue;
    last.holder = text.value_or(LeaseText{.holder = {"another machine", "", 0, ""}});
    last.holder->silent_seconds = silence;
    return last;
  }
  return last;
}

}  // namespace

std::string LeaseText::to_text() const {
  std::string text = fmt::format(
      "{}\nhost {}\nmachine {}\npid {}\nborn {}\nstarted {}\nseconds {:.1f}\n"
      "images_per_second {:.1f}\nwhat {}\ntoken {}\nafter {}\n{}{}\n",
      kKind, holder.host, holder.machine, holder.pid, holder.born, started, seconds,
      images_per_second, what.substr(0, kLeaseBytes / 4), token, after,
      to_line(WorkerMessage::of_progress(progress)), kEnd);
  text.resize(kLeaseBytes, '\n');
  return text;
}

std::optional<LeaseText> LeaseText::from_text(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  std::map<std::string, std::string> fields;
  LeaseText lease;
  if (!std::getline(lines, line) || line != kKind) return std::nullopt;
  while (std::getline(lines, line) && line != kEnd) {
    if (const auto message = from_line(line)) {
      lease.progress = message->progress;
      continue;
    }
    const auto space = line.find(' ');
    if (space != line.npos) fields[line.substr(0, space)] = line.substr(space + 1);
  }
  if (line != kEnd) return std::nullopt;
  lease.holder = {fields["host"], fields["machine"], std::atoi(fields["pid"].c_str()),
                  fields["born"]};
  lease.what = fields["what"];
  lease.token = fields["token"];
  lease.after = fields["after"];
  lease.started = fields["started"];
  lease.seconds = std::atof(fields["seconds"].c_str());
  lease.images_per_second = std::atof(fields["images_per_second"].c_str());
  return lease;
}

Lease::Lease(fs::path file, int number, LeaseText text, FileDescriptor descriptor)
    : file_(std::move(file)),
      number_(number),
      text_(std::move(text)),
      descriptor_(std::move(descriptor)) {}

Lease::Taken Lease::take(const fs::path& file, LeaseText text) {
  const Last last = last_of(file);
  if (last.holder) return {std::nullopt, *last.holder};
  text.token = random_name();
  text.after = last.token;
  const fs::path place = numbered(file, last.free);
  FileDescriptor descriptor = made(place, text);
  if (!descriptor.is_open()) {  // another was quicker
    return {std::nullopt, text_in(place).value_or(LeaseText{})};
  }
  Lease lease(file, last.free, text, std::move(descriptor));
  if (lease.is_in_order()) return {std::move(lease), {}};
  unlink(place.c_str());
  lease.descriptor_ = FileDescriptor();
  return {std::nullopt, holder_of(file).value_or(LeaseText{})};
}

// What it took over may have been given back, whole, since it was looked at: then the
// next comer takes the first number, which must be the only holder.
bool Lease::is_in_order() const {
  if (number_ == 1) return true;
  const auto before = text_in(numbered(file_, number_ - 1));
  return before ? before->token == text_.after
                : text_.after.empty() && is_there(numbered(file_, number_ - 1));
}

Lease::~Lease() {
  if (!descriptor_.is_open() || is_lost()) return;
  // From the first: once a number is free, who takes it does not look behind it.
  for (int number = 1; number <= number_; ++number) {
    unlink(numbered(file_, number).c_str());
  }
}

void Lease::renew(LeaseText text) const {
  text.token = text_.token;
  text.after = text_.after;
  // A disk without room for the text still tells of life.
  if (!write_text(descriptor_.number(), text)) futimens(descriptor_.number(), nullptr);
}

// By what the files say: not every file system gives a file one number (sshfs).
bool Lease::is_lost() const {
  const fs::path own = numbered(file_, number_);
  struct stat status {};
  if (lstat(own.c_str(), &status) != 0) return errno == ENOENT;
  const auto named = text_in(own);
  if (named && named->token != text_.token) return true;
  const auto next = text_in(numbered(file_, number_ + 1));
  return next && next->after == text_.token;
}

std::optional<LeaseText> holder_of(const fs::path& file) { return last_of(file).holder; }

std::vector<std::pair<fs::path, LeaseText>> leases_in(const fs::path& folder) {
  std::map<fs::path, LeaseText> held;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder, missing)) {
    if (!is_lease(entry.path())) continue;
    fs::path file = entry.path();
    if (file.extension() != ".lease") file.replace_extension();
    if (held.contains(file)) continue;
    if (const auto holder = holder_of(file)) held[file] = *holder;
  }
  return {held.begin(), held.end()};
}

bool is_lease(const fs::path& file) {
  const std::string name = file.filename().string();
  if (name.find(".lease") == name.npos)
    return false;  // of thousands of files, nearly all
  static const std::regex pattern(R"(.+\.lease(\.[0-9]+)?)");
  return std::regex_match(name, pattern);
}

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

}  // namespace bitsweep

// A file that says who works on something, for as long as that process lives. It needs no
// lock of the file system, so that machines may share the folder.
//
// A lease is made whole or not at all, and only where there is none. One that is stale
// (its process is dead; or, of another machine, it gave no sign of life for
// `kLeaseSeconds`) is not removed, which two could do at once: who takes it over makes
// the file of the next number behind it. So each number has one holder, and the last
// file counts.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "framework/app/run_experiment.h"
#include "framework/app/schedule/process_name.h"
#include "framework/app/schedule/worker_process.h"

namespace bitsweep {

/// A holder on another machine that was silent for longer is taken to be dead.
inline constexpr double kLeaseSeconds = 300;
/// One that was silent for longer may be dead: signs of life come every 15 s, and NFS may
/// tell of them a minute late.
inline constexpr double kSilentSeconds = 90;

/// What a lease's file says.
struct LeaseText {
  ProcessName holder;
  std::string what;              // "twn w2, seed 1", "clean"
  std::string started;           // UTC, ISO 8601
  double seconds = 0;            // from then to the last sign of life
  double images_per_second = 0;  // of training; 0 while not known
  RunObserver::Progress progress;
  std::string token = {};  // of this lease alone
  std::string after = {};  // the token of the stale one that it took over, or ""
  /// Since the last sign of life of a holder on another machine, as it was looked at; no
  /// part of the file.
  double silent_seconds = 0;

  std::string to_text() const;
  /// Nothing where the text is not whole: it is being written.
  static std::optional<LeaseText> from_text(const std::string& text);
};

/// A lease that this process holds; given back when this goes.
class Lease {
 public:
  struct Taken;
  /// Takes the lease of that file. Throws RunError when the folder cannot be written.
  static Taken take(const std::filesystem::path& file, LeaseText text);

  ~Lease();
  Lease(Lease&&) = default;
  Lease& operator=(Lease&&) = delete;

  /// Writes the text anew: a sign of life.
  void renew(LeaseText text) const;
  /// Another took this process to be dead, and has it now.
  bool is_lost() const;

 private:
  Lease(std::filesystem::path file, int number, LeaseText text,
        FileDescriptor descriptor);
  bool is_in_order() const;

  std::filesystem::path file_;
  int number_;  // of the file: 1, 2, ...
  LeaseText text_;
  FileDescriptor descriptor_;
};

/// The lease, or who has it.
struct Lease::Taken {
  std::optional<Lease> lease;
  LeaseText holder;  // where there is none
};

/// Who holds the lease of that file; nothing when nobody does.
std::optional<LeaseText> holder_of(const std::filesystem::path& file);

/// The leases of a folder that are held, by the file whose lease it is.
std::vector<std::pair<std::filesystem::path, LeaseText>> leases_in(
    const std::filesystem::path& folder);

/// Whether a name is that of a lease's file, of any number.
bool is_lease(const std::filesystem::path& file);

/// The time now, in UTC, as ISO 8601.
std::string utc_now();

}  // namespace bitsweep

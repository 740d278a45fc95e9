// Files whose bytes are seen to be those that were written.
//
// A file begins with a seal, 512 bytes of text: what it is, the number of bytes behind
// the seal and their SHA-256. HDF5 itself follows; it looks for its signature at byte 512
// too, so that other programs read the file as it is. Behind it may stand a summary, an
// HDF5 file too with a checksum of its own in the seal: it is read without the rest.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "framework/core/digest.h"
#include "framework/results/whole_file.h"

namespace bitsweep {

inline constexpr std::size_t kSealSize = 512;

struct SealKind {
  std::string_view what;           // "run record"
  std::string_view expected = {};  // "; expected a file that ...": of other kinds
  std::string_view way_out = {};   // "; delete it and run again": of damaged ones
};

/// Writes as `write_whole_file` does. `summary` may be empty.
void write_sealed(const std::filesystem::path& path, const SealKind& kind,
                  std::string_view image, std::string_view summary = {});

/// The same, piece by piece, without a summary.
class SealedWriter {
 public:
  SealedWriter(const std::filesystem::path& path, const SealKind& kind);
  void append(std::string_view bytes);
  void publish();

 private:
  SealKind kind_;
  WholeFile file_;
  Sha256 sum_;
  std::size_t bytes_ = 0;
};

/// How many bytes stand behind the seal of a file without a summary, which are seen to be
/// what was sealed without being held in memory. Throws as `read_sealed` does.
std::size_t check_sealed(const std::filesystem::path& path, const SealKind& kind);

/// What was sealed, whole; the summary is compared too. Throws DataError where the file
/// is missing, of another kind, cut off or damaged.
std::string read_sealed(const std::filesystem::path& path, const SealKind& kind);

/// The summary alone; the file where it has none.
std::string read_sealed_summary(const std::filesystem::path& path, const SealKind& kind);

}  // namespace bitsweep

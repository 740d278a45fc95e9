// Files whose bytes are seen to be those that were written.
//
// A file begins with a seal, 512 bytes of text: what it is, the number of bytes behind
// the seal and their SHA-256. HDF5 itself follows; it looks for its signature at byte 512
// too, so that other programs read the file as it is. Behind it may stand a summary, an
// HDF5 file too with a checksum of its own in the seal: it is read without the rest.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace bitsweep {

struct SealKind {
  std::string_view what;           // "run record"
  std::string_view expected = {};  // "; expected a file that ...": of other kinds
  std::string_view way_out = {};   // "; delete it and run again": of damaged ones
};

/// Writes as `write_whole_file` does. `summary` may be empty.
void write_sealed(const std::filesystem::path& path, const SealKind& kind,
                  std::string_view image, std::string_view summary = {});

/// What was sealed, whole; the summary is compared too. Throws DataError where the file
/// is missing, of another kind, cut off or damaged.
std::string read_sealed(const std::filesystem::path& path, const SealKind& kind);

/// The summary alone; the file where it has none.
std::string read_sealed_summary(const std::filesystem::path& path, const SealKind& kind);

}  // namespace bitsweep

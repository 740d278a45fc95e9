#include "framework/results/sealed_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

struct Seal {
  std::size_t bytes = 0;
  std::size_t summary_bytes = 0;
  std::string sha256, summary_sha256;

  std::size_t file_size() const { return kSealSize + bytes + summary_bytes; }
};

Seal seal_of(std::string_view image, std::string_view summary) {
  Seal seal{.bytes = image.size(), .sha256 = sha256_hex(image)};
  if (summary.empty()) return seal;
  seal.summary_bytes = summary.size();
  seal.summary_sha256 = sha256_hex(summary);
  return seal;
}

std::string text_of(const Seal& seal, const SealKind& kind) {
  std::string text = fmt::format("bitsweep {}\nbytes {}\nsha256 {}\n", kind.what,
                                 seal.bytes, seal.sha256);
  if (seal.summary_bytes > 0) {
    text += fmt::format("summary bytes {}\nsummary sha256 {}\n", seal.summary_bytes,
                        seal.summary_sha256);
  }
  text.resize(kSealSize, '\n');
  return text;
}

[[noreturn]] void refuse_damaged(const SealKind& kind) {
  throw DataError(fmt::format(
      "its bytes do not match its checksum: the file is damaged{}", kind.way_out));
}

// Of the first bytes of a file that has `file_size` of them.
Seal read_seal(std::string_view head, std::size_t file_size, const SealKind& kind) {
  constexpr std::string_view kHdf5Signature = "\x89HDF\r\n\x1a\n";
  if (head.starts_with(kHdf5Signature)) {
    throw DataError(fmt::format("an HDF5 file, but not a {} of bitsweep{}", kind.what,
                                kind.expected));
  }
  if (!head.starts_with(fmt::format("bitsweep {}\n", kind.what))) {
    throw DataError(fmt::format("not a {} of bitsweep{}", kind.what, kind.expected));
  }
  const std::string text(head.substr(0, kSealSize));
  Seal seal;
  std::array<char, 65> sum{}, summary_sum{};
  const int found = std::sscanf(
      text.c_str(),
      "%*[^\n]\nbytes %zu\nsha256 %64s\nsummary bytes %zu\nsummary sha256 %64s",
      &seal.bytes, sum.data(), &seal.summary_bytes, summary_sum.data());
  seal.sha256 = sum.data();
  seal.summary_sha256 = summary_sum.data();
  if (text.size() < kSealSize || (found >= 1 && file_size < seal.file_size())) {
    throw DataError(fmt::format("{} bytes, expected {}: the file is cut off{}", file_size,
                                seal.file_size(), kind.way_out));
  }
  if (file_size != seal.file_size() || text != text_of(seal, kind)) refuse_damaged(kind);
  return seal;
}

template <class Read>
auto named(const std::filesystem::path& path, Read read) {
  try {
    return read();
  } catch (const DataError& error) {
    throw DataError(fmt::format("{}: {}", path.string(), error.what()));
  }
}

std::string part_of(const std::filesystem::path& path, std::size_t begin,
                    std::size_t size) {
  std::string bytes(size, '\0');
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw DataError(fmt::format("cannot be read ({})", std::strerror(errno)));
  file.seekg(std::streamoff(begin));
  file.read(bytes.data(), std::streamsize(size));
  bytes.resize(std::size_t(std::max<std::streamsize>(0, file.gcount())));
  return bytes;
}

}  // namespace

void write_sealed(const std::filesystem::path& path, const SealKind& kind,
                  std::string_view image, std::string_view summary) {
  const std::string seal = text_of(seal_of(image, summary), kind);
  write_whole_file(path, {seal, image, summary});
}

SealedWriter::SealedWriter(const std::filesystem::path& path, const SealKind& kind)
    : kind_(kind), file_(path) {
  file_.append(std::string(kSealSize, '\n'));
}

void SealedWriter::append(std::string_view bytes) {
  sum_.update(bytes.data(), bytes.size());
  bytes_ += bytes.size();
  file_.append(bytes);
}

void SealedWriter::publish() {
  file_.put(0, text_of(Seal{.bytes = bytes_, .sha256 = sum_.hex()}, kind_));
  file_.publish();
}

std::size_t check_sealed(const std::filesystem::path& path, const SealKind& kind) {
  std::error_code failure;
  const bool is_there = std::filesystem::is_regular_file(path, failure);
  if (!is_there) read_sealed(path, kind);  // says why not
  const auto size = std::filesystem::file_size(path, failure);
  return named(path, [&] {
    const Seal seal = read_seal(part_of(path, 0, kSealSize), size, kind);
    std::ifstream file(path, std::ios::binary);
    file.seekg(kSealSize);
    Sha256 sum;
    std::string piece(std::size_t{1} << 20, '\0');
    while (file.read(piece.data(), std::streamsize(piece.size())) || file.gcount() > 0) {
      sum.update(piece.data(), std::size_t(file.gcount()));
    }
    if (sum.hex() != seal.sha256) refuse_damaged(kind);
    return seal.bytes;
  });
}

std::string read_sealed(const std::filesystem::path& path, const SealKind& kind) {
  std::string bytes = read_whole_file(path);
  return named(path, [&] {
    const Seal seal = read_seal(bytes, bytes.size(), kind);
    const auto image = std::string_view(bytes).substr(kSealSize, seal.bytes);
    const auto summary = std::string_view(bytes).substr(kSealSize + seal.bytes);
    if (text_of(seal_of(image, summary), kind) != bytes.substr(0, kSealSize)) {
      refuse_damaged(kind);
    }
    bytes.resize(kSealSize + seal.bytes);
    bytes.erase(0, kSealSize);
    return std::move(bytes);
  });
}

std::string read_sealed_summary(const std::filesystem::path& path, const SealKind& kind) {
  std::error_code failure;
  const bool is_there = std::filesystem::is_regular_file(path, failure);
  if (!is_there) return read_sealed(path, kind);  // says why not
  const auto size = std::filesystem::file_size(path, failure);
  Seal seal;
  std::string summary = named(path, [&] {
    seal = read_seal(part_of(path, 0, kSealSize), size, kind);
    std::string bytes = part_of(path, kSealSize + seal.bytes, seal.summary_bytes);
    if (seal.summary_bytes > 0 && sha256_hex(bytes) != seal.summary_sha256) {
      refuse_damaged(kind);
    }
    return bytes;
  });
  return seal.summary_bytes > 0 ? summary : read_sealed(path, kind);
}

}  // namespace bitsweep

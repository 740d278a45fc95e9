#include "framework/data/files.h"

#include <algorithm>
#include <fstream>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include "framework/core/digest.h"
#include "framework/core/error.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

std::optional<fs::path> find_file(const fs::path& folder, const DataFile& file) {
  for (const auto& name : file.names) {
    for (const auto* ending : {"", ".gz"}) {
      std::error_code none;  // an unreadable folder has no files for us
      auto path = folder / (name + ending);
      if (fs::is_regular_file(path, none)) return path;
    }
  }
  return std::nullopt;
}

// Empty when the folder has none of the files.
std::vector<fs::path> files_in(const fs::path& folder, const FileSet& set,
                               const DatasetInfo& info) {
  std::vector<fs::path> found;
  std::vector<std::string> missing;
  for (const auto& file : set.files) {
    if (auto path = find_file(folder, file)) {
      found.push_back(std::move(*path));
    } else {
      missing.push_back(file.names.front());
    }
  }
  if (!found.empty() && !missing.empty()) {
    refuse_file(folder,
                fmt::format("{} is missing beside {}", fmt::join(missing, ", "),
                            found.front().filename().string()),
                info);
  }
  return found;
}

Bytes read_bytes(const fs::path& path, const DatasetInfo& info) {
  std::ifstream stream(path, std::ios::binary | std::ios::ate);
  if (!stream) refuse_file(path, "cannot be opened, expected a readable file", info);
  Bytes bytes(std::size_t(stream.tellg()));
  stream.seekg(0);
  stream.read(reinterpret_cast<char*>(bytes.data()), std::streamsize(bytes.size()));
  if (std::size_t(stream.gcount()) != bytes.size()) {
    refuse_file(
        path,
        fmt::format("only {} of {} bytes could be read", stream.gcount(), bytes.size()),
        info);
  }
  return bytes;
}

bool is_gzipped(const Bytes& bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

// A gzip file ends in the size of what it holds; a corrupt one may end in anything, so
// the guess stays below what deflate can reach.
std::size_t unpacked_size_guess(const Bytes& packed) {
  constexpr std::size_t kBestRatio = 1032;
  std::size_t size = 0;
  for (std::size_t i = 0; i < std::min<std::size_t>(4, packed.size()); ++i) {
    size = size << 8 | packed[packed.size() - 1 - i];
  }
  return std::clamp<std::size_t>(size, 64, kBestRatio * packed.size());
}

class Inflater {
 public:
  explicit Inflater(const Bytes& packed) {
    constexpr int kGzipHeader = 16;
    ensure(inflateInit2(&stream_, MAX_WBITS + kGzipHeader) == Z_OK, "zlib has memory");
    stream_.next_in = const_cast<Bytef*>(packed.data());  // zlib's old signature
    stream_.avail_in = uInt(packed.size());
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Fills `out` from where the last call stopped; returns zlib's status.
  int fill(Bytes& out) {
    stream_.next_out = out.data() + stream_.total_out;
    stream_.avail_out = uInt(out.size() - stream_.total_out);
    return inflate(&stream_, Z_NO_FLUSH);
  }
  std::size_t written() const { return stream_.total_out; }
  std::size_t bytes_left() const { return stream_.avail_in; }
  bool output_full() const { return stream_.avail_out == 0; }
  std::string message() const { return stream_.msg ? stream_.msg : "no message"; }

 private:
  z_stream stream_{};
};

Bytes gunzip(const Bytes& packed, const fs::path& path, const DatasetInfo& info) {
  Inflater inflater(packed);
  Bytes out(unpacked_size_guess(packed));
  int status = inflater.fill(out);
  while (status == Z_OK && inflater.output_full()) {
    out.resize(2 * out.size());
    status = inflater.fill(out);
  }
  if (status == Z_OK || status == Z_BUF_ERROR) {
    refuse_file(path,
                fmt::format("the gzip stream breaks off after {} unpacked bytes, "
                            "expected its end mark",
                            inflater.written()),
                info);
  }
  if (status != Z_STREAM_END) {
    refuse_file(path,
                fmt::format("a corrupt gzip stream ({} after {} unpacked bytes), "
                            "expected a sound one",
                            inflater.message(), inflater.written()),
                info);
  }
  if (inflater.bytes_left() != 0) {
    refuse_file(path,
                fmt::format("{} bytes after the end of the gzip stream, expected none",
                            inflater.bytes_left()),
                info);
  }
  out.resize(inflater.written());
  return out;
}

}  // namespace

void refuse_file(const fs::path& path, const std::string& problem,
                 const DatasetInfo& info) {
  throw DataError(fmt::format("{}: {}; {}", path.string(), problem, info.hint));
}

std::vector<fs::path> find_files(const FileSet& set, const DatasetInfo& info,
                                 const std::vector<fs::path>& folders) {
  for (const auto& folder : folders) {
    for (const auto& subfolder : set.subfolders) {
      auto found = files_in(subfolder.empty() ? folder : folder / subfolder, set, info);
      if (!found.empty()) return found;
    }
  }
  std::vector<std::string> looked_in;
  for (const auto& folder : folders) looked_in.push_back(folder.string());
  std::vector<std::string> names;
  for (const auto& name : set.subfolders) {
    if (!name.empty()) names.push_back(name + "/");
  }
  throw DataError(fmt::format(
      "dataset '{}': no files of {} found in {}, nor there in {}; {}", info.id,
      info.title, fmt::join(looked_in, ", "), fmt::join(names, ", "), info.hint));
}

FileBytes read_file(const fs::path& path, const DatasetInfo& info) {
  FileBytes file{path, read_bytes(path, info), ""};
  if (is_gzipped(file.bytes)) file.bytes = gunzip(file.bytes, path, info);
  Sha256 sum;
  sum.update(file.bytes.data(), file.bytes.size());
  file.sha256 = sum.hex();
  return file;
}

std::string title_of(const DatasetInfo& info, const FileSet& set,
                     const std::vector<std::string>& sums) {
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const auto& original = set.files[i].original;
    if (!original.empty() && original != sums[i])
      return info.title + " (unrecognised copy)";
  }
  return info.title;
}

std::string combined_checksum(const std::vector<std::string>& sums) {
  return sha256_hex(fmt::format("{}", fmt::join(sums, "")));
}

void check_labels(const std::vector<std::uint8_t>& labels, const fs::path& path,
                  const DatasetInfo& info) {
  const auto wrong = std::find_if(labels.begin(), labels.end(),
                                  [&](int label) { return label >= info.classes; });
  if (wrong == labels.end()) return;
  refuse_file(path,
              fmt::format("label {} at index {}, expected 0 to {}", *wrong,
                          wrong - labels.begin(), info.classes - 1),
              info);
}

}  // namespace bitsweep

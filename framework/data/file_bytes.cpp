// A file's bytes in pieces, unpacked where they are gzipped, up to an announced size.

#include <algorithm>
#include <array>
#include <fstream>

#include <fmt/format.h>
#include <zlib.h>

#include "framework/core/digest.h"
#include "framework/core/error.h"
#include "framework/data/files.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kPiece = 1 << 16;

class FilePieces {
 public:
  FilePieces(const fs::path& path, const DatasetInfo& info)
      : path_(path), info_(info), stream_(path, std::ios::binary | std::ios::ate) {
    if (!stream_) refuse("cannot be opened, expected a readable file");
    size_ = std::size_t(stream_.tellg());
    stream_.seekg(0);
    is_gzipped_ = stream_.get() == 0x1f && stream_.get() == 0x8b;
    stream_.clear();
    stream_.seekg(0);
  }

  [[noreturn]] void refuse(const std::string& problem) const {
    refuse_file(path_, problem, info_);
  }

  bool is_gzipped() const { return is_gzipped_; }
  std::size_t size() const { return size_; }
  std::size_t bytes_left() const { return size_ - read_; }

  /// The next bytes, at most `count` of them; 0 at the end.
  std::size_t read(std::uint8_t* to, std::size_t count) {
    count = std::min(count, bytes_left());
    if (count == 0) return 0;
    stream_.read(reinterpret_cast<char*>(to), std::streamsize(count));
    read_ += std::size_t(stream_.gcount());
    if (std::size_t(stream_.gcount()) != count) {
      refuse(fmt::format("only {} of {} bytes could be read", read_, size_));
    }
    return count;
  }

 private:
  const fs::path& path_;
  const DatasetInfo& info_;
  std::ifstream stream_;
  std::size_t size_ = 0;
  std::size_t read_ = 0;
  bool is_gzipped_ = false;
};

// One gzip stream that makes the whole file.
class Unpacked {
 public:
  explicit Unpacked(FilePieces& file) : file_(file) {
    constexpr int kGzipHeader = 16;
    ensure(inflateInit2(&stream_, MAX_WBITS + kGzipHeader) == Z_OK, "zlib has memory");
  }
  ~Unpacked() { inflateEnd(&stream_); }
  Unpacked(const Unpacked&) = delete;
  Unpacked& operator=(const Unpacked&) = delete;

  /// As FilePieces::read, of what the stream unpacks to.
  std::size_t read(std::uint8_t* to, std::size_t count) {
    stream_.next_out = to;
    stream_.avail_out = uInt(count);
    while (stream_.avail_out > 0 && !ended_) step();
    return count - stream_.avail_out;
  }

 private:
  void step() {
    if (stream_.avail_in == 0) {
      stream_.next_in = packed_.data();
      stream_.avail_in = uInt(file_.read(packed_.data(), packed_.size()));
    }
    const bool is_last = stream_.avail_in == 0;
    const int status = inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_STREAM_END) {
      ended_ = true;
      refuse_rest();
    } else if (status == Z_BUF_ERROR && is_last) {
      file_.refuse(fmt::format(
          "the gzip stream breaks off after {} unpacked bytes, expected its end mark",
          stream_.total_out));
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      file_.refuse(
          fmt::format("a corrupt gzip stream ({} after {} unpacked bytes), expected a "
                      "sound one",
                      stream_.msg ? stream_.msg : "no message", stream_.total_out));
    }
  }

  void refuse_rest() const {
    const std::size_t rest = stream_.avail_in + file_.bytes_left();
    if (rest == 0) return;
    file_.refuse(
        fmt::format("{} bytes after the end of the gzip stream, expected none", rest));
  }

  FilePieces& file_;
  z_stream stream_{};
  std::array<std::uint8_t, kPiece> packed_;
  bool ended_ = false;
};

// Appends to `bytes` until it holds `size` or `source` ends. Memory follows what is read.
template <class Source>
void read_until(Source& source, std::size_t size, Bytes& bytes) {
  while (bytes.size() < size) {
    const std::size_t before = bytes.size();
    const std::size_t wanted = std::min(kPiece, size - before);
    bytes.resize(before + wanted);
    bytes.resize(before + source.read(bytes.data() + before, wanted));
    if (bytes.size() < before + wanted) return;
  }
}

template <class Source>
Bytes read_expected(Source& source, const FilePieces& file, const FileHeader& header) {
  Bytes bytes;
  read_until(source, header.bytes, bytes);
  const ExpectedSize expected = header.expect(bytes);
  const auto refuse_size = [&](const std::string& found) {
    file.refuse(fmt::format("{} bytes unpacked, expected {} {}", found, expected.bytes,
                            expected.reason));
  };
  if (!file.is_gzipped() && file.size() != expected.bytes) {
    refuse_size(fmt::format("{}", file.size()));
  }
  read_until(source, expected.bytes, bytes);
  const std::size_t size = bytes.size();
  read_until(source, size + 1, bytes);  // a stream's end mark and checksum, or too much
  if (size < expected.bytes) refuse_size(fmt::format("{}", size));
  if (bytes.size() > expected.bytes) {
    refuse_size(fmt::format("more than {}", expected.bytes));
  }
  return bytes;
}

}  // namespace

FileBytes read_file(const fs::path& path, const DatasetInfo& info,
                    const FileHeader& header) {
  FilePieces file(path, info);
  Bytes bytes;
  if (file.is_gzipped()) {
    Unpacked unpacked(file);
    bytes = read_expected(unpacked, file, header);
  } else {
    bytes = read_expected(file, file, header);
  }
  Sha256 sum;
  sum.update(bytes.data(), bytes.size());
  return {path, std::move(bytes), sum.hex()};
}

}  // namespace bitsweep

// Small dataset files in a folder of their own.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <unistd.h>
#include <zlib.h>

#include "framework/data/dataset.h"

namespace bitsweep::test {

using Bytes = std::vector<std::uint8_t>;

/// A folder that goes when it does.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    static std::atomic<int> count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("bitsweep-data-" + std::to_string(getpid()) + "-" + std::to_string(count++));
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline void write_bytes(const std::filesystem::path& path, const Bytes& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
}

inline Bytes read_bytes(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

inline void write_gzip(const std::filesystem::path& path, const Bytes& bytes) {
  std::filesystem::create_directories(path.parent_path());
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), unsigned(bytes.size()));
  gzclose(file);
}

inline Bytes idx(const std::vector<std::uint32_t>& extents, const Bytes& values) {
  Bytes bytes = {0, 0, 8, std::uint8_t(extents.size())};
  for (const std::uint32_t extent : extents) {
    for (const int shift : {24, 16, 8, 0}) bytes.push_back(std::uint8_t(extent >> shift));
  }
  bytes.insert(bytes.end(), values.begin(), values.end());
  return bytes;
}

/// `count` images of 28 x 28 whose first two pixels are their index, low byte first.
inline Bytes numbered_images(std::uint32_t count) {
  Bytes values(std::size_t(count) * 784);
  for (std::uint32_t i = 0; i < count; ++i) {
    values[i * 784] = std::uint8_t(i);
    values[i * 784 + 1] = std::uint8_t(i >> 8);
    values[i * 784 + 783] = std::uint8_t(3 * i);
  }
  return idx({count, 28, 28}, values);
}

inline std::size_t number_of(std::span<const std::uint8_t> image) {
  return std::size_t(image[0]) + 256U * image[1];
}

/// Labels 0, 1, ... 9, 0, ...
inline Bytes cyclic_labels(std::uint32_t count) {
  Bytes values(count);
  for (std::uint32_t i = 0; i < count; ++i) values[i] = std::uint8_t(i % 10);
  return idx({count}, values);
}

/// The four files of a small MNIST, plain.
inline void write_mnist(const std::filesystem::path& folder, std::uint32_t training = 40,
                        std::uint32_t test = 10) {
  write_bytes(folder / "train-images-idx3-ubyte", numbered_images(training));
  write_bytes(folder / "train-labels-idx1-ubyte", cyclic_labels(training));
  write_bytes(folder / "t10k-images-idx3-ubyte", numbered_images(test));
  write_bytes(folder / "t10k-labels-idx1-ubyte", cyclic_labels(test));
}

inline DatasetSpec whole(std::string id) {
  DatasetSpec spec;
  spec.id = std::move(id);
  spec.validation = 0;
  return spec;
}

/// The text of the `Failure` that `act` throws; "" when it throws none.
template <class Failure, class Act>
std::string message_of(Act act) {
  try {
    act();
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "";
}

}  // namespace bitsweep::test

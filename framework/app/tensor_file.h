// Plain tensors in HDF5 files, for exchange with other tools.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "framework/results/record.h"

namespace bitsweep {

/// One dataset of an HDF5 file: "weights.h5:/conv1/weight".
struct TensorPlace {
  std::filesystem::path file;
  std::string dataset;
  std::string text() const { return file.string() + ":" + dataset; }
};

/// Throws ConfigError when `text` has no ":/dataset".
TensorPlace parse_tensor_place(const std::string& text);

/// Any width of float is read. Throws DataError when file or dataset is missing, holds
/// something else, nothing, or a number that is not finite.
StoredTensor read_tensor(const TensorPlace& place);

/// A new HDF5 file, put together in memory: on the disk it appears whole, with `save`.
class TensorFile {
 public:
  TensorFile();
  ~TensorFile();

  void tensor(const std::string& name, std::span<const float> values,
              const std::vector<std::int64_t>& shape);
  void tensor(const std::string& name, std::span<const std::int32_t> values,
              const std::vector<std::int64_t>& shape);
  void attribute(const std::string& name, const std::string& text);
  void attribute(const std::string& name, std::int64_t number);

  /// Throws RunError naming the path and the reason; an older file is then as it was.
  void save(const std::filesystem::path& path) const;

 private:
  struct Image;
  std::unique_ptr<Image> image_;
};

}  // namespace bitsweep

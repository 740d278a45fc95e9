// Labelled images in three splits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "framework/config/run_spec.h"
#include "framework/core/tensor.h"

namespace bitsweep {

/// Images as stored: bytes, NHWC, one after another.
struct ImageSet {
  ImageShape shape;
  std::vector<std::uint8_t> pixels;  // count x height x width x channels
  std::vector<std::uint8_t> labels;  // count

  std::size_t count() const { return labels.size(); }
  std::span<const std::uint8_t> image(std::size_t index) const {
    return {pixels.data() + index * shape.elements(), shape.elements()};
  }
};

/// A dataset, split. Test data is the file's own; validation is cut from the training
/// data by seed, stratified by nothing: a plain random choice.
struct Dataset {
  std::string id;
  std::string title;  // "MNIST", or "MNIST (unrecognised copy)" by its files' sums
  int classes = 10;
  std::vector<std::string> class_names;
  ImageSet training;
  ImageSet validation;
  ImageSet test;
  std::string checksum;  // of all unpacked files: SHA-256 over their SHA-256 sums
  std::string folder;    // where the files were found; "" for a procedural one
};

/// What `bitsweep datasets` lists.
struct DatasetInfo {
  std::string id;
  std::string title;
  ImageShape shape;
  int classes = 10;
  std::string hint;  // how to get the files: "fetch it with scripts/fetch-datasets mnist"
  std::string source;   // who made it, and where it is described
  std::string licence;  // as far as it is known
};
std::vector<DatasetInfo> known_datasets();

/// The names of a dataset's classes, without reading its files. Throws ConfigError for an
/// unknown id.
const std::vector<std::string>& class_names(const std::string& id);

/// Folders to look in, in order: `data_dir` (from --data-dir) when not empty,
/// BITSWEEP_DATA, `datasets/` below the working folder and among the program's own files
/// (`shared_files`), then the system's /usr/share/datasets and /usr/local/share/datasets.
/// A dataset's files may stand in the folder itself or in its subfolder of the dataset's
/// name. Throws ConfigError when one of the first two is no folder.
std::vector<std::filesystem::path> data_folders(const std::string& data_dir);

/// Reads, checks and splits. Throws DataError (missing, truncated, corrupt file; a label
/// out of range) or ConfigError (unknown id, a split larger than the data).
Dataset load_dataset(const DatasetSpec& spec,
                     const std::vector<std::filesystem::path>& folders);

/// The shape and class count of a dataset without reading its files. Throws ConfigError
/// for an unknown id.
const DatasetInfo& dataset_info(const std::string& id);
/// The same for what a study names; one of the user's own is looked into. Throws
/// DataError where that is damaged.
DatasetInfo dataset_info(const DatasetSpec& spec);

}  // namespace bitsweep

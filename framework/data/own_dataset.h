// Datasets of the user's own: a folder of images, or arrays in an NPZ or HDF5 file.
#pragma once

#include <string>
#include <vector>

#include "framework/data/source.h"

namespace bitsweep {

/// A dataset of the user's own as its files hold it, before splitting. `test` is empty
/// where there is none.
struct OwnFiles {
  ImageSet training;
  ImageSet test;
  std::vector<std::string> class_names;
};

/// Splits of a dataset and its title, checksum (over shape, class names, pixels and
/// labels) and class names. Throws DataError naming the file, or ConfigError where
/// `test_share` and the files do not fit together.
struct OwnDataset {
  WholeDataset whole;
  std::vector<std::string> class_names;
};
OwnDataset read_own(const DatasetSpec& spec);

/// Shape and classes; the files are read for it once.
DatasetInfo own_info(const DatasetSpec& spec);

/// More classes than a label has values are refused.
inline constexpr int kMostClasses = 256;
/// Of an image, on each side.
inline constexpr int kLongestSide = 8192;

/// `train/` and perhaps `test/`, each with a folder of images a class.
OwnFiles read_image_folder(const std::string& folder);
/// Shape and classes from the names of folders and the first image.
DatasetInfo image_folder_info(const std::string& folder);

/// Arrays x_train [n, height, width] or [n, height, width, channels] of bytes and y_train
/// [n] of integers, and perhaps x_test and y_test: as Keras' mnist.npz has them.
OwnFiles read_npz(const std::string& file);
/// The same as datasets of an HDF5 file's root.
OwnFiles read_hdf5_arrays(const std::string& file);

}  // namespace bitsweep

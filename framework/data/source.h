// What one family of datasets gives to `load_dataset`: a new dataset is a new entry in
// one of the lists below.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "framework/data/dataset.h"

namespace bitsweep {

/// A dataset as its files hold it, before splitting.
struct WholeDataset {
  ImageSet training;
  ImageSet test;
  std::string title;
  std::string checksum;
  std::string folder;
};

struct DatasetSource {
  DatasetInfo info;
  std::vector<std::string> class_names;
  std::function<WholeDataset(const std::vector<std::filesystem::path>& folders)> read;
};

std::vector<DatasetSource> mnist_sources();   // MNIST, Fashion-MNIST
std::vector<DatasetSource> cifar_sources();   // CIFAR-10, its JPEG copy, CIFAR-100
std::vector<DatasetSource> shapes_sources();  // drawn by the program

}  // namespace bitsweep

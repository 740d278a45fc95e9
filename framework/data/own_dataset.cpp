#include "framework/data/own_dataset.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "framework/core/digest.h"
#include "framework/core/error.h"
#include "framework/core/random.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

OwnFiles read_files(const DatasetSpec& spec) {
  if (!spec.folder.empty()) {
    if (!fs::is_directory(spec.folder)) {
      throw DataError(
          fmt::format("{}: is no folder; expected one with train/ and "
                      "perhaps test/",
                      spec.folder));
    }
    return read_image_folder(spec.folder);
  }
  const std::string& file = spec.npz.empty() ? spec.hdf5 : spec.npz;
  if (!fs::is_regular_file(file)) {
    throw DataError(
        fmt::format("{}: is no file; expected one with x_train and y_train", file));
  }
  return spec.npz.empty() ? read_hdf5_arrays(file) : read_npz(file);
}

std::string place_of(const DatasetSpec& spec) {
  return !spec.folder.empty() ? spec.folder : spec.npz.empty() ? spec.hdf5 : spec.npz;
}

void add_images(const ImageSet& images, Sha256& sum) {
  const std::string head =
      fmt::format("{} {} {} {}\n", images.count(), images.shape.height,
                  images.shape.width, images.shape.channels);
  sum.update(head.data(), head.size());
  sum.update(images.pixels.data(), images.pixels.size());
  sum.update(images.labels.data(), images.labels.size());
}

// Of what is in the files, however they are packed: the same images give the same sum.
std::string checksum_of(const OwnFiles& files) {
  Sha256 sum;
  const std::string names = fmt::format("{}\n", fmt::join(files.class_names, "\n"));
  sum.update(names.data(), names.size());
  add_images(files.training, sum);
  add_images(files.test, sum);
  return sum.hex();
}

// Moves `count` images, drawn by seed, from `training` to the set returned.
ImageSet cut_test(ImageSet& training, std::size_t count, std::int64_t seed) {
  std::vector<std::uint32_t> order(training.count());
  std::iota(order.begin(), order.end(), 0U);
  RandomStream(std::uint64_t(seed), "test split").shuffle(order);
  std::vector<bool> is_test(training.count());
  for (std::size_t i = 0; i < count; ++i) is_test[order[i]] = true;
  ImageSet kept{training.shape, {}, {}};
  ImageSet test{training.shape, {}, {}};
  for (std::size_t i = 0; i < training.count(); ++i) {
    ImageSet& into = is_test[i] ? test : kept;
    const auto image = training.image(i);
    into.pixels.insert(into.pixels.end(), image.begin(), image.end());
    into.labels.push_back(training.labels[i]);
  }
  training = std::move(kept);
  return test;
}

void split(OwnFiles& files, const DatasetSpec& spec) {
  const bool has_test = files.test.count() > 0;
  if (has_test && spec.test_share > 0) {
    throw ConfigError(fmt::format(
        "dataset.test_share: {} brings test images of its own; leave test_share out",
        place_of(spec)));
  }
  if (has_test) return;
  if (spec.test_share <= 0) {
    throw ConfigError(fmt::format(
        "dataset: {} brings no test images; give test_share, the share of its {} images "
        "to test on (test_share: 0.2)",
        place_of(spec), files.training.count()));
  }
  const double count = std::floor(spec.test_share * double(files.training.count()));
  if (count < 1 || count >= double(files.training.count())) {
    throw ConfigError(fmt::format("dataset.test_share: {} of {} images leaves none to {}",
                                  spec.test_share, files.training.count(),
                                  count < 1 ? "test on" : "train on"));
  }
  files.test = cut_test(files.training, std::size_t(count), spec.split_seed);
}

DatasetInfo info_of(const DatasetSpec& spec) {
  if (!spec.folder.empty()) return image_folder_info(spec.folder);
  const OwnFiles files = read_files(spec);
  DatasetInfo info;
  info.shape = files.training.shape;
  info.classes = int(files.class_names.size());
  return info;
}

}  // namespace

OwnDataset read_own(const DatasetSpec& spec) {
  OwnFiles files = read_files(spec);
  OwnDataset own;
  own.whole.checksum = checksum_of(files);
  split(files, spec);
  own.whole.training = std::move(files.training);
  own.whole.test = std::move(files.test);
  own.whole.title = fmt::format("{} ({})", spec.id, place_of(spec));
  own.whole.folder = place_of(spec);
  own.class_names = std::move(files.class_names);
  return own;
}

DatasetInfo own_info(const DatasetSpec& spec) {
  static std::mutex mutex;
  static std::map<std::string, DatasetInfo> known;
  const std::lock_guard lock(mutex);
  const auto found = known.find(place_of(spec));
  if (found != known.end()) return found->second;
  DatasetInfo info = info_of(spec);
  info.id = spec.id;
  info.title = spec.id;
  known[place_of(spec)] = info;
  return info;
}

}  // namespace bitsweep

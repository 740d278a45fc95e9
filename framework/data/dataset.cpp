#include "framework/data/dataset.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "framework/core/error.h"
#include "framework/core/random.h"
#include "framework/core/shared_files.h"
#include "framework/data/own_dataset.h"
#include "framework/data/source.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

std::vector<DatasetSource> all_sources() {
  std::vector<DatasetSource> all;
  for (auto family : {mnist_sources(), cifar_sources(), shapes_sources()}) {
    std::move(family.begin(), family.end(), std::back_inserter(all));
  }
  return all;
}

const std::vector<DatasetSource>& sources() {
  static const std::vector<DatasetSource> all = all_sources();
  return all;
}

const DatasetSource& source_of(const std::string& id) {
  std::vector<std::string> ids;
  for (const auto& source : sources()) {
    if (source.info.id == id) return source;
    ids.push_back(source.info.id);
  }
  const std::string near = nearest_word(id, ids);
  throw ConfigError(fmt::format("dataset.id: unknown dataset '{}';{} available: {}", id,
                                near.empty() ? "" : " did you mean '" + near + "'?",
                                fmt::join(ids, ", ")));
}

fs::path named_folder(const std::string& name, const char* where) {
  std::error_code unreadable;
  if (!fs::is_directory(name, unreadable)) {
    throw ConfigError(fmt::format(
        "{}: '{}' is not a folder; name one that holds datasets", where, name));
  }
  return name;
}

// Which of `count` images are for validation: `chosen` of them, drawn by seed.
std::vector<bool> validation_choice(std::size_t count, std::size_t chosen,
                                    std::int64_t seed) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  RandomStream(std::uint64_t(seed), "validation split").shuffle(order);
  std::vector<bool> is_chosen(count);
  for (std::size_t i = 0; i < chosen; ++i) is_chosen[order[i]] = true;
  return is_chosen;
}

void truncate(ImageSet& images, std::size_t count) {
  images.labels.resize(count);
  images.pixels.resize(count * images.shape.elements());
}

// Moves the chosen images from `training` to the set returned; both keep the files'
// order.
ImageSet cut_validation(ImageSet& training, const DatasetSpec& spec) {
  const std::size_t count = training.count();
  const auto chosen = std::size_t(spec.validation);
  const std::size_t elements = training.shape.elements();
  const auto is_chosen = validation_choice(count, chosen, spec.split_seed);
  ImageSet validation{training.shape, {}, {}};
  validation.pixels.reserve(chosen * elements);
  validation.labels.reserve(chosen);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto image = training.image(i);
    if (is_chosen[i]) {
      validation.pixels.insert(validation.pixels.end(), image.begin(), image.end());
      validation.labels.push_back(training.labels[i]);
    } else {
      if (kept != i) {
        std::copy(image.begin(), image.end(), training.pixels.data() + kept * elements);
        training.labels[kept] = training.labels[i];
      }
      ++kept;
    }
  }
  truncate(training, kept);
  return validation;
}

void limit(ImageSet& images, int count) {
  if (count > 0) truncate(images, std::size_t(count));
}

// Every mistake of the split, a line each.
void check_split(const DatasetSpec& spec, std::size_t training, std::size_t test) {
  std::vector<std::string> lines;
  const bool is_cut = spec.validation >= 0 && std::size_t(spec.validation) < training;
  if (!is_cut) {
    lines.push_back(fmt::format(
        "dataset.validation: {} images for validation, but {} has {} training images in "
        "all; leave some of them for training",
        spec.validation, spec.id, training));
  }
  const auto look = [&](const char* key, int limit, const char* of, std::size_t count) {
    if (limit <= 0 || std::size_t(limit) <= count) return;
    lines.push_back(fmt::format("{}: {} images, but {} has {}{}; leave it out for all",
                                key, limit, spec.id, count, of));
  };
  const std::size_t left = is_cut ? training - std::size_t(spec.validation) : training;
  look("dataset.train_limit", spec.train_limit,
       spec.validation > 0 && is_cut ? " training images beside those for validation"
                                     : " training images",
       left);
  look("dataset.test_limit", spec.test_limit, " test images", test);
  if (!lines.empty()) throw ConfigError(fmt::format("{}", fmt::join(lines, "\n")));
}

}  // namespace

std::vector<DatasetInfo> known_datasets() {
  std::vector<DatasetInfo> infos;
  for (const auto& source : sources()) infos.push_back(source.info);
  return infos;
}

const DatasetInfo& dataset_info(const std::string& id) { return source_of(id).info; }

const std::vector<std::string>& class_names(const std::string& id) {
  return source_of(id).class_names;
}

DatasetInfo dataset_info(const DatasetSpec& spec) {
  return spec.is_own() ? own_info(spec) : dataset_info(spec.id);
}

std::vector<fs::path> data_folders(const std::string& data_dir) {
  std::vector<fs::path> folders;
  if (!data_dir.empty()) folders.push_back(named_folder(data_dir, "--data-dir"));
  const char* variable = std::getenv("BITSWEEP_DATA");
  if (variable && *variable) folders.push_back(named_folder(variable, "BITSWEEP_DATA"));
  folders.emplace_back("datasets");
  const fs::path own = shared_files() / "datasets";
  std::error_code missing;
  if (!fs::equivalent("datasets", own, missing)) folders.push_back(own);
  folders.emplace_back("/usr/share/datasets");
  folders.emplace_back("/usr/local/share/datasets");
  return folders;
}

Dataset load_dataset(const DatasetSpec& spec, const std::vector<fs::path>& folders) {
  OwnDataset found;
  if (spec.is_own()) {
    found = read_own(spec);
  } else {
    const DatasetSource& source = source_of(spec.id);
    found = {source.read(folders), source.class_names};
    ensure(int(source.class_names.size()) == source.info.classes,
           "each class has a name");
  }
  WholeDataset& whole = found.whole;
  const int classes = int(found.class_names.size());
  Dataset dataset{.id = spec.id,
                  .title = std::move(whole.title),
                  .classes = classes,
                  .class_names = std::move(found.class_names),
                  .training = std::move(whole.training),
                  .validation = {},
                  .test = std::move(whole.test),
                  .checksum = std::move(whole.checksum),
                  .folder = std::move(whole.folder)};
  check_split(spec, dataset.training.count(), dataset.test.count());
  dataset.validation = cut_validation(dataset.training, spec);
  limit(dataset.training, spec.train_limit);
  limit(dataset.test, spec.test_limit);
  return dataset;
}

}  // namespace bitsweep

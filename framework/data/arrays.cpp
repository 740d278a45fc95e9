#include "framework/data/arrays.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "framework/core/error.h"
#include "framework/core/memory.h"

namespace bitsweep {
namespace {

ImageShape image_shape(const ArrayFile& file, const std::string& name,
                       const std::vector<std::uint64_t>& shape) {
  const bool is_images = shape.size() == 3 || shape.size() == 4;
  const bool is_sound =
      is_images &&
      std::all_of(shape.begin(), shape.end(), [](auto n) { return n > 0; }) &&
      std::all_of(shape.begin() + 1, shape.end(),
                  [](auto n) { return n <= std::uint64_t(kLongestSide); });
  if (!is_sound) {
    refuse_array(file.path, name,
                 fmt::format("of shape [{}], expected [n, height, width] or [n, height, "
                             "width, channels], at most {} on each side",
                             fmt::join(shape, ", "), kLongestSide));
  }
  return {int(shape[1]), int(shape[2]), shape.size() == 4 ? int(shape[3]) : 1};
}

std::vector<std::uint8_t> checked_labels(const ArrayFile& file, const std::string& name,
                                         std::size_t count) {
  const auto labels = file.labels(name);
  if (!labels) refuse_array(file.path, name, "is not there, expected the labels");
  if (labels->size() != count) {
    refuse_array(
        file.path, name,
        fmt::format("{} labels, expected {} as there are images", labels->size(), count));
  }
  const auto wrong = std::find_if(labels->begin(), labels->end(), [](std::int64_t label) {
    return label < 0 || label >= kMostClasses;
  });
  if (wrong != labels->end()) {
    refuse_array(file.path, name,
                 fmt::format("label {} at index {}, expected 0 to {}", *wrong,
                             wrong - labels->begin(), kMostClasses - 1));
  }
  return {labels->begin(), labels->end()};
}

std::optional<ImageSet> read_split(const ArrayFile& file, const std::string& split) {
  auto pixels = file.pixels("x_" + split);
  if (!pixels) return std::nullopt;
  const ImageShape shape = image_shape(file, "x_" + split, pixels->shape);
  return ImageSet{shape, std::move(pixels->values),
                  checked_labels(file, "y_" + split, std::size_t(pixels->shape[0]))};
}

}  // namespace

void refuse_array(const std::filesystem::path& file, const std::string& name,
                  const std::string& problem) {
  throw DataError(fmt::format("{}: {}: {}", file.string(), name, problem));
}

std::size_t array_bytes(const std::filesystem::path& file, const std::string& name,
                        const std::vector<std::uint64_t>& shape, std::size_t bytes) {
  double size = double(bytes);
  for (const auto extent : shape) size *= double(extent);
  if (size > memory_limit()) {
    refuse_array(
        file, name,
        fmt::format("of shape [{}] takes {}, this machine has {}", fmt::join(shape, ", "),
                    memory_text(size), memory_text(memory_limit())));
  }
  return std::size_t(size);
}

OwnFiles read_arrays(const ArrayFile& file) {
  auto training = read_split(file, "train");
  if (!training) refuse_array(file.path, "x_train", "is not there, expected the images");
  OwnFiles files{std::move(*training), {}, {}};
  files.test.shape = files.training.shape;
  if (auto test = read_split(file, "test")) {
    if (test->shape != files.training.shape) {
      refuse_array(
          file.path, "x_test",
          fmt::format("images of {} x {} x {}, expected {} x {} x {} as x_train's",
                      test->shape.height, test->shape.width, test->shape.channels,
                      files.training.shape.height, files.training.shape.width,
                      files.training.shape.channels));
    }
    files.test = std::move(*test);
  }
  const int last =
      *std::max_element(files.training.labels.begin(), files.training.labels.end());
  for (int label = 0; label <= last; ++label) {
    files.class_names.push_back(fmt::format("{}", label));
  }
  const auto beyond = std::find_if(files.test.labels.begin(), files.test.labels.end(),
                                   [&](int label) { return label > last; });
  if (beyond != files.test.labels.end()) {
    refuse_array(file.path, "y_test",
                 fmt::format("label {} at index {}, expected 0 to {} as in y_train",
                             *beyond, beyond - files.test.labels.begin(), last));
  }
  return files;
}

}  // namespace bitsweep

// A folder of images: train/<class>/<image>, and perhaps test/<class>/<image>.

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "framework/core/error.h"
#include "framework/core/memory.h"
#include "framework/core/parallel.h"
#include "framework/data/image_file.h"
#include "framework/data/own_dataset.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse_path(const fs::path& path, const std::string& problem) {
  throw DataError(fmt::format("{}: {}", path.string(), problem));
}

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

// What stands in a folder, sorted by name, hidden things left out.
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code failure;
  for (fs::directory_iterator at(folder, failure), end; !failure && at != end;
       at.increment(failure)) {
    if (!is_hidden(at->path())) entries.push_back(at->path());
  }
  if (failure) refuse_path(folder, "cannot be read: " + failure.message());
  std::sort(entries.begin(), entries.end());
  return entries;
}

std::vector<std::string> classes_of(const fs::path& split) {
  if (!fs::is_directory(split)) {
    refuse_path(split,
                "is no folder; expected one with a folder of images for each class");
  }
  std::vector<std::string> names;
  for (const auto& entry : entries_of(split)) {
    if (!fs::is_directory(entry)) {
      refuse_path(entry, "is no folder; expected one of images for each class here");
    }
    names.push_back(entry.filename().string());
  }
  if (names.size() < 2 || names.size() > std::size_t(kMostClasses)) {
    refuse_path(split, fmt::format("{} folders, expected one for each of 2 to {} classes",
                                   names.size(), kMostClasses));
  }
  return names;
}

std::vector<fs::path> images_of(const fs::path& folder) {
  auto files = entries_of(folder);
  for (const auto& file : files) {
    if (!fs::is_regular_file(file) || !is_image_name(file)) {
      refuse_path(file,
                  "is no image; expected files .png, .jpg, .jpeg, .ppm or .pgm here");
    }
  }
  if (files.empty()) refuse_path(folder, "holds no images, expected some");
  return files;
}

std::string shape_text(const ImageShape& shape) {
  return fmt::format("{} x {}, {}", shape.height, shape.width,
                     shape.channels == 1 ? "grey" : "colour");
}

struct First {
  fs::path file;
  ImageShape shape;
};

ImageSet read_split(const fs::path& split, const std::vector<std::string>& classes,
                    const First& first) {
  std::vector<fs::path> files;
  ImageSet images{first.shape, {}, {}};
  for (std::size_t label = 0; label < classes.size(); ++label) {
    for (auto& file : images_of(split / classes[label])) {
      files.push_back(std::move(file));
      images.labels.push_back(std::uint8_t(label));
    }
  }
  const std::size_t elements = first.shape.elements();
  if (double(files.size()) * double(elements) > memory_limit()) {
    refuse_path(split, fmt::format("{} images of {} take {}, this machine has {}",
                                   files.size(), shape_text(first.shape),
                                   memory_text(double(files.size()) * double(elements)),
                                   memory_text(memory_limit())));
  }
  images.pixels.resize(files.size() * elements);
  parallel_blocks(int(files.size()), [&](int block) {
    const auto i = std::size_t(block);
    const Image image = read_image(files[i]);
    if (image.shape != first.shape) {
      refuse_path(files[i],
                  fmt::format("{}, expected {} as {} is", shape_text(image.shape),
                              shape_text(first.shape), first.file.string()));
    }
    std::copy(image.pixels.begin(), image.pixels.end(),
              images.pixels.begin() + std::ptrdiff_t(i * elements));
  });
  return images;
}

First first_image(const fs::path& training, const std::vector<std::string>& classes) {
  const auto file = images_of(training / classes.front()).front();
  return {file, read_image(file).shape};
}

}  // namespace

OwnFiles read_image_folder(const std::string& name) {
  const fs::path folder(name);
  const auto classes = classes_of(folder / "train");
  const First first = first_image(folder / "train", classes);
  OwnFiles files{
      read_split(folder / "train", classes, first), {first.shape, {}, {}}, classes};
  if (fs::exists(folder / "test")) {
    const auto test_classes = classes_of(folder / "test");
    if (test_classes != classes) {
      refuse_path(folder / "test",
                  fmt::format("has the classes {}, expected {} as train has",
                              fmt::join(test_classes, ", "), fmt::join(classes, ", ")));
    }
    files.test = read_split(folder / "test", classes, first);
  }
  return files;
}

DatasetInfo image_folder_info(const std::string& name) {
  const fs::path training = fs::path(name) / "train";
  const auto classes = classes_of(training);
  DatasetInfo info;
  info.shape = first_image(training, classes).shape;
  info.classes = int(classes.size());
  return info;
}

}  // namespace bitsweep

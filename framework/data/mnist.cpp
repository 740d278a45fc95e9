// MNIST and those that share its files: images and labels in IDX, plain or gzipped.
// LeCun, Cortes, Burges, "The MNIST database of handwritten digits", 1998;
// Xiao, Rasul, Vollgraf, "Fashion-MNIST", 2017.

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/core/parallel.h"
#include "framework/data/files.h"
#include "framework/data/source.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

struct MnistDataset {
  DatasetInfo info;
  FileSet set;  // training images, training labels, test images, test labels
  std::vector<std::string> class_names;
};

DataFile idx_file(const std::string& stem, const std::string& kind,
                  std::string original) {
  return {{stem + "-" + kind, stem + "." + kind}, std::move(original)};
}

FileSet idx_files(std::vector<std::string> subfolders,
                  std::array<std::string, 4> originals) {
  return {std::move(subfolders),
          {idx_file("train-images", "idx3-ubyte", std::move(originals[0])),
           idx_file("train-labels", "idx1-ubyte", std::move(originals[1])),
           idx_file("t10k-images", "idx3-ubyte", std::move(originals[2])),
           idx_file("t10k-labels", "idx1-ubyte", std::move(originals[3]))}};
}

const std::vector<MnistDataset>& mnist_datasets() {
  static const std::vector<MnistDataset> datasets = {
      {{"mnist",
        "MNIST",
        {28, 28, 1},
        10,
        "fetch it with scripts/fetch-datasets mnist",
        "LeCun, Cortes, Burges, http://yann.lecun.com/exdb/mnist/ (LeCun et al., 1998)",
        "none on its home page; redistributions name CC BY-SA 3.0"},
       idx_files({"mnist", "mnist/raw", "MNIST/raw", "MNIST", ""},
                 {"ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                  "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                  "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                  "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"}),
       {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}},
      {{"fashion-mnist",
        "Fashion-MNIST",
        {28, 28, 1},
        10,
        "fetch it with scripts/fetch-datasets fashion-mnist, or on Debian with "
        "apt-get install dataset-fashion-mnist",
        "Zalando Research, https://github.com/zalandoresearch/fashion-mnist "
        "(arXiv:1708.07747)",
        "MIT"},
       idx_files(
           {"fashion-mnist", "fashion-mnist/raw", "FashionMNIST/raw", "FashionMNIST", ""},
           {"c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"}),
       {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt",
        "Sneaker", "Bag", "Ankle boot"}},
  };
  return datasets;
}

std::uint32_t big_endian(const std::uint8_t* bytes) {
  return std::uint32_t(bytes[0]) << 24 | std::uint32_t(bytes[1]) << 16 |
         std::uint32_t(bytes[2]) << 8 | bytes[3];
}

// More than any file of this family has; what a lying header can cost stays below.
constexpr std::size_t kMostItems = 1'000'000;

// An IDX file of bytes: 00 00 08 <dimensions>, each extent as four bytes, then the
// values, the last extent varying fastest. Every extent but the first must be `extents`.
FileHeader idx_header(const fs::path& path, const std::vector<int>& extents,
                      const DatasetInfo& info) {
  const std::size_t dimensions = 1 + extents.size();
  const std::size_t header = 4 + 4 * dimensions;
  const auto expect = [=, &info](std::span<const std::uint8_t> bytes) -> ExpectedSize {
    const auto refuse = [&](const std::string& problem) {
      refuse_file(path, problem, info);
    };
    if (bytes.size() < header) {
      refuse(fmt::format("{} bytes unpacked, expected an IDX header of {}", bytes.size(),
                         header));
    }
    if (big_endian(bytes.data()) != 0x0800 + dimensions) {
      refuse(
          fmt::format("begins with {:08x}, expected {:08x} (IDX, bytes, {} dimensions)",
                      big_endian(bytes.data()), 0x0800 + dimensions, dimensions));
    }
    const std::size_t count = big_endian(bytes.data() + 4);
    std::size_t values = count;
    for (std::size_t i = 0; i < extents.size(); ++i) {
      const std::uint32_t extent = big_endian(bytes.data() + 8 + 4 * i);
      if (extent != std::uint32_t(extents[i])) {
        refuse(fmt::format("extent {} of each item is {}, expected {}", i + 1, extent,
                           extents[i]));
      }
      values *= extent;
    }
    if (count == 0) refuse("holds no items, expected some");
    if (count > kMostItems) {
      refuse(fmt::format("its header promises {} items, expected at most {}", count,
                         kMostItems));
    }
    return {header + values, fmt::format("for the {} items of its header", count)};
  };
  return {header, expect};
}

std::vector<std::uint8_t> idx_values(FileBytes file, std::size_t dimensions) {
  const auto header = std::ptrdiff_t(4 + 4 * dimensions);
  file.bytes.erase(file.bytes.begin(), file.bytes.begin() + header);
  return std::move(file.bytes);
}

ImageSet image_set(FileBytes images, FileBytes labels, const DatasetInfo& info) {
  const auto images_path = images.path;
  const auto labels_path = labels.path;
  ImageSet set{info.shape, idx_values(std::move(images), 3),
               idx_values(std::move(labels), 1)};
  const std::size_t count = set.pixels.size() / info.shape.elements();
  if (set.labels.size() != count) {
    refuse_file(labels_path,
                fmt::format("{} labels, expected {} as {} has images", set.labels.size(),
                            count, images_path.string()),
                info);
  }
  check_labels(set.labels, labels_path, info);
  return set;
}

// These datasets share their file names, so a folder given by hand may well be another's.
void refuse_another(const MnistDataset& wanted, const std::vector<std::string>& sums,
                    const fs::path& folder) {
  for (const auto& other : mnist_datasets()) {
    const bool is_other = std::equal(
        sums.begin(), sums.end(), other.set.files.begin(), other.set.files.end(),
        [](const auto& sum, const auto& file) { return sum == file.original; });
    if (is_other && other.info.id != wanted.info.id) {
      refuse_file(folder,
                  fmt::format("holds the files of {}, expected {}", other.info.title,
                              wanted.info.title),
                  wanted.info);
    }
  }
}

WholeDataset read_mnist(const MnistDataset& dataset,
                        const std::vector<fs::path>& folders) {
  const auto paths = find_files(dataset.set, dataset.info, folders);
  std::vector<FileBytes> files(paths.size());
  const std::vector<int> image_extents = {dataset.info.shape.height,
                                          dataset.info.shape.width};
  parallel_blocks(int(paths.size()), [&](int block) {
    const auto i = std::size_t(block);
    const bool is_images = i % 2 == 0;
    files[i] =
        read_file(paths[i], dataset.info,
                  idx_header(paths[i], is_images ? image_extents : std::vector<int>{},
                             dataset.info));
  });
  std::vector<std::string> sums;
  for (const auto& file : files) sums.push_back(file.sha256);
  const fs::path folder = paths.front().parent_path();
  refuse_another(dataset, sums, folder);

  return {.training = image_set(std::move(files[0]), std::move(files[1]), dataset.info),
          .test = image_set(std::move(files[2]), std::move(files[3]), dataset.info),
          .title = title_of(dataset.info, dataset.set, sums),
          .checksum = combined_checksum(sums),
          .folder = folder.string()};
}

}  // namespace

std::vector<DatasetSource> mnist_sources() {
  std::vector<DatasetSource> sources;
  for (const auto& dataset : mnist_datasets()) {
    sources.push_back(
        {dataset.info, dataset.class_names,
         [&dataset](const auto& folders) { return read_mnist(dataset, folders); }});
  }
  return sources;
}

}  // namespace bitsweep

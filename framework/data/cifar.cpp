// CIFAR-10 and CIFAR-100 in their binary version: records of one or two label bytes and
// the three planes of a 32 x 32 image. Krizhevsky, "Learning Multiple Layers of Features
// from Tiny Images", 2009.

#include <algorithm>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "framework/core/parallel.h"
#include "framework/data/files.h"
#include "framework/data/source.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

constexpr ImageShape kShape{32, 32, 3};

struct CifarDataset {
  DatasetInfo info;
  FileSet set;                   // the last file holds the test images
  std::size_t training_records;  // in each of the other files
  std::size_t label_bytes;       // the last of them is the class
  std::vector<std::string> class_names;
};

constexpr std::size_t kTestRecords = 10000;

FileSet cifar10_files(std::vector<std::string> subfolders,
                      std::vector<std::string> sums) {
  sums.resize(6);
  FileSet set{std::move(subfolders), {}};
  for (std::size_t batch = 0; batch < 5; ++batch) {
    set.files.push_back({{fmt::format("data_batch_{}.bin", batch + 1)}, sums[batch]});
  }
  set.files.push_back({{"test_batch.bin"}, sums[5]});
  return set;
}

const std::vector<std::string> kCifar10Classes = {
    "airplane", "automobile", "bird",  "cat",  "deer",
    "dog",      "frog",       "horse", "ship", "truck"};

const std::vector<std::string> kCifar100Classes = {
    "apple",    "aquarium_fish", "baby",       "bear",         "beaver",
    "bed",      "bee",           "beetle",     "bicycle",      "bottle",
    "bowl",     "boy",           "bridge",     "bus",          "butterfly",
    "camel",    "can",           "castle",     "caterpillar",  "cattle",
    "chair",    "chimpanzee",    "clock",      "cloud",        "cockroach",
    "couch",    "crab",          "crocodile",  "cup",          "dinosaur",
    "dolphin",  "elephant",      "flatfish",   "forest",       "fox",
    "girl",     "hamster",       "house",      "kangaroo",     "keyboard",
    "lamp",     "lawn_mower",    "leopard",    "lion",         "lizard",
    "lobster",  "man",           "maple_tree", "motorcycle",   "mountain",
    "mouse",    "mushroom",      "oak_tree",   "orange",       "orchid",
    "otter",    "palm_tree",     "pear",       "pickup_truck", "pine_tree",
    "plain",    "plate",         "poppy",      "porcupine",    "possum",
    "rabbit",   "raccoon",       "ray",        "road",         "rocket",
    "rose",     "sea",           "seal",       "shark",        "shrew",
    "skunk",    "skyscraper",    "snail",      "snake",        "spider",
    "squirrel", "streetcar",     "sunflower",  "sweet_pepper", "table",
    "tank",     "telephone",     "television", "tiger",        "tractor",
    "train",    "trout",         "tulip",      "turtle",       "wardrobe",
    "whale",    "willow_tree",   "wolf",       "woman",        "worm"};

constexpr auto kSource =
    "Krizhevsky, https://www.cs.toronto.edu/~kriz/cifar.html (\"Learning Multiple Layers "
    "of Features from Tiny Images\", 2009)";
constexpr auto kLicence = "none stated; its home page asks that the report be cited";

std::vector<CifarDataset> cifar_datasets() {
  return {
      {{"cifar10", "CIFAR-10", kShape, 10, "fetch it with scripts/fetch-datasets cifar10",
        kSource, kLicence},
       cifar10_files(
           {"cifar10/cifar-10-batches-bin", "cifar10", "cifar-10-batches-bin", ""},
           {"cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
            "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
            "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
            "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
            "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
            "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"}),
       10000,
       1,
       kCifar10Classes},
      // A copy whose images were JPEG-compressed once; never to be taken for the
      // original.
      {{"cifar10-jpeg", "CIFAR-10 (JPEG copy)", kShape, 10,
        "put the copy's files into datasets/cifar10-jpeg/cifar-10-batches-bin",
        "CIFAR-10 from images that were compressed once as JPEG, as some redistributions "
        "hold it",
        kLicence},
       cifar10_files({"cifar10-jpeg/cifar-10-batches-bin", "cifar10-jpeg"}, {}),
       10000,
       1,
       kCifar10Classes},
      {{"cifar100", "CIFAR-100", kShape, 100,
        "fetch it with scripts/fetch-datasets cifar100", kSource, kLicence},
       {{"cifar100/cifar-100-binary", "cifar100", "cifar-100-binary", ""},
        {{{"train.bin"},
          "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29"},
         {{"test.bin"},
          "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a"}}},
       50000,
       2,
       kCifar100Classes},
  };
}

// [channels, pixels] to [pixels, channels].
void interleave(const std::uint8_t* planes, std::uint8_t* image) {
  const std::size_t pixels = kShape.pixels();
  for (std::size_t i = 0; i < pixels; ++i) {
    for (std::size_t c = 0; c < 3; ++c) image[3 * i + c] = planes[c * pixels + i];
  }
}

// Without a header, the dataset itself says how much a file holds.
FileHeader records_header(const CifarDataset& dataset, std::size_t records) {
  const std::size_t record = dataset.label_bytes + kShape.elements();
  const ExpectedSize size{records * record,
                          fmt::format("for {} records of {}", records, record)};
  return {0, [size](std::span<const std::uint8_t>) { return size; }};
}

// One file's records as images `first` and following of `images`, whose size is set.
void unpack_records(const FileBytes& file, const CifarDataset& dataset,
                    std::size_t records, std::size_t first, ImageSet& images) {
  const std::size_t elements = kShape.elements();
  const std::size_t record = dataset.label_bytes + elements;
  std::vector<std::uint8_t> labels(records);
  for (std::size_t i = 0; i < records; ++i) {
    const std::uint8_t* planes = file.bytes.data() + i * record + dataset.label_bytes;
    labels[i] = planes[-1];
    interleave(planes, images.pixels.data() + (first + i) * elements);
  }
  check_labels(labels, file.path, dataset.info);
  std::copy(labels.begin(), labels.end(), images.labels.begin() + std::ptrdiff_t(first));
}

ImageSet empty_images(std::size_t count) {
  return {kShape, std::vector<std::uint8_t>(count * kShape.elements()),
          std::vector<std::uint8_t>(count)};
}

WholeDataset read_cifar(const CifarDataset& dataset,
                        const std::vector<fs::path>& folders) {
  const auto paths = find_files(dataset.set, dataset.info, folders);
  const std::size_t training_files = paths.size() - 1;
  WholeDataset whole;
  whole.training = empty_images(training_files * dataset.training_records);
  whole.test = empty_images(kTestRecords);
  std::vector<std::string> sums(paths.size());
  parallel_blocks(int(paths.size()), [&](int block) {
    const auto i = std::size_t(block);
    const bool is_test = i == training_files;
    const std::size_t records = is_test ? kTestRecords : dataset.training_records;
    const FileBytes file =
        read_file(paths[i], dataset.info, records_header(dataset, records));
    sums[i] = file.sha256;
    if (is_test) {
      unpack_records(file, dataset, records, 0, whole.test);
    } else {
      unpack_records(file, dataset, records, i * records, whole.training);
    }
  });
  whole.title = title_of(dataset.info, dataset.set, sums);
  whole.checksum = combined_checksum(sums);
  whole.folder = paths.front().parent_path().string();
  return whole;
}

}  // namespace

std::vector<DatasetSource> cifar_sources() {
  std::vector<DatasetSource> sources;
  for (auto& dataset : cifar_datasets()) {
    sources.push_back({dataset.info, dataset.class_names, [dataset](const auto& folders) {
                         return read_cifar(dataset, folders);
                       }});
  }
  return sources;
}

}  // namespace bitsweep

// How the readers find, unpack, check and refuse files.

#include <cstdlib>

#include <catch2/catch.hpp>
#include <sys/resource.h>

#include "framework/core/digest.h"
#include "framework/core/error.h"
#include "tests/data/temporary_data.h"

namespace fs = std::filesystem;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;
using namespace bitsweep;
using namespace bitsweep::test;

namespace {

std::string refusal(const fs::path& folder, const std::string& id = "mnist") {
  return message_of<DataError>([&] { load_dataset(whole(id), {folder}); });
}

// A full-size CIFAR file, zero but for what is written into it.
fs::path write_cifar(const fs::path& path, std::uintmax_t bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary).put(0);
  fs::resize_file(path, bytes);
  return path;
}

void write_at(const fs::path& path, std::streamoff offset, const Bytes& bytes) {
  std::fstream stream(path, std::ios::binary | std::ios::in | std::ios::out);
  stream.seekp(offset);
  stream.write(reinterpret_cast<const char*>(bytes.data()),
               std::streamsize(bytes.size()));
}

void write_cifar10(const fs::path& folder) {
  for (const auto* name : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                           "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"}) {
    write_cifar(folder / name, 10000 * 3073);
  }
}

}  // namespace

TEST_CASE("IDX files are read in their order", "[data]") {
  const TemporaryFolder folder;
  write_mnist(folder.path() / "mnist");
  const Dataset dataset = load_dataset(whole("mnist"), {folder.path()});

  CHECK(dataset.training.shape == ImageShape{28, 28, 1});
  REQUIRE(dataset.training.count() == 40);
  REQUIRE(dataset.test.count() == 10);
  CHECK(dataset.validation.count() == 0);
  CHECK(dataset.classes == 10);
  CHECK(dataset.folder == (folder.path() / "mnist").string());
  for (std::size_t i = 0; i < 40; ++i) {
    CHECK(number_of(dataset.training.image(i)) == i);
    CHECK(dataset.training.image(i)[783] == std::uint8_t(3 * i));
    CHECK(dataset.training.labels[i] == i % 10);
  }
}

TEST_CASE("a gzipped file counts as what it unpacks to", "[data]") {
  const TemporaryFolder plain, packed;
  write_mnist(plain.path());
  for (const auto& entry : fs::directory_iterator(plain.path())) {
    write_gzip(packed.path() / (entry.path().filename().string() + ".gz"),
               test::read_bytes(entry.path()));
  }
  const Dataset from_plain = load_dataset(whole("mnist"), {plain.path()});
  const Dataset from_packed = load_dataset(whole("mnist"), {packed.path()});
  CHECK(from_packed.training.pixels == from_plain.training.pixels);
  CHECK(from_packed.test.labels == from_plain.test.labels);
  CHECK(from_packed.checksum == from_plain.checksum);
}

TEST_CASE("the checksum is made of the sums of all unpacked files", "[data]") {
  const TemporaryFolder folder;
  write_mnist(folder.path());
  std::string sums;
  for (const auto* name : {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                           "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}) {
    const Bytes bytes = test::read_bytes(folder.path() / name);
    sums += sha256_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  CHECK(load_dataset(whole("mnist"), {folder.path()}).checksum == sha256_hex(sums));
}

TEST_CASE("the usual folders and file names are found", "[data]") {
  const TemporaryFolder folder;
  const auto* id = GENERATE("mnist", "fashion-mnist");
  const bool is_mnist = id == std::string("mnist");
  const auto* subfolder = is_mnist ? GENERATE("", "mnist", "mnist/raw", "MNIST/raw")
                                   : GENERATE("fashion-mnist", "FashionMNIST/raw");
  const fs::path inner = folder.path() / subfolder;
  write_mnist(inner);
  fs::rename(inner / "train-images-idx3-ubyte", inner / "train-images.idx3-ubyte");
  CAPTURE(inner);
  CHECK(load_dataset(whole(id), {folder.path()}).training.count() == 40);
}

TEST_CASE("the first folder that has the files is used", "[data]") {
  const TemporaryFolder empty, first, second;
  write_mnist(first.path() / "mnist", 30);
  write_mnist(second.path() / "mnist", 20);
  CHECK(load_dataset(whole("mnist"), {empty.path(), first.path(), second.path()})
            .training.count() == 30);
}

TEST_CASE("files with other sums than the original's are called a copy", "[data]") {
  const TemporaryFolder folder;
  write_mnist(folder.path());
  CHECK(load_dataset(whole("mnist"), {folder.path()}).title ==
        "MNIST (unrecognised copy)");
}

TEST_CASE("files that are nowhere are refused with every folder looked in", "[data]") {
  const TemporaryFolder one, two;
  const std::string message = message_of<DataError>([&] {
    load_dataset(whole("fashion-mnist"), {one.path(), two.path()});
  });
  CHECK_THAT(message, Contains("no files of Fashion-MNIST found in " +
                               one.path().string() + ", " + two.path().string()));
  CHECK_THAT(message, Contains("FashionMNIST/raw/"));
  CHECK_THAT(message, Contains("scripts/fetch-datasets fashion-mnist"));
  CHECK_THAT(message, EndsWith("apt-get install dataset-fashion-mnist"));
}

TEST_CASE("a folder with some of the files is refused with those that are missing",
          "[data]") {
  const TemporaryFolder folder;
  write_mnist(folder.path());
  fs::remove(folder.path() / "t10k-labels-idx1-ubyte");
  CHECK(refusal(folder.path()) == folder.path().string() +
                                      ": t10k-labels-idx1-ubyte is missing beside "
                                      "train-images-idx3-ubyte; fetch it with "
                                      "scripts/fetch-datasets mnist");
}

TEST_CASE("broken IDX files are refused with what was found and expected", "[data]") {
  const TemporaryFolder folder;
  write_mnist(folder.path());
  const fs::path images = folder.path() / "train-images-idx3-ubyte";
  const fs::path labels = folder.path() / "train-labels-idx1-ubyte";
  fs::path broken = images;
  std::string problem;

  SECTION("truncated") {
    fs::resize_file(images, 40 * 784 + 15);
    problem = "31375 bytes unpacked, expected 31376 for the 40 items of its header";
  }
  SECTION("with bytes to spare") {
    fs::resize_file(images, 40 * 784 + 17);
    problem = "31377 bytes unpacked, expected 31376 for the 40 items of its header";
  }
  SECTION("shorter than the header") {
    fs::resize_file(images, 9);
    problem = "9 bytes unpacked, expected an IDX header of 16";
  }
  SECTION("empty") {
    fs::resize_file(images, 0);
    problem = "0 bytes unpacked, expected an IDX header of 16";
  }
  SECTION("labels in the place of images") {
    write_bytes(images, cyclic_labels(40));
    problem = "begins with 00000801, expected 00000803 (IDX, bytes, 3 dimensions)";
  }
  SECTION("images of another size") {
    write_bytes(images, idx({40, 28, 27}, Bytes(40 * 28 * 27)));
    problem = "extent 2 of each item is 27, expected 28";
  }
  SECTION("a header whose product overflows") {
    write_bytes(images, idx({0xffffffff, 28, 28}, Bytes(784)));
    problem = "its header promises 4294967295 items, expected at most 1000000";
  }
  SECTION("no images") {
    write_bytes(images, idx({0, 28, 28}, {}));
    problem = "holds no items, expected some";
  }
  SECTION("fewer labels than images") {
    write_bytes(labels, cyclic_labels(39));
    broken = labels;
    problem = "39 labels, expected 40 as " + images.string() + " has images";
  }
  SECTION("a label out of range") {
    Bytes bytes = cyclic_labels(40);
    bytes[8 + 17] = 10;
    write_bytes(labels, bytes);
    broken = labels;
    problem = "label 10 at index 17, expected 0 to 9";
  }
  CHECK(refusal(folder.path()) == broken.string() + ": " + problem +
                                      "; fetch it with scripts/fetch-datasets mnist");
}

TEST_CASE("a broken gzip stream is refused", "[data]") {
  const TemporaryFolder folder;
  write_mnist(folder.path());
  fs::remove(folder.path() / "train-labels-idx1-ubyte");
  const fs::path labels = folder.path() / "train-labels-idx1-ubyte.gz";
  write_gzip(labels, cyclic_labels(40));
  REQUIRE(load_dataset(whole("mnist"), {folder.path()}).training.count() == 40);
  Bytes bytes = test::read_bytes(labels);
  std::string problem;

  SECTION("cut off") {
    bytes.resize(bytes.size() - 9);
    problem = "the gzip stream breaks off after ";
  }
  SECTION("cut off in its header") {
    bytes.resize(5);
    problem = "the gzip stream breaks off after 0 unpacked bytes, expected its end mark";
  }
  SECTION("with another checksum") {
    bytes[bytes.size() - 7] ^= 1;
    problem = "a corrupt gzip stream (incorrect data check after 48 unpacked bytes)";
  }
  SECTION("with a block of no known kind") {
    bytes[10] |= 6;
    problem = "a corrupt gzip stream (invalid block type after 0 unpacked bytes)";
  }
  SECTION("with bytes after its end") {
    bytes.insert(bytes.end(), {'h', 'e', 'l', 'l', 'o'});
    problem = "5 bytes after the end of the gzip stream, expected none";
  }
  write_bytes(labels, bytes);
  const std::string message = refusal(folder.path());
  CHECK_THAT(message, StartsWith(labels.string() + ": " + problem));
  CHECK_THAT(message, EndsWith("; fetch it with scripts/fetch-datasets mnist"));
}

namespace {

// The most memory that this process has held so far.
std::size_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::size_t(usage.ru_maxrss) * 1024;
}

Bytes noise(std::size_t count) {
  Bytes bytes(count);
  std::uint32_t state = 1;
  for (auto& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = std::uint8_t(state >> 24);
  }
  return bytes;
}

constexpr std::size_t kMuchMemory = 100 << 20;

}  // namespace

TEST_CASE("a gzip stream that lies about its size costs what it holds", "[data]") {
  const TemporaryFolder folder;
  write_mnist(folder.path());
  fs::remove(folder.path() / "train-images-idx3-ubyte");
  const fs::path images = folder.path() / "train-images-idx3-ubyte.gz";
  write_gzip(images, idx({400, 28, 28}, noise(400 * 784)));
  Bytes bytes = test::read_bytes(images);
  bytes.resize(bytes.size() - 40);
  bytes.insert(bytes.end(), {0xff, 0xff, 0xff, 0x7f});  // 2 GB
  write_bytes(images, bytes);
  const std::size_t before = peak_bytes();
  CHECK_THAT(refusal(folder.path()), StartsWith(images.string() + ": the gzip stream "));
  CHECK(peak_bytes() - before < kMuchMemory);
}

TEST_CASE("a gzip bomb is stopped behind what its header announces", "[data]") {
  const TemporaryFolder folder;
  write_mnist(folder.path());
  fs::remove(folder.path() / "train-labels-idx1-ubyte");
  const fs::path labels = folder.path() / "train-labels-idx1-ubyte.gz";
  const gzFile file = gzopen(labels.c_str(), "wb1");
  Bytes piece = cyclic_labels(40);
  for (int i = 0; i < 200; ++i) {  // 200 MB
    piece.resize(1 << 20);
    gzwrite(file, piece.data(), unsigned(piece.size()));
    piece.assign(1 << 20, 0);
  }
  gzclose(file);
  const std::size_t before = peak_bytes();
  CHECK(refusal(folder.path()) ==
        labels.string() +
            ": more than 48 bytes unpacked, expected 48 for the 40 items of its header; "
            "fetch it with scripts/fetch-datasets mnist");
  CHECK(peak_bytes() - before < kMuchMemory);
}

TEST_CASE("CIFAR-10's planes become pixels", "[data]") {
  const TemporaryFolder folder;
  const fs::path inner = folder.path() / "cifar-10-batches-bin";
  write_cifar10(inner);
  // Image 9999 of batch 2, label 7: red 200 at row 1, column 2; green 50 and blue 60 at
  // row 31, column 31. A plane is 1024 bytes, a row 32.
  const std::streamoff record = 9999 * 3073;
  write_at(inner / "data_batch_2.bin", record, {7});
  write_at(inner / "data_batch_2.bin", record + 1 + 34, {200});
  write_at(inner / "data_batch_2.bin", record + 1 + 1024 + 1023, {50});
  write_at(inner / "data_batch_2.bin", record + 1 + 2048 + 1023, {60});
  write_at(inner / "test_batch.bin", 3073, {3, 11});

  const Dataset dataset = load_dataset(whole("cifar10"), {folder.path()});
  REQUIRE(dataset.training.count() == 50000);
  REQUIRE(dataset.test.count() == 10000);
  CHECK(dataset.title == "CIFAR-10 (unrecognised copy)");
  CHECK(dataset.training.labels[19999] == 7);
  CHECK(dataset.class_names[7] == "horse");
  const auto image = dataset.training.image(19999);
  CHECK(image[(1 * 32 + 2) * 3] == 200);
  CHECK(image[1023 * 3] == 0);
  CHECK(image[1023 * 3 + 1] == 50);
  CHECK(image[1023 * 3 + 2] == 60);
  CHECK(dataset.test.labels[1] == 3);
  CHECK(dataset.test.image(1)[0] == 11);
}

TEST_CASE("CIFAR-100 is read with its fine labels", "[data]") {
  const TemporaryFolder folder;
  const fs::path train =
      write_cifar(folder.path() / "cifar100/cifar-100-binary/train.bin", 50000 * 3074);
  const fs::path test =
      write_cifar(folder.path() / "cifar100/cifar-100-binary/test.bin", 10000 * 3074);
  write_at(train, 3 * 3074, {11, 98, 255});
  write_at(test, 0, {19, 99});
  const Dataset dataset = load_dataset(whole("cifar100"), {folder.path()});
  CHECK(dataset.classes == 100);
  CHECK(dataset.class_names.size() == 100);
  CHECK(dataset.training.count() == 50000);
  CHECK(dataset.training.labels[3] == 98);
  CHECK(dataset.class_names[98] == "woman");
  CHECK(dataset.training.image(3)[0] == 255);
  CHECK(dataset.test.labels[0] == 99);
}

TEST_CASE("a CIFAR file of another size is refused", "[data]") {
  const TemporaryFolder folder;
  write_cifar10(folder.path());
  fs::resize_file(folder.path() / "data_batch_4.bin", 9999 * 3073);
  CHECK(refusal(folder.path(), "cifar10") ==
        (folder.path() / "data_batch_4.bin").string() +
            ": 30726927 bytes unpacked, expected 30730000 for 10000 records of 3073; "
            "fetch it with "
            "scripts/fetch-datasets cifar10");
}

TEST_CASE("a CIFAR label out of range is refused with its index", "[data]") {
  const TemporaryFolder folder;
  write_cifar10(folder.path());
  write_at(folder.path() / "test_batch.bin", 4321 * 3073, {10});
  CHECK_THAT(refusal(folder.path(), "cifar10"),
             Contains("test_batch.bin: label 10 at index 4321, expected 0 to 9"));
}

TEST_CASE("CIFAR-10 and its JPEG copy are never taken for each other", "[data]") {
  const TemporaryFolder folder;
  write_bytes(folder.path() / "cifar-10-batches-bin/test_batch.bin", {0});
  CHECK_THAT(refusal(folder.path(), "cifar10-jpeg"),
             Contains("no files of CIFAR-10 (JPEG"));
  const TemporaryFolder other;
  write_bytes(other.path() / "cifar10-jpeg/cifar-10-batches-bin/test_batch.bin", {0});
  CHECK_THAT(refusal(other.path(), "cifar10"), Contains("no files of CIFAR-10 found"));
  CHECK_THAT(refusal(other.path(), "cifar10-jpeg"), Contains("is missing beside"));
}

namespace {

// The dataset where this machine has it; nothing, with a message, where not.
std::optional<Dataset> installed(const std::string& id) {
  try {
    return load_dataset(whole(id), data_folders(""));
  } catch (const DataError& absent) {
    WARN("skipped: " << absent.what());
    return std::nullopt;
  }
}

std::vector<int> label_counts(const ImageSet& images) {
  std::vector<int> counts(10);
  for (const auto label : images.labels) ++counts[label];
  return counts;
}

}  // namespace

TEST_CASE("Fashion-MNIST is the original with 6000 images a class", "[data]") {
  const auto dataset = installed("fashion-mnist");
  if (!dataset) return;
  CHECK(dataset->title == "Fashion-MNIST");
  CHECK(label_counts(dataset->training) == std::vector<int>(10, 6000));
  CHECK(label_counts(dataset->test) == std::vector<int>(10, 1000));
  CHECK(dataset->class_names[dataset->training.labels[0]] == "Ankle boot");
}

TEST_CASE("MNIST is the original with the published class counts", "[data]") {
  const auto dataset = installed("mnist");
  if (!dataset) return;
  CHECK(dataset->title == "MNIST");
  CHECK(label_counts(dataset->training) ==
        std::vector<int>{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949});
  CHECK(label_counts(dataset->test) ==
        std::vector<int>{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009});
}

TEST_CASE("Fashion-MNIST is not taken for MNIST", "[data]") {
  for (const auto& folder : data_folders("")) {
    const fs::path fashion = folder / "fashion-mnist";
    if (!fs::exists(fashion / "train-images-idx3-ubyte.gz")) continue;
    CHECK_THAT(refusal(fashion),
               StartsWith(fashion.string() + ": holds the files of "
                                             "Fashion-MNIST, expected MNIST"));
    return;
  }
  WARN("skipped: no gzipped Fashion-MNIST");
}

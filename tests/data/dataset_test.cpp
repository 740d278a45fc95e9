// Splitting, look-up by id, and the folders that data may be in.

#include "framework/data/dataset.h"

#include <algorithm>
#include <cstdlib>

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "tests/data/temporary_data.h"

namespace fs = std::filesystem;
using Catch::Matchers::Contains;
using namespace bitsweep;
using namespace bitsweep::test;

namespace {

std::vector<std::size_t> numbers(const ImageSet& images) {
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < images.count(); ++i)
    all.push_back(number_of(images.image(i)));
  return all;
}

Dataset split(const fs::path& folder, int validation, std::int64_t seed = 1) {
  DatasetSpec spec = whole("mnist");
  spec.validation = validation;
  spec.split_seed = seed;
  return load_dataset(spec, {folder});
}

// BITSWEEP_DATA for the length of a test.
class Variable {
 public:
  explicit Variable(const std::string& value) {
    if (const char* before = std::getenv("BITSWEEP_DATA")) before_ = before;
    setenv("BITSWEEP_DATA", value.c_str(), 1);
  }
  ~Variable() {
    if (before_.empty()) {
      unsetenv("BITSWEEP_DATA");
    } else {
      setenv("BITSWEEP_DATA", before_.c_str(), 1);
    }
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  std::string before_;
};

}  // namespace

TEST_CASE("every training image is in one split, in the file's order", "[data]") {
  const TemporaryFolder folder;
  write_mnist(folder.path(), 400);
  const Dataset dataset = split(folder.path(), 150);
  const auto training = numbers(dataset.training);
  const auto validation = numbers(dataset.validation);
  REQUIRE(training.size() == 250);
  REQUIRE(validation.size() == 150);
  CHECK(std::is_sorted(training.begin(), training.end()));
  CHECK(std::is_sorted(validation.begin(), validation.end()));

  std::vector<std::size_t> all;
  std::merge(training.begin(), training.end(), validation.begin(), validation.end(),
             std::back_inserter(all));
  for (std::size_t i = 0; i < 400; ++i) CHECK(all[i] == i);
  CHECK(dataset.test.count() == 10);
}

TEST_CASE("an image takes its label into its split", "[data]") {
  const TemporaryFolder folder;
  write_mnist(folder.path(), 400);
  const Dataset dataset = split(folder.path(), 150);
  for (const auto* set : {&dataset.training, &dataset.validation}) {
    for (std::size_t i = 0; i < set->count(); ++i) {
      CHECK(set->labels[i] == number_of(set->image(i)) % 10);
      CHECK(set->image(i)[783] == std::uint8_t(3 * number_of(set->image(i))));
    }
  }
}

TEST_CASE("the split is a matter of its seed alone", "[data]") {
  const TemporaryFolder folder;
  write_mnist(folder.path(), 400);
  const auto once = numbers(split(folder.path(), 150, 1).validation);
  CHECK(numbers(split(folder.path(), 150, 1).validation) == once);
  CHECK(numbers(split(folder.path(), 150, 2).validation) != once);
}

TEST_CASE("limits take the first images and leave validation alone", "[data]") {
  const TemporaryFolder folder;
  write_mnist(folder.path(), 400);
  DatasetSpec spec = whole("mnist");
  spec.validation = 150;
  const Dataset all = load_dataset(spec, {folder.path()});
  spec.train_limit = 20;
  spec.test_limit = 3;
  const Dataset limited = load_dataset(spec, {folder.path()});

  auto first = numbers(all.training);
  first.resize(20);
  CHECK(numbers(limited.training) == first);
  CHECK(numbers(limited.test) == std::vector<std::size_t>{0, 1, 2});
  CHECK(numbers(limited.validation) == numbers(all.validation));
  CHECK(limited.checksum == all.checksum);
}

TEST_CASE("a limit above the data is refused", "[data]") {
  const TemporaryFolder folder;
  write_mnist(folder.path(), 40);
  DatasetSpec spec = whole("mnist");
  spec.train_limit = 40;
  CHECK(load_dataset(spec, {folder.path()}).training.count() == 40);
  spec.train_limit = 41;
  CHECK(message_of<ConfigError>([&] { load_dataset(spec, {folder.path()}); }) ==
        "dataset.train_limit: 41 images, but mnist has 40 training images; leave it out "
        "for all");
}

TEST_CASE("a validation split that leaves nothing to train on is refused", "[data]") {
  const TemporaryFolder folder;
  write_mnist(folder.path(), 40);
  CHECK(split(folder.path(), 39).training.count() == 1);
  const int validation = GENERATE(40, 5000);
  CHECK_THAT(message_of<ConfigError>([&] { split(folder.path(), validation); }),
             Contains("dataset.validation: " + std::to_string(validation)) &&
                 Contains("mnist has 40 training images"));
}

TEST_CASE("an unknown dataset is refused with the nearest and all ids", "[data]") {
  const std::string message =
      message_of<ConfigError>([] { dataset_info("fashion_mnist"); });
  CHECK_THAT(message,
             Contains("unknown dataset 'fashion_mnist'; did you mean "
                      "'fashion-mnist'? available: mnist, fashion-mnist, cifar10, "
                      "cifar10-jpeg, cifar100, shapes, shapes-rgb"));
  CHECK(message_of<ConfigError>([] { load_dataset(whole("imagenet22k"), {}); }) != "");
}

TEST_CASE("every known dataset says its shape and how to get it", "[data]") {
  for (const auto& info : known_datasets()) {
    CAPTURE(info.id);
    CHECK(dataset_info(info.id).title == info.title);
    CHECK(info.shape.elements() >= 784);
    CHECK(info.classes >= 10);
    CHECK_FALSE(info.hint.empty());
  }
}

TEST_CASE("folders are looked through from the nearest to the system's", "[data]") {
  const TemporaryFolder given, named;
  const Variable variable(named.path().string());
  const auto folders = data_folders(given.path().string());
  REQUIRE(folders.size() >= 5);
  CHECK(folders[0] == given.path());
  CHECK(folders[1] == named.path());
  CHECK(folders[2] == "datasets");
  CHECK(folders[folders.size() - 2] == "/usr/share/datasets");
  CHECK(folders.back() == "/usr/local/share/datasets");
  const fs::path source_tree = fs::path(BITSWEEP_SOURCE_DIR) / "datasets";
  CHECK((fs::weakly_canonical(folders[2]) == source_tree || folders[3] == source_tree));
}

TEST_CASE("a folder given by hand must be there", "[data]") {
  CHECK(message_of<ConfigError>([] { data_folders("/no/such/folder"); }) ==
        "--data-dir: '/no/such/folder' is not a folder; name one that holds datasets");
  const Variable variable("/no/such/folder");
  CHECK_THAT(message_of<ConfigError>([] { data_folders(""); }),
             Contains("BITSWEEP_DATA"));
}

#include <algorithm>

#include <catch2/catch.hpp>

#include "framework/core/parallel.h"
#include "framework/data/dataset.h"
#include "tests/data/temporary_data.h"

using namespace bitsweep;
using namespace bitsweep::test;

namespace {

// The share of test images whose nearest class mean is their own.
double nearest_mean_accuracy(const Dataset& dataset) {
  const std::size_t elements = dataset.training.shape.elements();
  std::vector<std::vector<double>> means(10, std::vector<double>(elements));
  for (std::size_t i = 0; i < dataset.training.count(); ++i) {
    auto& mean = means[dataset.training.labels[i]];
    for (std::size_t e = 0; e < elements; ++e) mean[e] += dataset.training.image(i)[e];
  }
  int right = 0;
  for (std::size_t i = 0; i < dataset.test.count(); ++i) {
    std::vector<double> distances;
    for (const auto& mean : means) {
      double sum = 0;
      for (std::size_t e = 0; e < elements; ++e) {
        const double d =
            dataset.test.image(i)[e] - mean[e] * 10 / double(dataset.training.count());
        sum += d * d;
      }
      distances.push_back(sum);
    }
    const auto nearest = std::min_element(distances.begin(), distances.end());
    right += nearest - distances.begin() == dataset.test.labels[i];
  }
  return right / double(dataset.test.count());
}

}  // namespace

TEST_CASE("shapes are the same on any number of threads", "[data]") {
  set_threads(1);
  const Dataset one = load_dataset(whole("shapes"), {});
  set_threads(2);
  const Dataset two = load_dataset(whole("shapes"), {});
  CHECK(one.checksum == two.checksum);
  CHECK(one.training.pixels == two.training.pixels);
}

TEST_CASE("shapes are those that earlier results were made with", "[data]") {
  CHECK(load_dataset(whole("shapes"), {}).checksum ==
        "141740bb6d0e8b5cd2490b53b342e265409f150fa8eaf094001bcc50e76314ce");
}

TEST_CASE("shapes have as many images of each class", "[data]") {
  const Dataset dataset = load_dataset(whole("shapes"), {});
  for (int label = 0; label < 10; ++label) {
    const auto& labels = dataset.training.labels;
    CHECK(std::count(labels.begin(), labels.end(), label) == 1000);
  }
  CHECK(dataset.test.count() == 2000);
  CHECK(dataset.folder.empty());
}

TEST_CASE("shapes can be learnt, but not from the mean image of a class", "[data]") {
  DatasetSpec spec = whole("shapes");
  spec.test_limit = 500;
  const double accuracy = nearest_mean_accuracy(load_dataset(spec, {}));
  CHECK(accuracy > 0.25);  // chance is 0.1
  CHECK(accuracy < 0.75);
}

TEST_CASE("coloured shapes differ from channel to channel", "[data]") {
  const Dataset dataset = load_dataset(whole("shapes-rgb"), {});
  CHECK(dataset.training.shape == ImageShape{32, 32, 3});
  double difference = 0;
  const auto image = dataset.training.image(0);
  for (std::size_t i = 0; i < image.size(); i += 3) difference += image[i] - image[i + 1];
  CHECK(std::abs(difference / 1024) > 1);
}

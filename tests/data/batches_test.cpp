#include "framework/data/batches.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "tests/data/temporary_data.h"

using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace bitsweep;
using namespace bitsweep::test;

namespace {

ImageSet random_images(std::size_t count, ImageShape shape) {
  const RandomStream random(7, "test images");
  ImageSet images{shape, Bytes(count * shape.elements()), Bytes(count)};
  for (std::size_t i = 0; i < images.pixels.size(); ++i) {
    // Channels of different mean and spread.
    const auto channel = std::uint32_t(i) % std::uint32_t(shape.channels);
    images.pixels[i] =
        std::uint8_t(20 * channel + random.below_at(std::uint32_t(i), 60 + 60 * channel));
  }
  for (std::size_t i = 0; i < count; ++i) images.labels[i] = std::uint8_t(i % 10);
  return images;
}

// The definition, value by value in double.
double preprocessed(const PreprocessingSpec& spec, const ImageSet& images,
                    std::size_t index, std::size_t element) {
  const auto channels = std::size_t(images.shape.channels);
  const std::size_t elements = images.shape.elements();
  std::vector<double> channel, column;
  for (std::size_t i = 0; i < images.count(); ++i) {
    column.push_back(images.image(i)[element] * spec.scale);
    for (std::size_t e = element % channels; e < elements; e += channels) {
      channel.push_back(images.image(i)[e] * spec.scale);
    }
  }
  const auto mean_of = [](const std::vector<double>& x) {
    return std::accumulate(x.begin(), x.end(), 0.0) / double(x.size());
  };
  double mean = 0;
  if (spec.mean == "channel") mean = mean_of(channel);
  if (spec.mean == "pixel") mean = mean_of(column);
  double deviation = 1;
  if (spec.deviation == "channel") {
    const double centre = mean_of(channel);
    for (auto& value : channel) value = (value - centre) * (value - centre);
    deviation = std::sqrt(mean_of(channel));
  }
  return (images.image(index)[element] * spec.scale - mean) / deviation;
}

using Image = std::vector<float>;

Image loaded(const Batches& batches, std::size_t position, std::size_t elements) {
  Image image(elements);
  batches.load(position, image);
  return image;
}

PreprocessingSpec plain() { return {.scale = 1, .mean = "none", .deviation = "none"}; }

// The window that begins at (down, right) of `image` with `pad` zeros around it.
Image window(const Image& image, ImageShape shape, int down, int right, bool flip) {
  Image out(image.size());
  for (int y = 0; y < shape.height; ++y) {
    for (int x = 0; x < shape.width; ++x) {
      for (int c = 0; c < shape.channels; ++c) {
        const int from_y = y + down;
        const int from_x = (flip ? shape.width - 1 - x : x) + right;
        const bool inside =
            from_y >= 0 && from_y < shape.height && from_x >= 0 && from_x < shape.width;
        const auto to = std::size_t((y * shape.width + x) * shape.channels + c);
        const auto from =
            std::size_t((from_y * shape.width + from_x) * shape.channels + c);
        out[to] = inside ? image[from] : 0;
      }
    }
  }
  return out;
}

}  // namespace

TEST_CASE("preprocessing is its definition in double", "[data]") {
  const ImageSet images = random_images(50, {5, 4, 3});
  PreprocessingSpec spec;
  spec.scale = GENERATE(1.0, 1.0 / 255, 1.0 / 256);
  spec.mean = GENERATE("none", "channel", "pixel");
  spec.deviation = GENERATE("none", "channel");
  CAPTURE(spec.scale, spec.mean, spec.deviation);

  const Preprocessing preprocessing(spec, images);
  Image out(60);
  preprocessing.apply(images.image(11), out);
  for (std::size_t e = 0; e < out.size(); ++e) {
    const double expected = preprocessed(spec, images, 11, e);
    // Three roundings to float, of values up to 255 * scale / deviation.
    const double bound = 3e-7 * std::max(255 * preprocessing.factor()[e], 1.0f);
    CHECK_THAT(double(out[e]), WithinAbs(expected, bound));
  }
}

TEST_CASE("a channel that never changes is not divided", "[data]") {
  ImageSet images{{2, 2, 1}, Bytes(12, 77), Bytes(3, 0)};
  const Preprocessing preprocessing(PreprocessingSpec{}, images);
  Image out(4);
  preprocessing.apply(images.image(0), out);
  for (const float value : out) CHECK_THAT(value, WithinAbs(0, 1e-7));
  CHECK(preprocessing.factor()[0] == float(1.0 / 255));
}

TEST_CASE("an image is nonnegative where no mean is subtracted", "[data]") {
  const ImageSet images = random_images(20, {4, 4, 1});
  PreprocessingSpec spec;
  CHECK_FALSE(Preprocessing(spec, images).is_nonnegative());
  spec.mean = "none";
  CHECK(Preprocessing(spec, images).is_nonnegative());
  spec.deviation = "none";
  CHECK(Preprocessing(spec, images).is_nonnegative());
}

// The figures that everyone normalizes with: mean 0.2860, deviation 0.3530
// (Fashion-MNIST) and 0.1307, 0.3081 (MNIST).
TEST_CASE("statistics of known data are the published ones", "[data]") {
  const auto [id, mean, deviation] = GENERATE(table<std::string, double, double>(
      {{"fashion-mnist", 0.2860, 0.3530}, {"mnist", 0.1307, 0.3081}}));
  try {
    const Dataset dataset = load_dataset(whole(id), data_folders(""));
    const Preprocessing preprocessing(PreprocessingSpec{}, dataset.training);
    CHECK_THAT(1 / (255.0 * preprocessing.factor()[0]), WithinAbs(deviation, 5e-5));
    CHECK_THAT(-preprocessing.offset()[0] * deviation, WithinAbs(mean, 2e-4));
  } catch (const DataError& absent) {
    WARN("skipped: " << absent.what());
  }
}

TEST_CASE("evaluation serves images in file order, around and around", "[data]") {
  const ImageSet images = random_images(7, {3, 3, 1});
  const Preprocessing preprocessing(plain(), images);
  const Batches batches(images, preprocessing);
  CHECK(batches.count() == 7);
  for (std::size_t position = 0; position < 20; ++position) {
    const auto expected = images.image(position % 7);
    CHECK(loaded(batches, position, 9) == Image(expected.begin(), expected.end()));
    CHECK(batches.label(position) == images.labels[position % 7]);
  }
}

TEST_CASE("each epoch serves every image once, in an order of its own", "[data]") {
  ImageSet images = random_images(200, {2, 2, 1});
  for (std::size_t i = 0; i < 200; ++i) images.labels[i] = std::uint8_t(i);
  const Preprocessing preprocessing(plain(), images);
  Batches batches(images, preprocessing, {}, RandomStream(1, "batches"));
  const auto order = [&](std::int64_t epoch) {
    batches.begin_epoch(epoch);
    std::vector<int> labels;
    for (std::size_t i = 0; i < 200; ++i) labels.push_back(batches.label(i));
    return labels;
  };
  auto first = order(0);
  const auto second = order(1);
  CHECK(first != second);
  CHECK(order(0) == first);
  CHECK(std::is_permutation(first.begin(), first.end(), second.begin()));
  std::sort(first.begin(), first.end());
  for (int i = 0; i < 200; ++i) CHECK(first[std::size_t(i)] == i);
}

TEST_CASE("an image comes with its own label, shuffled or not", "[data]") {
  const ImageSet images = random_images(40, {4, 4, 3});
  const Preprocessing preprocessing(plain(), images);
  const Batches batches(images, preprocessing, {}, RandomStream(1, "batches"));
  for (std::size_t position = 0; position < 40; ++position) {
    const Image image = loaded(batches, position, 48);
    for (std::size_t i = 0; i < 40; ++i) {
      const auto stored = images.image(i);
      if (std::equal(stored.begin(), stored.end(), image.begin())) {
        CHECK(batches.label(position) == images.labels[i]);
      }
    }
  }
}

TEST_CASE("augmentation takes every window of the padded image and its mirror",
          "[data]") {
  const ImageShape shape = GENERATE(ImageShape{5, 4, 3}, ImageShape{3, 6, 1});
  const int pad = GENERATE(0, 2, 7);  // 7: windows that miss the image altogether
  const bool flip = GENERATE(false, true);
  CAPTURE(shape.height, pad, flip);
  const ImageSet images = random_images(1, shape);
  PreprocessingSpec spec = plain();
  spec.scale = 1.0 / 255;
  const Preprocessing preprocessing(spec, images);
  Image whole_image(shape.elements());
  preprocessing.apply(images.image(0), whole_image);

  std::set<Image> expected;
  for (int down = -pad; down <= pad; ++down) {
    for (int right = -pad; right <= pad; ++right) {
      expected.insert(window(whole_image, shape, down, right, false));
      if (flip) expected.insert(window(whole_image, shape, down, right, true));
    }
  }
  const Batches batches(images, preprocessing, {.pad = pad, .flip = flip},
                        RandomStream(1, "batches"));
  std::set<Image> seen;
  for (std::size_t i = 0; i < 6000; ++i) {
    seen.insert(loaded(batches, i, shape.elements()));
  }
  CHECK(seen == expected);
}

TEST_CASE("padding is zero after the mean is subtracted", "[data]") {
  const ImageSet images = random_images(2, {4, 4, 1});
  PreprocessingSpec spec;
  spec.mean = "pixel";
  const Preprocessing preprocessing(spec, images);
  const Batches batches(images, preprocessing, {.pad = 9, .flip = false},
                        RandomStream(1, "batches"));
  bool missed = false;
  for (std::size_t i = 0; i < 100; ++i)
    missed |= loaded(batches, i, 16) == Image(16, 0.0f);
  CHECK(missed);
}

TEST_CASE("a pixel's own mean moves with it", "[data]") {
  const ImageSet images = random_images(3, {4, 4, 1});
  PreprocessingSpec spec;
  spec.mean = "pixel";
  const Preprocessing preprocessing(spec, images);
  std::set<float> stored;
  for (std::size_t i = 0; i < 3; ++i) {
    Image image(16);
    preprocessing.apply(images.image(i), image);
    stored.insert(image.begin(), image.end());
  }
  stored.insert(0.0f);
  const Batches batches(images, preprocessing, {.pad = 1, .flip = true},
                        RandomStream(1, "batches"));
  for (std::size_t i = 0; i < 60; ++i) {
    for (const float value : loaded(batches, i, 16)) CHECK(stored.count(value) == 1);
  }
}

TEST_CASE("loading twice gives the same, another epoch or seed another", "[data]") {
  const ImageSet images = random_images(1, {8, 8, 1});
  const Preprocessing preprocessing(plain(), images);
  const AugmentationSpec augmentation{.pad = 4, .flip = true};
  Batches batches(images, preprocessing, augmentation, RandomStream(1, "batches"));
  Batches other(images, preprocessing, augmentation, RandomStream(2, "batches"));
  const auto epoch = [](Batches& from, std::int64_t number) {
    from.begin_epoch(number);
    std::vector<Image> served;
    for (std::size_t i = 0; i < 10; ++i) served.push_back(loaded(from, i, 64));
    return served;
  };
  const auto first = epoch(batches, 3);
  CHECK(epoch(batches, 4) != first);
  CHECK(epoch(other, 3) != first);
  CHECK(epoch(batches, 3) == first);
}

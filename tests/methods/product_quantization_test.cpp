#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "framework/quant/encoded.h"
#include "framework/quant/pruning.h"
#include "methods/product_quantization/vector_clusters.h"
#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::methods;
using namespace bitsweep::testing;

namespace {

std::unique_ptr<Quantizer> made(const RawParams& raw, const Site& site, const Values& w) {
  return calibrated("product_quantization", raw, site, w);
}

// As a network shows inputs: to those who want them.
void show(Quantizer& quantizer, const Values& inputs) {
  auto& sees = as<SeesInputs>(quantizer);
  if (sees.wants_inputs()) sees.see_inputs(inputs);
}

}  // namespace

TEST_CASE("product_quantization: k-means of pairs, worked by hand", "[pq]") {
  const Vectors points{
      2, {.1, .9, -.5, .4, .2, 1, -.4, .5, 0, .8, 1, -1, .15, 1.1, .9, -1.1}};
  const Vectors start{2, {.1, .9, -.5, .4, 1, -1}};
  const auto found = cluster_vectors(points, start, 100, RandomStream(1, "test"));
  const std::vector<double> expected = {.1125, .95, -.45, .45, .95, -1.05};
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(found.centroids.values[i] == Approx(expected[i]).margin(1e-12));
  }
  CHECK(found.cluster_of == std::vector<std::size_t>{0, 1, 0, 1, 0, 2, 0, 2});
  double error = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    error += square_distance(points[i], found.centroids[found.cluster_of[i]]);
  }
  CHECK(error == Approx(0.091875).margin(1e-12));
}

TEST_CASE("product_quantization: an empty cluster takes half of the fullest", "[pq]") {
  const Vectors points{1, {0, 1, 2, 3, 10}};
  const Vectors start{1, {1, 10, 1000}};
  const auto found = cluster_vectors(points, start, 100, RandomStream(1, "test"));
  std::vector<std::size_t> members(3);
  for (const std::size_t k : found.cluster_of) ++members[k];
  CHECK(members == std::vector<std::size_t>{2, 1, 2});
}

TEST_CASE("product_quantization: a code stands for a vector", "[pq]") {
  const Values w = normal_values(64 * 8, 3);
  const auto q = made(params({{"weight_bits", "3"}}), weight_site({64, 8}), w);
  const Encoded encoded = encode(*q, w);
  CHECK(encoded.codes.size() == 128);
  CHECK(encoded.values() == quantized(*q, w));
  const auto bits = encoded.nominal_bits();
  CHECK(bits.codes == 128 * 3);
  CHECK(bits.books == 8 * 4 * 32);
}

TEST_CASE("product_quantization: kernels stay whole", "[pq]") {
  const Values w = normal_values(16 * 9 * 5, 3);
  const auto q = made(params({{"weight_bits", "2"}}), weight_site({16, 3, 3, 5}), w);
  const Grid grid = q->grid();
  CHECK(grid.dimension() == 9);
  CHECK(grid.levels()->vectors.stride == 5);
  CHECK(encode(*q, w).values() == quantized(*q, w));
}

TEST_CASE("product_quantization: a book for each place in a filter", "[pq]") {
  const auto raw = params({{"weight_bits", "2"}, {"books", "place"}, {"members", "1"}});
  const Values w = normal_values(32 * 8, 3);
  const auto q = made(raw, weight_site({32, 8}), w);
  CHECK(q->grid().levels()->books == 2);
  CHECK(encode(*q, w).values() == quantized(*q, w));
  const Values kernels = normal_values(16 * 9 * 5, 3);
  const auto by_input = made(raw, weight_site({16, 3, 3, 5}), kernels);
  CHECK(by_input->grid().levels()->books == 5);
  CHECK(encode(*by_input, kernels).values() == quantized(*by_input, kernels));
}

TEST_CASE("product_quantization: inputs say which errors count", "[pq]") {
  // Two codewords for the corners of a square: it is parted where inputs are large.
  const auto raw = params({{"weight_bits", "1"}, {"dimension", "2"}, {"members", "1"}});
  const Values w = {0, 0, 0, 1, 1, 0, 1, 1};
  const auto codes = [&](const Values& inputs, const std::string& objective) {
    auto own = raw;
    own["objective"] = RawValue::scalar(objective);
    const auto q = quantizer_for("product_quantization", own, weight_site({4, 2}));
    show(*q, inputs);
    probe::calibrate(*q, w);
    return encoded(*q, w);
  };
  const auto by_first = codes({10, 0.1f, -10, 0.1f}, "outputs");
  CHECK(by_first[0] == by_first[1]);
  CHECK(by_first[2] == by_first[3]);
  CHECK(by_first[0] != by_first[2]);
  const auto by_second = codes({0.1f, 10, 0.1f, -10}, "outputs");
  CHECK(by_second[0] == by_second[2]);
  CHECK(by_second[1] == by_second[3]);
  CHECK(by_second[0] != by_second[1]);
  CHECK(codes({10, 0.1f}, "weights") == codes({0.1f, 10}, "weights"));
}

// Nothing of the implementation: costs are square errors of outputs, by the inputs.
TEST_CASE("product_quantization: codes have the least error of outputs", "[pq]") {
  const std::size_t dimension = 9, channels = 3, filters = 40, rows = 50;
  const auto site = weight_site({int(filters), 3, 3, int(channels)});
  const Values w = normal_values(filters * dimension * channels, 3);
  Values x = normal_values(rows * dimension * channels, 5);
  for (std::size_t i = 0; i + channels < x.size(); ++i) {
    x[i + channels] = 0.9f * x[i] + 0.3f * x[i + channels];  // neighbours are alike
  }
  const auto error_of = [&](std::span<const double> difference) {
    double sum = 0;
    for (std::size_t row = 0; row < rows * channels; ++row) {
      const std::size_t first = row / channels * dimension * channels + row % channels;
      double product = 0;
      for (std::size_t j = 0; j < dimension; ++j) {
        product += difference[j] * double(x[first + j * channels]);
      }
      sum += product * product;
    }
    return sum;
  };
  const auto total_of = [&](const char* objective, bool is_checked) {
    const auto raw =
        params({{"weight_bits", "3"}, {"iterations", "100"}, {"objective", objective}});
    const auto q = quantizer_for("product_quantization", raw, site);
    show(*q, x);
    probe::calibrate(*q, w);
    const auto codes = encoded(*q, w);
    const Grid grid = q->grid();
    const auto& levels = grid.levels()->levels;
    double total = 0;
    for (std::size_t v = 0; v < codes.size(); ++v) {
      const std::size_t first = grid.levels()->vectors.first_element(v);
      std::vector<double> costs;
      for (std::size_t k = 0; k < levels.size() / dimension; ++k) {
        std::vector<double> difference(dimension);
        for (std::size_t j = 0; j < dimension; ++j) {
          difference[j] =
              double(w[first + j * channels]) - double(levels[k * dimension + j]);
        }
        costs.push_back(error_of(difference));
      }
      const double own = costs[std::size_t(codes[v])];
      total += own;
      // Book and weights are rounded to float, 1e-7 of each.
      if (is_checked) CHECK(own <= *std::ranges::min_element(costs) * (1 + 1e-4));
    }
    return total;
  };
  CHECK(total_of("outputs", true) < 0.8 * total_of("weights", false));
}

TEST_CASE("product_quantization: codewords learn from the mean of their members",
          "[pq]") {
  const auto raw = params({{"weight_bits", "1"}, {"dimension", "2"}, {"members", "1"}});
  const Values w = {1, 1, 1.1f, 1, -1, -1};
  const auto q = made(raw, weight_site({1, 6}), w);
  const auto codes = encoded(*q, w);
  REQUIRE(codes[0] == codes[1]);
  const auto gradients = learned_gradients(*q, w, {1, 2, 3, 6, 5, 7});
  const std::size_t first = 2 * std::size_t(codes[0]), other = 2 - first;
  CHECK(gradients[first] == 2);
  CHECK(gradients[first + 1] == 4);
  CHECK(gradients[other] == 5);
  CHECK(gradients[other + 1] == 7);
}

TEST_CASE("product_quantization: single weights cannot be pruned", "[pq]") {
  const auto q = quantizer_for("product_quantization", {}, weight_site({4, 8}));
  CHECK_THROWS_AS(as<KnowsPruned>(*q).set_kept(Values(32, 1)), MethodError);
}

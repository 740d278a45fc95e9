#include <catch2/catch.hpp>

#include "framework/quant/encoded.h"
#include "framework/quant/pruning.h"
#include "methods/kmeans/clusters.h"
#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::methods;
using namespace bitsweep::testing;

namespace {

const std::vector<double> kSorted = {-0.9, -0.85, -0.4, -0.1, 0.05,
                                     0.12, 0.3,   0.33, 0.8,  1.5};
const Values kKmeansW(kSorted.begin(), kSorted.end());

void check_near(const Centroids& found, const Centroids& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CHECK(found[i] == Approx(expected[i]).margin(1e-8));
  }
}

double square_error(const Centroids& centroids) {
  double sum = 0;
  for (const double v : kSorted) {
    const double error = v - centroids[nearest_centroid(centroids, v)];
    sum += error * error;
  }
  return sum;
}

std::unique_ptr<Quantizer> clustered(const char* bits, const char* init,
                                     const Values& w) {
  return calibrated(
      "kmeans", params({{"weight_bits", bits}, {"init", init}, {"grad_reduce", "sum"}}),
      weight_site({1, int(w.size())}), w);
}

Values book_of(Quantizer& quantizer) {
  const auto values = quantizer.trainable().front()->value.span();
  return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("kmeans: the linear start, worked by hand", "[kmeans]") {
  const auto begin = linear_start(kSorted, 4);
  check_near(begin, {-0.9, -0.1, 0.7, 1.5});
  const auto centroids = lloyd(kSorted, begin);
  check_near(centroids, {-0.875, -0.0825, 0.476666666667, 1.5});
  CHECK(square_error(centroids) == Approx(0.31819167).margin(1e-8));
}

TEST_CASE("kmeans: the density start, worked by hand", "[kmeans]") {
  const auto begin = density_start(kSorted, 4);
  check_near(begin, {-0.8625, -0.0625, 0.255, 0.975});
  const auto centroids = lloyd(kSorted, begin);
  check_near(centroids, {-0.875, -0.15, 0.25, 1.15});
  CHECK(square_error(centroids) == Approx(0.37705).margin(1e-8));
}

TEST_CASE("kmeans: Forgy's start, worked by hand", "[kmeans]") {
  const auto scattered = lloyd(kSorted, {-0.9, -0.1, 0.3, 1.5});
  check_near(scattered, {-0.875, -0.15, 0.3875, 1.5});
  CHECK(square_error(scattered) == Approx(0.358925).margin(1e-8));
  const auto first = lloyd(kSorted, {-0.9, -0.85, -0.4, -0.1});
  check_near(first, {-0.875, -0.4, 0.14, 1.15});
  CHECK(square_error(first) == Approx(0.37405).margin(1e-8));

  const auto drawn = forgy_start(kSorted, 4, RandomStream(1, "test"));
  CHECK(std::is_sorted(drawn.begin(), drawn.end()));
  for (const double c : drawn) {
    CHECK(std::find(kSorted.begin(), kSorted.end(), c) != kSorted.end());
  }
  CHECK(forgy_start(kSorted, 4, RandomStream(2, "test")) != drawn);
}

TEST_CASE("kmeans: a centroid without weights stays", "[kmeans]") {
  check_near(lloyd(std::vector<double>{0, 1}, {0, 5, 10}), {0.5, 5, 10});
}

TEST_CASE("kmeans: centroids are tuned by summed gradients, worked by hand", "[kmeans]") {
  const auto q = clustered("2", "linear", kKmeansW);
  CHECK(encoded(*q, kKmeansW) == Codes{0, 0, 1, 1, 1, 1, 2, 2, 2, 3});
  const Values g = {0.10f, -0.04f, 0.02f, 0.03f, -0.01f,
                    0.06f, -0.02f, 0.05f, 0.01f, -0.20f};
  const Values sums = learned_gradients(*q, kKmeansW, g);
  CHECK(near(sums, {0.06, 0.10, 0.04, -0.20}, 1e-7));
  auto& book = *q->trainable().front();
  for (std::size_t k = 0; k < 4; ++k) book.value[k] -= 0.1f * book.gradient[k];
  CHECK(near(book_of(*q), {-0.881, -0.0925, 0.47266667, 1.52}, 1e-6));
  // The assignments stay, and the latent weights follow.
  Values latent = kKmeansW;
  as<ChangesLatent>(*q).after_step(latent);
  CHECK(latent == quantized(*q, kKmeansW));
  CHECK(encoded(*q, kKmeansW) == Codes{0, 0, 1, 1, 1, 1, 2, 2, 2, 3});
}

TEST_CASE("kmeans: the paper's figure 3", "[kmeans]") {
  const Values w = {2.09f,  -0.98f, 1.48f, 0.09f,  0.05f, -0.14f, -1.08f, 2.12f,
                    -0.91f, 1.92f,  0,     -1.03f, 1.87f, 0,      1.53f,  1.49f};
  const auto q = clustered("2", "linear", w);
  CHECK(encoded(*q, w) == Codes{3, 0, 2, 1, 1, 1, 0, 3, 0, 3, 1, 0, 3, 1, 2, 2});
  CHECK(near(book_of(*q), {-1, 0, 1.5, 2}, 1e-6));
  const Values g = {-.03f, -.01f, .03f, .02f, -.01f, .01f,  -.02f, .12f,
                    -.01f, .02f,  .04f, .01f, -.07f, -.02f, .01f,  -.02f};
  const Values sums = learned_gradients(*q, w, g);
  CHECK(near(sums, {-0.03, 0.04, 0.02, 0.04}, 1e-7));
  const auto bits = encode(*q, w).nominal_bits();
  CHECK(16 * 32 / double(bits.codes + bits.books) == Approx(3.2));
}

TEST_CASE("kmeans: pruned weights are no part of a cluster and stay 0", "[kmeans]") {
  Values w = {1, 0, 2, 0, -3, 0, -3.5f, 0.1f};
  const Values kept = {1, 0, 1, 0, 1, 0, 1, 1};
  const auto q =
      quantizer_for("kmeans", params({{"weight_bits", "2"}}), weight_site({1, 8}));
  as<KnowsPruned>(*q).set_kept(kept);
  calibrate(*q, w);
  const auto y = quantized(*q, w);
  for (std::size_t i = 0; i < w.size(); ++i) CHECK((kept[i] != 0 || y[i] == 0));
  CHECK(y[4] == -3.25f);
  CHECK(q->grid().level_count() == 4);  // three centroids and 0
  CHECK(encode(*q, w).values() == y);
  // Gradients of pruned weights are nobody's.
  const auto sums = learned_gradients(*q, w, {0, 5, 0, 5, 0, 5, 0, 0});
  CHECK(sums == Values(4, 0));
}

TEST_CASE("kmeans: no more levels than different weights", "[kmeans]") {
  const auto q = clustered("8", "forgy", {1, 2, 1, 2, 1, 2});
  CHECK(q->grid().level_count() == 2);
  CHECK(quantized(*q, {1, 2, 1, 2, 1, 2}) == Values{1, 2, 1, 2, 1, 2});
}

TEST_CASE("kmeans: clustering may wait for a share of the training", "[kmeans]") {
  const auto stages =
      builtin_methods().at("kmeans").make(params({{"float_share", "0.25"}}))->stages();
  REQUIRE(stages.size() == 3);
  CHECK(stages[0].share == 0.25);
  CHECK(stages[1].kind == Stage::Kind::kCalibrate);
  CHECK(stages[2].share == 0.75);
}

TEST_CASE("deep_compression: the same clusters, widths by kind of layer", "[kmeans]") {
  Site convolution = weight_site({1, 9 * 64}), linear = convolution;
  linear.is_convolution = false;
  const Values w = normal_values(9 * 64, 5);
  const auto levels = [&](const Site& site) {
    return calibrated("deep_compression", {}, site, w)->grid().level_count();
  };
  CHECK(levels(convolution) == 256);
  CHECK(levels(linear) == 32);
  const Values shared =
      quantized(*calibrated("kmeans", params({{"weight_bits", "5"}}), linear, w), w);
  CHECK(quantized(*calibrated("deep_compression", {}, linear, w), w) == shared);
}

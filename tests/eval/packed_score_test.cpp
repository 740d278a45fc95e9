#include "framework/eval/packed_score.h"

#include <catch2/catch.hpp>

using namespace bitsweep;

namespace {

// Logits are the image's two pixels, the second one doubled.
PackedModel two_pixels() {
  PackedModel model{.title = "two pixels", .dataset = "none"};
  model.graph = {.image = {1, 1, 2}, .classes = 2};
  model.graph.nodes = {{.operation = Operation::kLinear,
                        .name = "fc",
                        .inputs = {0},
                        .output = {1, 1, 2}}};
  model.tensors = {{.name = "fc/weight", .shape = {2, 2}, .values = {1, 0, 0, 2}}};
  return model;
}

// Their classes are 0, 1, 0 (equal logits: the first), 1, 0.
ImageSet five_images() {
  return {.shape = {1, 1, 2},
          .pixels = {9, 1, 1, 9, 4, 2, 1, 3, 200, 0},
          .labels = {0, 1, 1, 1, 1}};
}

PackedScore score(int batch, std::size_t limit = 0) {
  const PackedModel model = two_pixels();
  const ImageSet images = five_images();
  const Preprocessing preprocessing = preprocessing_of(model);
  Executor executor(model, {.batch = batch});
  return score_packed(executor, Batches(images, preprocessing), limit);
}

ProductEntry product(std::int64_t count, int weight_bits, int input_bits) {
  return {"layer", "kernel", count, weight_bits, input_bits};
}

}  // namespace

TEST_CASE("a packed model is scored image by image", "[packed_score]") {
  const int batch = GENERATE(1, 2, 5, 8);  // the last batch may be part of one
  const PackedScore found = score(batch);
  CHECK(found.images == 5);
  CHECK(found.predictions == std::vector<std::int32_t>{0, 1, 0, 1, 0});
  CHECK(found.correct == 3);
  CHECK(found.accuracy() == 0.6);
  CHECK(found.logits == std::vector<float>{9, 2, 1, 18, 4, 4, 1, 6, 200, 0});
  CHECK(found.images_per_second() > 0);
}

TEST_CASE("a limit takes the first images", "[packed_score]") {
  const PackedScore found = score(2, 3);
  CHECK(found.images == 3);
  CHECK(found.correct == 2);
  CHECK(found.logits.size() == 6);
  CHECK(score(2, 100).images == 5);
}

TEST_CASE("scores agree where predictions do", "[packed_score]") {
  const PackedScore a = score(5);
  PackedScore b = a;
  CHECK(agreement_of(a, b).same_predictions == 5);
  CHECK(agreement_of(a, b).largest_logit_difference == 0);
  b.predictions = {0, 1, 1, 1, 1};
  b.logits[3] = 15.5f;  // 18
  b.logits[8] = 200.5f;
  const Agreement found = agreement_of(a, b);
  CHECK(found.images == 5);
  CHECK(found.same_predictions == 3);
  CHECK(found.largest_logit_difference == 2.5);
}

TEST_CASE("bit operations are products of both widths", "[packed_score]") {
  // 3 x 3 over 256 channels into 256, on 4 x 4 pixels: 9437184 multiply-accumulates.
  const std::int64_t count = 3 * 3 * 256 * 256 * 4 * 4;
  CHECK(bit_operations(product(count, 1, 1)) == 9437184);
  CHECK(bit_operations(product(count, 4, 8)) == 301989888);
  CHECK(bit_operations(product(count, 32, 32)) == 9663676416);
}

// Picojoules: float product 3.7 and sum 0.9, byte product 0.2, integer sum 0.1.
TEST_CASE("energy is that of products and sums", "[packed_score]") {
  CHECK(picojoules(product(1000, 32, 32)) == Approx(4600));
  CHECK(picojoules(product(1000, 8, 8)) == Approx(300));
  CHECK(picojoules(product(1000, 4, 4)) == Approx(150));  // a quarter of a byte product
  CHECK(picojoules(product(1000, 1, 1)) == Approx(103.125));
  CHECK(picojoules(product(1000, 2, 32)) == Approx(900));   // signs: sums alone
  CHECK(picojoules(product(1000, 4, 32)) == Approx(4600));  // levels are looked up
  CHECK(picojoules(product(1000, 32, 8)) == Approx(4600));
}

TEST_CASE("product entries say what the plan says", "[packed_score]") {
  const auto entries = product_entries(Executor(two_pixels(), {.batch = 1}));
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].layer == "fc");
  CHECK(entries[0].kernel == "float");
  CHECK(entries[0].multiply_accumulates == 4);
  CHECK(entries[0].weight_bits == 32);
  CHECK(entries[0].input_bits == 32);
}

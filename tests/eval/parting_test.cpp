#include "framework/eval/parting.h"

#include <catch2/catch.hpp>

using namespace bitsweep;

namespace {

Grid tenths() { return Grid(UniformGrid{.low = 0, .high = 15, .scale = {0.1f}}); }

// One pixel p: quantized in tenths, times 11, quantized by a threshold, then two logits,
// y and 0.5 - y. Of 3 tenths executed: float(33) * 0.1f = 3.3; simulated: 0.3 rounded,
// times 11, is 3.3000002. The threshold is the latter.
PackedModel one_pixel(float threshold) {
  PackedModel model{.title = "one pixel", .dataset = "none"};
  const auto node = [](Operation operation, const char* name, int input, int channels) {
    return GraphNode{.operation = operation,
                     .name = name,
                     .inputs = {input},
                     .output = {1, 1, channels}};
  };
  model.graph = {.image = {1, 1, 1}, .classes = 2};
  model.graph.nodes = {node(Operation::kQuantize, "fc1/input", 0, 1),
                       node(Operation::kLinear, "fc1", 1, 1),
                       node(Operation::kQuantize, "fc2/input", 2, 1),
                       node(Operation::kLinear, "fc2", 3, 2)};
  model.quantizers = {{tenths(), {}},
                      {Grid(UniformGrid{.low = 0, .high = 1}),
                       {.kind = CodeRule::Kind::kThresholds, .thresholds = {threshold}}}};
  const Grid whole(UniformGrid{.low = -128, .high = 127});
  model.tensors = {{.name = "fc1/weight",
                    .shape = {1, 1},
                    .encoded = Encoded{.codes = {11}, .grid = whole}},
                   {.name = "fc2/weight", .shape = {2, 1}, .values = {1, -1}},
                   {.name = "fc2/bias", .shape = {2}, .values = {0, 0.5f}}};
  model.preprocessing = {.factor = {0.1f}, .offset = {0}};
  return model;
}

struct Scored {
  explicit Scored(float threshold)
      : model(one_pixel(threshold)),
        images{.shape = {1, 1, 1}, .pixels = {0, 3, 9}, .labels = {0, 1, 0}},
        preprocessing(preprocessing_of(model)),
        batches(images, preprocessing),
        executed(score({.batch = 2})),
        simulated(score({.batch = 2, .integer = false})) {}

  PackedScore score(const ExecutorOptions& options) {
    Executor executor(model, options);
    return score_packed(executor, batches);
  }

  PackedModel model;
  ImageSet images;
  Preprocessing preprocessing;
  Batches batches;
  PackedScore executed, simulated;
};

}  // namespace

TEST_CASE("a prediction that differs is traced to the first code", "[parting]") {
  const Scored scored(3.3000002f);
  CHECK(scored.executed.predictions == std::vector<std::int32_t>{1, 1, 0});
  CHECK(scored.simulated.predictions == std::vector<std::int32_t>{1, 0, 0});
  const auto partings = find_partings(scored.model, {.batch = 2}, scored.batches,
                                      scored.executed, scored.simulated);
  REQUIRE(partings.size() == 1);
  const Parting& found = partings[0];
  CHECK(found.image == 1);
  CHECK(found.executed == 1);
  CHECK(found.simulated == 0);
  CHECK(found.site == "fc2/input");
  CHECK(found.codes == 1);
  CHECK(found.of_codes == 1);
  CHECK(found.codes_apart == 1);
  CHECK(float(found.executed_value) == 3.3f);
  CHECK(float(found.simulated_value) == 3.3000002f);
  CHECK(float(found.boundary) == 3.3000002f);
  // A unit in the last place of 3.3, and the step is 1.
  CHECK(found.steps_to_boundary == Approx(0x1p-22));
  CHECK(parting_text(found) ==
        "image 1: 1 executed, 0 simulated; from fc2/input on, where 1 of 1 codes differ "
        "by 1: 3.29999995 executed, 3.30000019 simulated, 2.4e-07 steps from the "
        "boundary 3.30000019");
  CHECK(parting_summary(partings) ==
        std::vector<std::string>{"fc2/input: 1 image; values at most 2.4e-07 steps from "
                                 "the boundary of two codes"});
}

TEST_CASE("equal predictions part nowhere", "[parting]") {
  const Scored scored(3.0f);
  CHECK(agreement_of(scored.executed, scored.simulated).same_predictions == 3);
  CHECK(find_partings(scored.model, {.batch = 2}, scored.batches, scored.executed,
                      scored.simulated)
            .empty());
}

TEST_CASE("ranges found at run time are traced, too", "[parting]") {
  for (const auto kind : {CodeRule::Kind::kOfImage, CodeRule::Kind::kOfBatch}) {
    Scored scored(2);
    const AffineCodes affine{.low = 0, .high = 255, .symmetric = false};
    scored.model.quantizers[0] = {Grid(UniformGrid{.low = 0, .high = 255}),
                                  {.kind = kind, .affine = affine}};
    scored.executed = scored.score({.batch = 2});
    scored.simulated = scored.executed;
    scored.simulated.predictions[1] ^= 1;  // as if it had been rounded otherwise
    const auto partings = find_partings(scored.model, {.batch = 2}, scored.batches,
                                        scored.executed, scored.simulated);
    REQUIRE(partings.size() == 1);
    CHECK(partings[0].image == 1);
    CHECK(partings[0].site == "");  // the codes are the same
  }
}

// A packed model behind its checksum. One that is read is written, read again, and
// executed on four images, in both engines, on integers and in float.
#include "framework/pack/executor.h"
#include "framework/pack/model_file.h"
#include "tests/fuzz/input_file.h"

using namespace bitsweep;

namespace {

// Larger ones are slow to execute, not wrong.
bool is_small(const PackedModel& model, const Executor& executor) {
  double work = double(model.graph.image.elements());
  for (const ProductPlan& product : executor.products()) {
    work += double(product.multiply_accumulates);
  }
  return work < 1e6;
}

void execute(const PackedModel& model, EngineKind engine, bool integer) {
  constexpr int kImages = 4;
  Executor executor(
      model,
      {.engine = engine, .batch = kImages, .integer = integer, .most_memory = 64e6});
  if (!is_small(model, executor)) return;
  for (int i = 0; i < kImages; ++i) {
    float value = -1;
    for (float& x : executor.image(i)) x = value = value > 3 ? -3.0f : value + 0.37f;
  }
  executor.run(kImages);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  return fuzz::refusing([&] {
    if (size == 0) return;
    // The first byte says in which version the rest is.
    const PackedModel model =
        parse_model_payload({bytes + 1, size - 1}, 1 + bytes[0] % kModelFileVersion);
    const auto written = model_bytes(model);
    ensure(model_bytes(parse_model(written)) == written, "a model comes back");
    for (const bool integer : {true, false}) {
      execute(model, EngineKind::kReference, integer);
      execute(model, EngineKind::kOneDnn, integer);
    }
  });
}

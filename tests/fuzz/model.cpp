// A model file.
#include "framework/config/model_file.h"
#include "tests/fuzz/input_file.h"

using namespace bitsweep;

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  fuzz::write_file("model.yaml", fuzz::text_of(bytes, size));
  return fuzz::refusing(
      [] { load_model("model.yaml", {}, fuzz::folder() / "study.yaml"); });
}

// An NPZ file of a user's own images.
#include "framework/data/dataset.h"
#include "tests/fuzz/input_file.h"

using namespace bitsweep;

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  DatasetSpec spec{.id = "mine", .test_share = 0.5};
  spec.validation = 0;
  spec.npz = fuzz::write_file("mine.npz", fuzz::text_of(bytes, size)).string();
  return fuzz::refusing([&] { load_dataset(spec, {}); });
}

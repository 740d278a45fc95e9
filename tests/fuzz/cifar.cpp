// CIFAR-100's training file, plain or gzipped.
#include "framework/data/dataset.h"
#include "tests/fuzz/input_file.h"

using namespace bitsweep;

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  fuzz::write_file("cifar100/test.bin", "");
  fuzz::write_file("cifar100/train.bin", fuzz::text_of(bytes, size));
  const DatasetSpec spec{.id = "cifar100"};
  return fuzz::refusing([&] { load_dataset(spec, {fuzz::folder()}); });
}

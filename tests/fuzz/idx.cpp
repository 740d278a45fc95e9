// One of MNIST's files, plain or gzipped; the first byte says which.
#include "framework/data/dataset.h"
#include "tests/fuzz/input_file.h"

using namespace bitsweep;

namespace {

std::string idx(unsigned char kind, const std::string& extents, std::size_t values) {
  return std::string({0, 0, 8, char(kind)}) + extents + std::string(values, '\0');
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const std::string two({0, 0, 0, 2}), side({0, 0, 0, 28});
  for (const std::string stem : {"train", "t10k"}) {
    fuzz::write_file("mnist/" + stem + "-images-idx3-ubyte",
                     idx(3, two + side + side, 2 * 28 * 28));
    fuzz::write_file("mnist/" + stem + "-labels-idx1-ubyte", idx(1, two, 2));
  }
  const char* names[] = {"train-labels-idx1-ubyte", "train-images-idx3-ubyte"};
  fuzz::write_file(std::string("mnist/") + names[bytes[0] % 2],
                   fuzz::text_of(bytes + 1, size - 1));
  DatasetSpec spec{.id = "mnist"};
  spec.validation = 0;
  return fuzz::refusing([&] { load_dataset(spec, {fuzz::folder()}); });
}

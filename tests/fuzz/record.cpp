// A run's record, HDF5.
#include "framework/results/record.h"

#include "tests/fuzz/input_file.h"

using namespace bitsweep;

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto file = fuzz::write_file("record.h5", fuzz::text_of(bytes, size));
  fuzz::refusing([&] { read_record_summary(file); });
  return fuzz::refusing([&] { read_record(file); });
}

// The manifest of a folder of results.
#include "framework/report/manifest.h"

#include "tests/fuzz/input_file.h"

using namespace bitsweep;

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  fuzz::write_file("study.txt", fuzz::text_of(bytes, size));
  return fuzz::refusing([] { read_manifest(fuzz::folder()); });
}

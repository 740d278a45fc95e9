// A whole-number expression of a model file.
#include "framework/config/expression.h"

#include "tests/fuzz/input_file.h"

using namespace bitsweep;

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string text = "${" + std::string(fuzz::text_of(bytes, size)) + "}";
  return fuzz::refusing([&] { expanded(text, {{"depth", 20}, {"n", -3}}); });
}

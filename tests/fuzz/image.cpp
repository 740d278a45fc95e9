// An image of a user's own: the first byte says of which kind.
#include "framework/data/image_file.h"
#include "tests/fuzz/input_file.h"

using namespace bitsweep;

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const char* names[] = {"image.png", "image.jpg", "image.ppm"};
  const auto file =
      fuzz::write_file(names[bytes[0] % 3], fuzz::text_of(bytes + 1, size - 1));
  return fuzz::refusing([&] { read_image(file); });
}

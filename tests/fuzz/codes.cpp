// The codes of a tensor. The first eight bytes say which coding, how many codes of which
// alphabet, and what they lie around; the rest is theirs. What is read is also written
// and read again.
#include "framework/pack/code_stream.h"
#include "tests/fuzz/input_file.h"

using namespace bitsweep;

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  constexpr std::size_t kHead = 8;
  if (size < kHead) return 0;
  const auto wide = [bytes](int at) {
    return std::uint32_t(bytes[at]) | std::uint32_t(bytes[at + 1]) << 8;
  };
  const Coding coding = kCodings[bytes[0] % kCodings.size()];
  CodeLayout layout{.alphabet = wide(1) + 1,
                    .shape = {std::size_t(bytes[3]) % 8, std::size_t(wide(4)) % 4096}};
  if (coding != Coding::fixed) layout.zero = wide(6) % layout.alphabet;
  return fuzz::refusing([&] {
    const auto codes = decode(coding, {bytes + kHead, size - kHead}, layout);
    ensure(codes.size() == layout.count(), "as many codes as were asked for");
    const CodeStream again = encode_as(coding, codes, layout);
    ensure(decode(coding, again.bytes, layout) == codes, "codes come back");
  });
}

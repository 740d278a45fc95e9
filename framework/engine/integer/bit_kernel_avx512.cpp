// With the popcount of AVX-512 (VPOPCNTDQ), compiled with flags of its own and called
// only where the CPU has it.

#include <immintrin.h>

#include "framework/engine/integer/bit_kernel_body.h"

namespace bitsweep {
namespace {

struct Avx512 {
  using Bits = __m512i;
  using Counts = __m512i;  // 32 bits each
  static constexpr int kVectors = 1, kWordsBetween = 1 << 26, kPixels = 4, kBlocks = 4;

  static Counts zero() { return _mm512_setzero_si512(); }
  static Bits broadcast(std::uint32_t bits) { return _mm512_set1_epi32(int(bits)); }
  static Bits load(const std::uint32_t* words) { return _mm512_load_si512(words); }
  static Bits exclusive_or(Bits x, Bits w) { return _mm512_xor_si512(x, w); }
  static Bits masked_exclusive_or(Bits x, Bits w, Bits mask) {
    return _mm512_ternarylogic_epi32(x, w, mask, (0xf0 ^ 0xcc) & 0xaa);
  }
  static Counts add(Counts counts, Bits bits) {
    return _mm512_add_epi32(counts, _mm512_popcnt_epi32(bits));
  }
  static void store(Counts counts, bool adds, std::int32_t* sums) {
    if (adds) counts = _mm512_add_epi32(counts, _mm512_loadu_si512(sums));
    _mm512_storeu_si512(sums, counts);
  }
};

}  // namespace

void bit_products_avx512(BitOperation operation, const BitProducts& p) {
  run_bit_kernel<Avx512>(operation, p);
}

}  // namespace bitsweep

// With AVX2 where the baseline has it, else word by word.

#include "framework/engine/integer/bit_kernel_body.h"

#ifdef __AVX2__
#include <immintrin.h>
#else
#include <bit>
#endif

namespace bitsweep {
namespace {

#ifdef __AVX2__
// A byte's bits are counted by two look-ups of half a byte (Mula); the counts stay bytes
// for as long as they fit.
struct Baseline {
  using Bits = __m256i;
  using Counts = __m256i;  // 8 bits each
  static constexpr int kVectors = 2, kWordsBetween = 255 / 8, kPixels = 4, kBlocks = 1;

  static Counts zero() { return _mm256_setzero_si256(); }
  static Bits broadcast(std::uint32_t bits) { return _mm256_set1_epi32(int(bits)); }
  static Bits load(const std::uint32_t* words) {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(words));
  }
  static Bits exclusive_or(Bits x, Bits w) { return _mm256_xor_si256(x, w); }
  static Bits masked_exclusive_or(Bits x, Bits w, Bits mask) {
    return _mm256_and_si256(mask, _mm256_xor_si256(x, w));
  }
  static __m256i byte_counts(Bits bits) {
    const __m256i table =
        _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                         0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i half = _mm256_set1_epi8(15);
    const __m256i low = _mm256_and_si256(bits, half);
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(bits, 4), half);
    return _mm256_add_epi8(_mm256_shuffle_epi8(table, low),
                           _mm256_shuffle_epi8(table, high));
  }
  static Counts add(Counts counts, Bits bits) {
    return _mm256_add_epi8(counts, byte_counts(bits));
  }
  static void store(Counts counts, bool adds, std::int32_t* sums) {
    const __m256i pairs = _mm256_maddubs_epi16(counts, _mm256_set1_epi8(1));
    __m256i words = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    auto* to = reinterpret_cast<__m256i*>(sums);
    if (adds) words = _mm256_add_epi32(words, _mm256_loadu_si256(to));
    _mm256_storeu_si256(to, words);
  }
};
#else
struct Baseline {
  using Bits = std::uint32_t;
  using Counts = std::int32_t;
  static constexpr int kVectors = 16, kWordsBetween = 1 << 26, kPixels = 4, kBlocks = 1;

  static Counts zero() { return 0; }
  static Bits broadcast(std::uint32_t bits) { return bits; }
  static Bits load(const std::uint32_t* words) { return *words; }
  static Bits exclusive_or(Bits x, Bits w) { return x ^ w; }
  static Bits masked_exclusive_or(Bits x, Bits w, Bits mask) { return mask & (x ^ w); }
  static Counts add(Counts counts, Bits bits) { return counts + std::popcount(bits); }
  static void store(Counts counts, bool adds, std::int32_t* sums) {
    *sums = (adds ? *sums : 0) + counts;
  }
};
#endif

}  // namespace

void bit_products_baseline(BitOperation operation, const BitProducts& p) {
  run_bit_kernel<Baseline>(operation, p);
}

}  // namespace bitsweep

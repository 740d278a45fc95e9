#include "framework/engine/integer/bits.h"

#include <algorithm>

#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace bitsweep::kernels {
namespace {

constexpr std::size_t kWord = 64;

#ifdef __AVX2__
std::uint64_t join(int low, int high) {
  return std::uint64_t(std::uint32_t(low)) | std::uint64_t(std::uint32_t(high)) << 32;
}

__m256i load(const void* bytes) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(bytes));
}

// Of the lowest bits only, as many as the mask has.
std::uint64_t negative_bits(const float* x, std::uint64_t mask) {
  std::uint64_t bits = 0;
  for (int i = 0; i < 8 && (mask >> (8 * i)) != 0; ++i) {
    const __m256 negative =
        _mm256_cmp_ps(_mm256_loadu_ps(x + 8 * i), _mm256_setzero_ps(), _CMP_LT_OQ);
    bits |= std::uint64_t(std::uint32_t(_mm256_movemask_ps(negative))) << (8 * i);
  }
  return bits;
}

std::uint64_t bits_below(const std::int8_t* x, std::int8_t zero_point) {
  const __m256i zero = _mm256_set1_epi8(zero_point);
  return join(_mm256_movemask_epi8(_mm256_cmpgt_epi8(zero, load(x))),
              _mm256_movemask_epi8(_mm256_cmpgt_epi8(zero, load(x + 32))));
}

std::uint64_t plane_bits(const std::uint8_t* x, int plane) {
  const __m128i to_sign = _mm_cvtsi32_si128(7 - plane);
  return join(_mm256_movemask_epi8(_mm256_sll_epi16(load(x), to_sign)),
              _mm256_movemask_epi8(_mm256_sll_epi16(load(x + 32), to_sign)));
}
#else
template <class T, class Test>
std::uint64_t bits_where(const T* x, Test test) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < kWord; ++i) bits |= std::uint64_t(test(x[i])) << i;
  return bits;
}

std::uint64_t negative_bits(const float* x, std::uint64_t /*mask*/) {
  return bits_where(x, [](float value) { return value < 0; });
}

std::uint64_t bits_below(const std::int8_t* x, std::int8_t zero_point) {
  return bits_where(x, [=](std::int8_t code) { return code < zero_point; });
}

std::uint64_t plane_bits(const std::uint8_t* x, int plane) {
  return bits_where(x, [=](std::uint8_t code) { return (code >> plane) & 1; });
}
#endif

// Calls pack(64 values, number of the word, its bits that are channels) for the words of
// each pixel. Behind the channels stand the next pixel's, and at the end of x zeros.
template <class T, class Pack>
void for_each_word(std::span<const T> x, int channels, Pack pack) {
  const std::size_t depth = std::size_t(channels);
  const T* const end = x.data() + x.size();
  std::size_t word = 0;
  for (const T* pixel = x.data(); pixel != end; pixel += depth) {
    for (std::size_t c = 0; c < depth; c += kWord, ++word) {
      const std::size_t rest = std::min(depth - c, kWord);
      const std::uint64_t mask = ~std::uint64_t{0} >> (kWord - rest);
      if (std::size_t(end - pixel) >= c + kWord) {
        pack(pixel + c, word, mask);
      } else {
        T last[kWord] = {};
        std::copy(pixel + c, pixel + c + rest, last);
        pack(static_cast<const T*>(last), word, mask);
      }
    }
  }
}

}  // namespace

void pack_signs(std::span<const float> x, int channels, std::span<std::uint64_t> bits) {
  for_each_word(x, channels,
                [bits](const float* values, std::size_t word, std::uint64_t mask) {
                  bits[word] = negative_bits(values, mask) & mask;
                });
}

void pack_signs(std::span<const std::int8_t> x, int zero_point, int channels,
                std::span<std::uint64_t> bits) {
  const auto zero = std::int8_t(zero_point);
  for_each_word(x, channels,
                [=](const std::int8_t* codes, std::size_t word, std::uint64_t mask) {
                  bits[word] = bits_below(codes, zero) & mask;
                });
}

void pack_planes(std::span<const std::uint8_t> x, int planes, int channels,
                 std::span<std::uint64_t> bits) {
  const std::size_t words = bit_words(channels), count = std::size_t(planes);
  for_each_word(x, channels,
                [=](const std::uint8_t* codes, std::size_t word, std::uint64_t mask) {
                  const std::size_t pixel = word / words;
                  for (std::size_t plane = 0; plane < count; ++plane) {
                    bits[(pixel * count + plane) * words + word % words] =
                        plane_bits(codes, int(plane)) & mask;
                  }
                });
}

}  // namespace bitsweep::kernels

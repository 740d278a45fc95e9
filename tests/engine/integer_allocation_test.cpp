// Convolutions on integers and bits allocate nothing once they are made, and slices on
// several threads do not meet.

#include <vector>

#include <catch2/catch.hpp>

#include "framework/core/parallel.h"
#include "framework/engine/integer/bit_convolution.h"
#include "framework/engine/integer/convolution.h"
#include "tests/counted_allocations.h"
#include "tests/engine/integer_cases.h"

namespace bitsweep {
namespace {

using testing::allocations_of;

const ConvolutionGeometry kGeometry = geometry_of({20, 33, 9, 8, 3, 1, 1, 1});
constexpr int kSlots = 4;

class Threads {
 public:
  explicit Threads(int count) : before_(threads()) { set_threads(count); }
  ~Threads() { set_threads(before_); }

 private:
  int before_;
};

// Each slot convolves codes of its own, many times and at once; all must be as when
// alone.
template <class Forward>
void check_slots(std::size_t elements, Forward forward) {
  const Threads four(kSlots);
  std::vector<std::vector<std::int32_t>> alone, together;
  for (int slot = 0; slot < kSlots; ++slot) {
    alone.emplace_back(elements);
    forward(slot, alone.back().data());
  }
  together = alone;
  for (auto& y : together) std::fill(y.begin(), y.end(), -1);
  parallel_blocks(kSlots, [&](int slot) {
    for (int i = 0; i < 20; ++i) forward(slot, together[std::size_t(slot)].data());
  });
  CHECK(together == alone);
}

}  // namespace

TEST_CASE("integer convolutions allocate nothing and keep slots apart", "[integer]") {
  struct Kind {
    InputCodes input;
    std::int8_t zero_point;  // of the weights: one that is not 0 takes 16-bit products
  };
  const auto kind = GENERATE(Kind{{false, 0}, 0}, Kind{{false, 5}, 0}, Kind{{true, 5}, 0},
                             Kind{{true, 5}, 1});
  const auto convolution =
      make_integer_convolution(EngineKind::kOneDnn, kGeometry, kind.input, 2, kSlots);
  std::vector<std::int8_t> w(kGeometry.weight_elements());
  for (std::size_t i = 0; i < w.size(); ++i)
    w[i] = std::int8_t(random_byte(i, "weights"));
  convolution->pack_weights(
      w,
      std::vector<std::int8_t>(std::size_t(kGeometry.output.channels), kind.zero_point));
  std::vector<std::uint8_t> x(2 * kGeometry.input.elements() + kSlots);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = random_byte(i, "codes");
  const std::size_t n = 2 * kGeometry.output.elements();
  std::vector<std::int32_t> y(n);
  const auto used = allocations_of([&] { convolution->forward(1, x.data(), y.data()); });
  CHECK(used.largest < 4096);  // oneDNN's argument tables
  if (kind.zero_point != 0) CHECK(used.count == 0);
  check_slots(n, [&](int slot, std::int32_t* to) {
    convolution->forward(slot, x.data() + slot, to);
  });
}

TEST_CASE("bit convolutions allocate nothing and keep slots apart", "[integer]") {
  const int planes = GENERATE(0, 2);
  const auto convolution =
      make_bit_convolution(EngineKind::kOneDnn, kGeometry, {planes}, 2, kSlots);
  std::vector<std::int8_t> w(kGeometry.weight_elements());
  for (std::size_t i = 0; i < w.size(); ++i) {
    w[i] = std::int8_t(random_byte(i, "weights") % 3 - 1);
  }
  convolution->pack_weights(w);
  const std::size_t rows =
      2 * kGeometry.input.pixels() * std::size_t(std::max(planes, 1));
  std::vector<std::uint64_t> x(rows + kSlots);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = random_byte(i, "low") | std::uint64_t(random_byte(i, "high") % 16) << 16;
  }
  const std::size_t n = 2 * kGeometry.output.elements();
  std::vector<std::int32_t> y(n);
  CHECK(allocations_of([&] { convolution->forward(1, x.data(), y.data()); }).count == 0);
  check_slots(n, [&](int slot, std::int32_t* to) {
    convolution->forward(slot, x.data() + slot, to);
  });
}

}  // namespace bitsweep

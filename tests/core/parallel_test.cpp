// Parallel loops: every block once, the same bits with any number of threads, exceptions
// carried out.

#include "framework/core/parallel.h"

#include <atomic>
#include <cmath>
#include <stdexcept>
#include <vector>

#include <catch2/catch.hpp>

using namespace bitsweep;

namespace {

/// Sets the number of threads and puts the old one back.
class Threads {
 public:
  explicit Threads(int count) : before_(threads()) { set_threads(count); }
  ~Threads() { set_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

}  // namespace

TEST_CASE("each block runs exactly once", "[parallel]") {
  const int count = GENERATE(1, 2, 5);
  const Threads guard(count);
  for (const int blocks : {0, 1, 2, 7, 100}) {
    std::vector<std::atomic<int>> runs(static_cast<std::size_t>(blocks));
    parallel_blocks(blocks, [&](int block) { ++runs[std::size_t(block)]; });
    for (const auto& one : runs) CHECK(one == 1);
  }
}

TEST_CASE("ranges cover every element once, in blocks that threads do not change",
          "[parallel]") {
  const int count = GENERATE(1, 3);
  const Threads guard(count);
  for (const std::size_t elements : {std::size_t(0), std::size_t(1), kBlockElements,
                                     kBlockElements + 1, 3 * kBlockElements - 1}) {
    CAPTURE(elements);
    std::vector<int> seen(elements);
    std::atomic<bool> aligned = true;
    parallel_ranges(elements, [&](std::size_t begin, std::size_t end) {
      if (begin % kBlockElements != 0 || end - begin > kBlockElements) aligned = false;
      for (std::size_t i = begin; i < end; ++i) ++seen[i];
    });
    CHECK(aligned);
    CHECK(std::all_of(seen.begin(), seen.end(), [](int n) { return n == 1; }));
  }
}

TEST_CASE("a sum has the same bits with one thread and with several", "[parallel]") {
  const std::size_t elements = 10 * kBlockElements + 17;
  const auto sum_with = [&](int count) {
    const Threads guard(count);
    return parallel_sum(elements, [](std::size_t begin, std::size_t end) {
      double sum = 0;
      for (std::size_t i = begin; i < end; ++i) sum += std::sin(double(i));
      return sum;
    });
  };
  const double alone = sum_with(1);
  CHECK(sum_with(2) == alone);
  CHECK(sum_with(7) == alone);
  // sum of sin(i), i < n: sin((n-1)/2) sin(n/2) / sin(1/2)
  const double n = double(elements);
  CHECK(std::abs(alone - std::sin((n - 1) / 2) * std::sin(n / 2) / std::sin(0.5)) < 1e-8);
}

TEST_CASE("a sum over more than 4096 blocks makes them larger", "[parallel]") {
  const std::size_t elements = 5000 * kBlockElements;
  std::atomic<int> blocks = 0;
  const double sum = parallel_sum(elements, [&](std::size_t begin, std::size_t end) {
    ++blocks;
    return double(end - begin);
  });
  CHECK(sum == double(elements));
  CHECK(blocks <= 4096);
}

TEST_CASE("an exception of a block reaches the caller", "[parallel]") {
  const int count = GENERATE(1, 3);
  const Threads guard(count);
  CHECK_THROWS_WITH(parallel_blocks(10,
                                    [](int block) {
                                      if (block == 7) throw std::runtime_error("block 7");
                                    }),
                    "block 7");
}

TEST_CASE("a loop inside a loop runs on its caller's thread", "[parallel]") {
  const Threads guard(2);
  std::atomic<int> runs = 0;
  std::atomic<bool> moved = false;
  parallel_blocks(2, [&](int) {
    const int caller = omp_get_thread_num();
    parallel_blocks(5, [&](int) {
      ++runs;
      if (omp_get_thread_num() != caller) moved = true;
    });
  });
  CHECK(runs == 10);
  CHECK_FALSE(moved);
}

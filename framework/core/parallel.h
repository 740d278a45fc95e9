// All of OpenMP: loops over a fixed number of blocks. Blocks are set by the size of the
// problem, never by the number of threads, and partial sums are added in block order; so
// one thread and sixteen give the same bits.
#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <span>

#include <omp.h>

namespace bitsweep {

/// The number of threads that loops use from here on (process-wide, at least 1).
/// Libraries that start their own OpenMP loops are told to use one: we divide the work,
/// not they.
void set_threads(int threads);
int threads();

/// While it lives, libraries that ask OpenMP how many threads there are hear one: what
/// they make is made for one thread.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

/// Runs `body(block)` for each block in [0, blocks) on up to `threads()` threads. Inside
/// another parallel loop it runs on the calling thread. The first exception is rethrown.
template <class Body>
void parallel_blocks(int blocks, Body&& body) {
  const int workers = std::min(threads(), blocks);
  if (workers <= 1 || omp_in_parallel()) {
    for (int block = 0; block < blocks; ++block) body(block);
    return;
  }
  std::exception_ptr failure;
#pragma omp parallel for schedule(static) num_threads(workers)
  for (int block = 0; block < blocks; ++block) {
    try {
      body(block);
    } catch (...) {
#pragma omp critical(bitsweep_parallel_failure)
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

/// Elements per block of the element-wise loops below: large enough to be worth a thread.
inline constexpr std::size_t kBlockElements = 16384;

inline int block_count(std::size_t elements) {
  return int((elements + kBlockElements - 1) / kBlockElements);
}

/// Runs `body(begin, end)` over fixed blocks of [0, elements).
template <class Body>
void parallel_ranges(std::size_t elements, Body&& body) {
  parallel_blocks(block_count(elements), [&](int block) {
    const std::size_t begin = std::size_t(block) * kBlockElements;
    body(begin, std::min(elements, begin + kBlockElements));
  });
}

/// The sum over fixed blocks of `partial(begin, end)`, added in block order. For more
/// than 4096 blocks a block is made larger.
template <class Partial>
double parallel_sum(std::size_t elements, Partial&& partial) {
  constexpr int kMostBlocks = 4096;
  double sums[kMostBlocks];
  const std::size_t size =
      std::max(kBlockElements, (elements + kMostBlocks - 1) / kMostBlocks);
  const int blocks = int((elements + size - 1) / size);
  parallel_blocks(blocks, [&](int block) {
    const std::size_t begin = std::size_t(block) * size;
    sums[block] = partial(begin, std::min(elements, begin + size));
  });
  double sum = 0;
  for (int block = 0; block < blocks; ++block) sum += sums[block];
  return sum;
}

}  // namespace bitsweep

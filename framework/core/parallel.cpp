#include "framework/core/parallel.h"

#include "framework/core/error.h"

namespace bitsweep {
namespace {

int thread_count = 1;

}  // namespace

void set_threads(int threads) {
  ensure(threads >= 1, "a loop needs at least one thread");
  thread_count = threads;
  omp_set_num_threads(1);
  omp_set_max_active_levels(1);
}

int threads() { return thread_count; }

}  // namespace bitsweep

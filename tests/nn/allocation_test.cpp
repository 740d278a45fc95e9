// A training step allocates nothing: every buffer is sized when the network is built.

#include <atomic>
#include <cstdlib>
#include <new>

#include <catch2/catch.hpp>

#include "framework/core/parallel.h"
#include "framework/train/optimizer.h"
#include "tests/nn/networks.h"

namespace {

std::atomic<bool> counting = false;
std::atomic<int> allocations = 0;
std::atomic<std::size_t> largest = 0;

void note(std::size_t size) {
  if (!counting) return;
  ++allocations;
  if (size > largest) largest = size;
}

void* allocate(std::size_t size, std::size_t alignment) {
  note(size);
  void* memory =
      alignment <= alignof(std::max_align_t)
          ? std::malloc(size)
          : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size, 1); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, std::size_t(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace bitsweep {
namespace {

void count_in_second_step(EngineKind engine) {
  constexpr int kBatch = 20;
  Network network(residual_model(),
                  {.image = {8, 8, 3}, .classes = 5, .batch = kBatch, .engine = engine});
  network.build();
  const FixedBatch images(kBatch, {8, 8, 3}, 5);
  const BatchSource source = images.source();
  Optimizer optimizer({}, {}, network.parameters());
  const auto step = [&](int index) {
    network.train_step(source, Loss::kCrossEntropy, index);
    optimizer.step(0.01, index);
  };
  step(0);
  allocations = 0;
  largest = 0;
  counting = true;
  step(1);
  counting = false;
}

}  // namespace

TEST_CASE("a training step allocates nothing", "[nn]") {
  count_in_second_step(EngineKind::kReference);
  // Eigen's products pack their operands into memory of their own (malloc, not new).
  CHECK(allocations == 0);
}

TEST_CASE("oneDNN allocates no more than its argument tables", "[nn]") {
  count_in_second_step(EngineKind::kOneDnn);
  CHECK(largest < 4096);
}

}  // namespace bitsweep

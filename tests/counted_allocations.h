// Counts what `new` allocates. Replaces it for the whole executable, so one source file
// of an executable of its own includes this.
#pragma once

#include <atomic>
#include <cstdlib>
#include <new>

namespace bitsweep::testing {

/// How many, and the bytes of the largest.
struct Allocations {
  int count = 0;
  std::size_t largest = 0;
};

namespace counted {

inline std::atomic<bool> counting = false;
inline std::atomic<int> count = 0;
inline std::atomic<std::size_t> largest = 0;

inline void note(std::size_t size) {
  if (!counting) return;
  ++count;
  if (size > largest) largest = size;
}

inline void* allocate(std::size_t size, std::size_t alignment) {
  note(size);
  void* memory =
      alignment <= alignof(std::max_align_t)
          ? std::malloc(size)
          : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace counted

/// What `body` allocates, on all threads.
template <class Body>
Allocations allocations_of(Body body) {
  counted::count = 0;
  counted::largest = 0;
  counted::counting = true;
  body();
  counted::counting = false;
  return {counted::count, counted::largest};
}

}  // namespace bitsweep::testing

void* operator new(std::size_t size) {
  return bitsweep::testing::counted::allocate(size, 1);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return bitsweep::testing::counted::allocate(size, std::size_t(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  bitsweep::testing::counted::note(size);
  return std::malloc(size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

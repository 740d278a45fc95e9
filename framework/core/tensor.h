// Storage of numbers: aligned float buffers and the shape of one image.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace bitsweep {

/// One image, or one activation of it: height x width pixels of `channels` values, stored
/// pixel after pixel (NHWC). A flat vector of n values is {1, 1, n}.
struct ImageShape {
  int height = 1;
  int width = 1;
  int channels = 1;

  std::size_t pixels() const { return std::size_t(height) * std::size_t(width); }
  std::size_t elements() const { return pixels() * std::size_t(channels); }
  friend bool operator==(const ImageShape&, const ImageShape&) = default;
};

/// A fixed number of floats, 64-byte aligned, zero at first. Moves, does not copy.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t size)
      : values_(size == 0 ? nullptr
                          : static_cast<float*>(::operator new (size * sizeof(float),
                                                                std::align_val_t{64}))),
        size_(size) {
    for (std::size_t i = 0; i < size; ++i) values_.get()[i] = 0;
  }
  Buffer(Buffer&& other) noexcept
      : values_(std::move(other.values_)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    values_ = std::move(other.values_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  float* data() { return values_.get(); }
  const float* data() const { return values_.get(); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::span<float> span() { return {values_.get(), size_}; }
  std::span<const float> span() const { return {values_.get(), size_}; }
  float& operator[](std::size_t i) { return values_.get()[i]; }
  float operator[](std::size_t i) const { return values_.get()[i]; }

 private:
  struct Free {
    void operator()(float* p) const { ::operator delete (p, std::align_val_t{64}); }
  };
  std::unique_ptr<float, Free> values_;
  std::size_t size_ = 0;
};

}  // namespace bitsweep

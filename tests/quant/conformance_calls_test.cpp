// What the checks of methods find wrong with calls: slices, threads, memory.
#include <chrono>
#include <thread>

#include <catch2/catch.hpp>

#include "framework/core/parallel.h"
#include "tests/quant/broken_quantizers.h"

namespace bitsweep::testing {

TEST_CASE("a draw that a slice makes otherwise than the batch is found",
          "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass& pass) const override {
      Plain::forward(x, y, pass);
      if (pass.training) y[0] = pass.offset == 0 ? 0.5f : 0;
    }
  };
  CHECK(broken<Wrong>() == Names{"slices"});
}

TEST_CASE("results that depend on the number of threads are found", "[conformance]") {
  const int before = threads();
  set_threads(1);
  class Wrong : public Plain {
    using Plain::Plain;
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass& pass) const override {
      Plain::forward(x, y, pass);
      if (threads() == 2) y[0] = y[0] == 0 ? 0.5f : 0;
    }
  };
  CHECK(broken<Wrong>() == Names{"threads"});
  set_threads(before);
}

TEST_CASE("what forward keeps for backward is found when slices come by turns",
          "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass& pass) const override {
      inside_.resize(x.size());
      for (std::size_t i = 0; i < x.size(); ++i) inside_[i] = std::fabs(x[i]) < 1;
      Plain::forward(x, y, pass);
    }
    void backward(std::span<const float>, std::span<const float> dy, std::span<float> dx,
                  std::span<double>, const Pass&) const override {
      for (std::size_t i = 0; i < dy.size(); ++i) dx[i] = inside_[i] ? dy[i] : 0;
    }
    mutable std::vector<char> inside_;
  };
  const auto names = broken<Wrong>();
  CHECK(std::count(names.begin(), names.end(), "interleaved") == 1);
  CHECK(std::count(names.begin(), names.end(), "law") == 0);
}

TEST_CASE("scratch memory that two threads share is found", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass&) const override {
      scratch_.resize(x.size());
      for (std::size_t i = 0; i < x.size(); ++i) scratch_[i] = code(x[i]);
      // Long enough for the other thread, on whatever machine.
      if (x.size() == 2048) std::this_thread::sleep_for(std::chrono::microseconds(200));
      for (std::size_t i = 0; i < x.size(); ++i) y[i] = value(scratch_[i]);
    }
    mutable std::vector<std::int32_t> scratch_;
  };
  CHECK(broken<Wrong>() == Names{"concurrent"});
}

TEST_CASE("state that sites share is found", "[conformance]") {
  static float scale = 1;
  class Wrong : public Plain {
    using Plain::Plain;
    void prepare(std::span<const float> x) override {
      float largest = 0;
      for (const float v : x) largest = std::max(largest, std::fabs(v));
      scale = 0 < largest && largest < 10 ? largest : 1;
    }
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass&) const override {
      for (std::size_t i = 0; i < x.size(); ++i) y[i] = scale * value(code(x[i] / scale));
    }
    void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
      for (std::size_t i = 0; i < x.size(); ++i) codes[i] = code(x[i] / scale);
    }
    Grid grid() const override {
      return {UniformGrid{.low = -2, .high = 1, .scale = {0.5f * scale}}};
    }
  };
  const auto names = broken<Wrong>();
  CHECK(std::count(names.begin(), names.end(), "two sites") == 1);
}

TEST_CASE("arguments that are overwritten too early are found", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass&) const override {
      y[0] = 0;
      for (std::size_t i = 0; i < x.size(); ++i) y[i] = value(code(x[i]));
    }
  };
  CHECK(broken<Wrong>() == Names{"in place"});
}

}  // namespace bitsweep::testing

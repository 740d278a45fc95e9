#include <catch2/catch.hpp>

#include "framework/engine/reference/reference.h"
#include "tests/engine/finite_difference.h"

using namespace bitsweep;

namespace {

const std::vector<std::size_t> kUpdateSizes = {0, 1, 7, 8, 9, 17, 33, 257};

// Five steps of kernel and twin from the same start; a step rounds a few times in float.
template <class Kernel, class Twin>
void check_trajectory(Kernel kernel, Twin twin) {
  for (const std::size_t size : kUpdateSizes) {
    CAPTURE(size);
    auto w = normal_values(size, "w"), w_twin = w;
    std::vector<float> a(size), b(size), a_twin(size), b_twin(size);
    for (int step = 1; step <= 5; ++step) {
      auto g = normal_values(size, "g");
      for (float& v : g) v *= float(step - 3);
      kernel(step, g, a, b, w);
      twin(step, g, a_twin, b_twin, w_twin);
    }
    check_close(w, w_twin, 2e-6);
  }
}

}  // namespace

TEST_CASE("two momentum steps in Caffe's form give the numbers worked out by hand") {
  const SgdStep step{.learning_rate = 0.01f, .momentum = 0.9f, .weight_decay = 5e-4f};
  std::vector<float> w = {1}, v = {0};
  kernels::sgd_step_caffe(step, std::vector<float>{0.5f}, v, w);
  CHECK_THAT(w[0], Catch::Matchers::WithinAbs(0.994995, 1e-7));
  kernels::sgd_step_caffe(step, std::vector<float>{0.2f}, v, w);
  CHECK_THAT(w[0], Catch::Matchers::WithinAbs(0.988485525025, 2e-7));  // float rounding
}

TEST_CASE("at a constant rate both forms of momentum take the same steps") {
  const bool nesterov = GENERATE(false, true);
  const SgdStep step{
      .learning_rate = 0.1f, .momentum = 0.9f, .weight_decay = 0, .nesterov = nesterov};
  std::vector<float> w = {1, -2}, v = {0, 0}, w_caffe = w, v_caffe = v;
  for (int i = 0; i < 4; ++i) {
    const auto g = normal_values(2, "g");
    kernels::sgd_step(step, g, v, w);
    kernels::sgd_step_caffe(step, g, v_caffe, w_caffe);
  }
  check_close(w, w_caffe, 1e-6);
}

TEST_CASE("Adam's first step is the learning rate against the gradient's sign") {
  const AdamStep step{.learning_rate = 0.001f};
  std::vector<float> w = {1, 1}, m(2), v(2);
  kernels::adam_step(step, std::vector<float>{0.3f, -20}, m, v, w);
  CHECK_THAT(w[0], Catch::Matchers::WithinAbs(0.999, 1e-6));
  CHECK_THAT(w[1], Catch::Matchers::WithinAbs(1.001, 1e-6));
}

TEST_CASE("optimizer steps agree with their twins") {
  const bool nesterov = GENERATE(false, true);
  const SgdStep sgd{.learning_rate = 0.05f,
                    .momentum = 0.9f,
                    .weight_decay = 0.01f,
                    .nesterov = nesterov};
  using In = std::span<const float>;
  using Out = std::span<float>;
  check_trajectory(
      [&](int, In g, Out v, Out, Out w) { kernels::sgd_step_caffe(sgd, g, v, w); },
      [&](int, In g, Out v, Out, Out w) { reference::sgd_step_caffe(sgd, g, v, w); });
  check_trajectory(
      [&](int, In g, Out v, Out, Out w) { kernels::sgd_step(sgd, g, v, w); },
      [&](int, In g, Out v, Out, Out w) { reference::sgd_step(sgd, g, v, w); });
  const auto adam = [](int t) {
    return AdamStep{.learning_rate = 0.01f, .weight_decay = 0.01f, .step = t};
  };
  check_trajectory(
      [&](int t, In g, Out m, Out v, Out w) { kernels::adam_step(adam(t), g, m, v, w); },
      [&](int t, In g, Out m, Out v, Out w) {
        reference::adam_step(adam(t), g, m, v, w);
      });
}

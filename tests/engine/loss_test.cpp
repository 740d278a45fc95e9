#include <catch2/catch.hpp>

#include "framework/engine/reference/reference.h"
#include "tests/engine/finite_difference.h"

using namespace bitsweep;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

using Loss = decltype(&kernels::softmax_cross_entropy);
const std::vector<int> kLabels = {2, 0, 4, 1};

}  // namespace

TEST_CASE("equal logits cost log(classes) and count for the lowest class") {
  const std::vector<float> z(10, 3.0f);
  std::vector<float> dz(10);
  const auto found = kernels::softmax_cross_entropy(z, std::vector<int>{0}, 2, dz);
  CHECK_THAT(found.loss, WithinRel(std::log(10.0), 1e-12));
  CHECK(found.correct == 1);
  CHECK_THAT(dz[0], WithinRel(-0.45f, 1e-6f));  // (0.1 - 1) / 2
  CHECK_THAT(dz[1], WithinRel(0.05f, 1e-6f));
  CHECK(kernels::softmax_cross_entropy(z, std::vector<int>{1}, 2, {}).correct == 0);
}

TEST_CASE("large logits neither overflow nor vanish") {
  const std::vector<float> z = {1000, 0, -1000};
  std::vector<float> dz(3);
  CHECK(kernels::softmax_cross_entropy(z, std::vector<int>{0}, 1, dz).loss == 0);
  CHECK(kernels::softmax_cross_entropy(z, std::vector<int>{2}, 1, dz).loss == 2000);
  CHECK(dz == std::vector<float>{1, 0, -1});
}

TEST_CASE("a NaN logit makes the loss NaN") {
  const std::vector<float> z = {0, std::nanf(""), 1};
  CHECK(std::isnan(kernels::softmax_cross_entropy(z, std::vector<int>{0}, 1, {}).loss));
  CHECK(std::isnan(kernels::squared_hinge(z, std::vector<int>{0}, 1, {}).loss));
}

TEST_CASE("the squared hinge of a small example is what a hand finds") {
  // Margins: 1 - 0.5 for the label, 1 + 0.25 and 1 - 2 (met) for the others.
  const std::vector<float> z = {0.5f, 0.25f, -2};
  std::vector<float> dz(3);
  const auto found = kernels::squared_hinge(z, std::vector<int>{0}, 2, dz);
  CHECK_THAT(found.loss, WithinRel((0.25 + 1.5625) / 3, 1e-12));
  CHECK_THAT(dz[0], WithinRel(-2 * 0.5f / 6, 1e-6f));
  CHECK_THAT(dz[1], WithinRel(2 * 1.25f / 6, 1e-6f));
  CHECK(dz[2] == 0);
}

TEST_CASE("losses agree with their twins, and without a gradient too") {
  const auto z = normal_values(20, "logits");
  for (const auto& [kernel, twin] :
       {std::pair<Loss, Loss>{kernels::softmax_cross_entropy,
                              reference::softmax_cross_entropy},
        std::pair<Loss, Loss>{kernels::squared_hinge, reference::squared_hinge}}) {
    std::vector<float> dz(20), dz_twin(20);
    const auto found = kernel(z, kLabels, 64, dz),
               expected = twin(z, kLabels, 64, dz_twin);
    CHECK_THAT(found.loss, WithinRel(expected.loss, 1e-12));
    CHECK(found.correct == expected.correct);
    check_close(dz, dz_twin, 1e-8);
    CHECK(kernel(z, kLabels, 64, {}).loss == found.loss);
    auto in_place = z;
    kernel(in_place, kLabels, 64, in_place);
    CHECK(in_place == dz);
  }
}

TEST_CASE("the gradients of losses agree with finite differences") {
  for (const Loss loss :
       {Loss(kernels::softmax_cross_entropy), Loss(kernels::squared_hinge)}) {
    auto z = normal_values(20, "logits");
    std::vector<float> dz(20);
    loss(z, kLabels, 4, dz);
    // The loss is in double; what is left is the step's square.
    check_gradient(
        z, dz, [&] { return loss(z, kLabels, 4, {}).loss / 4; }, 1e-3, 1e-5);
  }
}

TEST_CASE("a teacher's loss is what a hand finds") {
  // softmax(ln 3, 0) = (3/4, 1/4) against (1/2, 1/2).
  const std::vector<float> z = {0, 0}, teacher = {std::log(3.0f), 0};
  std::vector<float> dz = {9, 9};
  const double divergence = 0.75 * std::log(1.5) + 0.25 * std::log(0.5);
  CHECK_THAT(kernels::distilled_loss(7, z, teacher, 2, {.weight = 1}, 4, dz),
             WithinRel(divergence, 1e-7));
  CHECK_THAT(dz[0], WithinRel(-0.25f / 4, 1e-6f));
  CHECK_THAT(dz[1], WithinRel(0.25f / 4, 1e-6f));
  // At T = 2: softmax of halves, and 2^2 in front.
  const double t = std::sqrt(3) / (std::sqrt(3) + 1);
  const double at_two = t * std::log(2 * t) + (1 - t) * std::log(2 * (1 - t));
  dz = {0, 0};
  CHECK_THAT(kernels::distilled_loss(7, z, teacher, 2, {.weight = 0.25, .temperature = 2},
                                     1, dz),
             WithinRel(0.75 * 7 + 0.25 * 4 * at_two, 1e-7));
  CHECK_THAT(dz[0], WithinRel(float(0.25 * 2 * (0.5 - t)), 1e-6f));
}

TEST_CASE("a teacher's gradient agrees with finite differences") {
  auto z = normal_values(20, "logits");
  const auto teacher = normal_values(20, "teacher");
  for (const Distillation& own :
       {Distillation{.weight = 1}, {.weight = 0.3}, {.weight = 0.7, .temperature = 4}}) {
    const auto loss = [&](std::span<float> dz) {
      const auto labels = kernels::softmax_cross_entropy(z, kLabels, 4, dz);
      return kernels::distilled_loss(labels.loss, z, teacher, 5, own, 4, dz);
    };
    std::vector<float> dz(20), unused(20);
    loss(dz);
    check_gradient(
        z, dz, [&] { return loss(unused) / 4; }, 1e-3, 1e-5);
  }
}

TEST_CASE(
    "a teacher that says the same asks for nothing, and large logits do not break") {
  const std::vector<float> z = {1000, 0, -1000};
  std::vector<float> dz = {1, 2, 3};
  CHECK(kernels::distilled_loss(5, z, z, 3, {.weight = 1}, 1, dz) == 0);
  CHECK(dz == std::vector<float>{0, 0, 0});
  const std::vector<float> other = {-1000, 0, 1000};
  CHECK(kernels::distilled_loss(5, z, other, 3, {.weight = 1}, 1, dz) == 2000);
}

TEST_CASE("an empty slice has no loss") {
  CHECK(kernels::softmax_cross_entropy({}, {}, 4, {}).loss == 0);
}

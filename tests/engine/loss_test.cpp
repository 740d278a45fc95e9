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

TEST_CASE("an empty slice has no loss") {
  CHECK(kernels::softmax_cross_entropy({}, {}, 4, {}).loss == 0);
}

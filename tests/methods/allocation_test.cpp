// A quantizer sizes its buffers once, not in each step.

#include <catch2/catch.hpp>

#include "tests/counted_allocations.h"
#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

// What a layer calls in each training step.
Allocations in_second_step(Quantizer& quantizer, const Site& site) {
  const Values x = normal_values(site.elements, 7), dy = normal_values(site.elements, 8);
  Values y(x.size()), dx(x.size());
  auto sums = zero_sums(quantizer);
  const auto step = [&](int index) {
    const Pass pass{.training = true, .step = index};
    if (site.role == Role::kWeight) quantizer.prepare(x);
    quantizer.forward(x, y, pass);
    quantizer.backward(x, dy, dx, sums, pass);
    quantizer.finish_gradient(sums);
  };
  quantizer.calibrate(x);
  quantizer.finish_calibration();
  step(0);
  return allocations_of([&] { step(1); });
}

constexpr int kFilters = 40;

// Calls `check` for weights and for inputs, where the method quantizes them.
template <class Check>
void for_each_second_step(const std::string& id, const RawParams& raw, Check check) {
  for (const Site& site :
       {weight_site({kFilters, 1000}), value_site(Role::kInput, 40000)}) {
    const auto quantizer = quantizer_for(id, raw, site);
    if (!quantizer) continue;
    INFO(id << ' ' << site.name);
    check(in_second_step(*quantizer, site));
  }
}

void check_nothing_allocated(const std::string& id, const RawParams& raw = {}) {
  for_each_second_step(id, raw, [](Allocations step) { CHECK(step.count == 0); });
}

}  // namespace

TEST_CASE("no method's step allocates more than a value a filter", "[methods]") {
  for (const auto& id : builtin_methods().ids()) {
    for_each_second_step(id, {}, [](Allocations step) {
      CHECK(step.largest <= kFilters * sizeof(float));
    });
  }
}

TEST_CASE("a step with learned values allocates nothing", "[methods]") {
  for (const char* id : {"apot", "lsq", "pact", "ttq"}) check_nothing_allocated(id);
  check_nothing_allocated("lsq", params({{"group", "filter"}, {"offset", "true"}}));
  check_nothing_allocated("ttq", params({{"threshold", "sparsity"}}));
}

TEST_CASE("dorefa: tanh is kept in memory of the first step", "[dorefa]") {
  for (const char* max_grad : {"constant", "through"}) {
    check_nothing_allocated("dorefa",
                            params({{"weight_bits", "4"}, {"max_grad", max_grad}}));
  }
}

// How a quantizer may be called: in slices, again, from several threads, in place.
#include <tuple>

#include <fmt/format.h>

#include "framework/core/parallel.h"
#include "framework/quant/checks/check.h"

namespace bitsweep::checks {
namespace {

Finding by_slice(const Case& c) {
  const std::size_t size = c.site.elements;
  const auto x = c.values(7, 3);
  const auto quantizer = c.made(x);
  for (const bool training : {false, true}) {
    const auto whole =
        quantized(*quantizer, x, {.training = training, .step = 4, .images = 3});
    for (std::size_t image = 0; image < 3; ++image) {
      const auto own = part(x, image * size, size);
      const auto slice = quantized(
          *quantizer, own,
          {.training = training, .step = 4, .offset = image * size, .images = 1});
      const Finding found = difference(own, slice, part(whole, image * size, size),
                                       "in the whole batch it becomes");
      if (!found.empty()) return fmt::format("image {} alone: {}", image, found);
    }
  }
  return "";
}

Finding repeatable(const Case& c) {
  const auto x = c.values();
  const Pass pass{.training = true, .step = 3};
  return difference(x, quantized(*c.made(x), x, pass), quantized(*c.made(x), x, pass),
                    "in the same step again it becomes");
}

// Sets the number of threads and puts it back.
class Threads {
 public:
  explicit Threads(int count) : before_(threads()) { set_threads(count); }
  ~Threads() { set_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

Finding threads_agree(const Case& c) {
  const auto x = c.values(), dy = normal_values(x.size(), 8);
  const auto run = [&](int count) {
    const Threads counted(count);
    const auto quantizer = c.made(x);
    auto y = quantized(*quantizer, x, {.training = true, .step = 2});
    std::vector<double> sums;
    auto dx = propagated(*quantizer, x, dy, sums);
    return std::tuple(y, dx, sums);
  };
  const auto one = run(1), two = run(2);
  Finding found =
      difference(x, std::get<0>(two), std::get<0>(one), "on one thread it is");
  if (found.empty()) {
    found = difference(dy, std::get<1>(two), std::get<1>(one),
                       "as a gradient, on one thread it is");
  }
  const bool same_sums = std::get<2>(one) == std::get<2>(two);
  if (found.empty() && !same_sums) found = "learned gradients differ";
  return found;
}

Finding in_place(const Case& c) {
  const auto x = c.values(), dy = normal_values(x.size(), 8);
  const auto quantizer = c.made(x);
  for (const bool training : {false, true}) {
    const Pass pass{.training = training, .step = 1};
    Values y = x;
    on(x, [&] { quantizer->forward(y, y, pass); });
    const Finding found =
        difference(x, y, quantized(*quantizer, x, pass), "written elsewhere it is");
    if (!found.empty()) return found;
  }
  std::vector<double> sums;
  const auto apart = propagated(*quantizer, x, dy, sums);
  Values dx = dy;
  auto own = zero_sums(*quantizer);
  on(x, [&] { quantizer->backward(x, dx, dx, own, {.training = true}); });
  if (own != sums) return "learned gradients differ when dx overwrites dy";
  return difference(dy, dx, apart, "as a gradient, written elsewhere it is");
}

}  // namespace

std::vector<Check> call_checks() {
  return {{"slices",
           "a slice of a batch is quantized as in the whole",
           {31, 257},
           has_slices,
           nullptr,
           by_slice},
          {"repeatable", "the same step draws the same", {257}, any, nullptr, repeatable},
          {"threads",
           "one thread and two give the same bits",
           {33001},  // three blocks of a parallel loop
           any,
           nullptr,
           threads_agree},
          {"in place",
           "results may overwrite their arguments",
           {9, 257},
           any,
           nullptr,
           in_place}};
}

}  // namespace bitsweep::checks

// Gradients, and what is learned by them.
#include <cmath>

#include <fmt/format.h>

#include "framework/quant/checks/check.h"

namespace bitsweep::checks {
namespace {

Finding gradients(const Case& c) {
  const auto x = c.values(), dy = normal_values(x.size(), 8);
  const auto quantizer = c.made(x);
  auto doubled = dy;
  for (float& v : doubled) v *= 2;
  std::vector<double> sums, twice_sums;
  const auto dx = propagated(*quantizer, x, dy, sums);
  const auto twice = propagated(*quantizer, x, doubled, twice_sums);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(dx[i])) return fmt::format("at {} it is {}", x[i], dx[i]);
    if (twice[i] != 2 * dx[i]) {
      return fmt::format("at {}, {} gives {}, and {} gives {}", x[i], dy[i], dx[i],
                         doubled[i], twice[i]);
    }
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (std::isfinite(sums[i]) && twice_sums[i] == 2 * sums[i]) continue;
    return fmt::format("learned value {} has gradient {}, and {} for twice as much", i,
                       sums[i], twice_sums[i]);
  }
  return "";
}

Finding slice_sums(const Case& c) {
  const std::size_t size = c.site.elements;
  const auto x = c.values(7, 2), dy = normal_values(2 * size, 8);
  const auto quantizer = c.made(x);
  const auto sums_of = [&](std::size_t begin, std::size_t images) {
    const Pass pass{.training = true, .offset = begin * size, .images = images};
    auto sums = zero_sums(*quantizer);
    propagated(*quantizer, part(x, begin * size, images * size),
               part(dy, begin * size, images * size), sums, pass);
    return sums;
  };
  const auto whole = sums_of(0, 2), first = sums_of(0, 1), second = sums_of(1, 1);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    const double parts = first[i] + second[i];
    const double size_of = std::fabs(first[i]) + std::fabs(second[i]);
    if (std::fabs(whole[i] - parts) <= 1e-4 * size_of + 1e-9) continue;
    return fmt::format("learned value {}: two images give {}, one by one {}", i, whole[i],
                       parts);
  }
  return "";
}

Finding learned(const Case& c) {
  const auto quantizer = c.made(c.values());
  for (const Parameter* p : quantizer->trainable()) {
    if (p->name.rfind(c.site.name + ".", 0) != 0) {
      return fmt::format("'{}' is not named '{}.something'", p->name, c.site.name);
    }
    for (const float v : p->value.span()) {
      if (!std::isfinite(v) || v < p->minimum) {
        return fmt::format("{} begins at {}; its minimum is {}", p->name, v, p->minimum);
      }
    }
  }
  return "";
}

Finding save_and_load(const Case& c) {
  const auto x = c.values();
  const auto trained = c.made(x), loaded = c.made(x);
  const auto from = trained->trainable(), to = loaded->trainable();
  for (std::size_t p = 0; p < from.size(); ++p) {
    for (std::size_t i = 0; i < from[p]->value.size(); ++i) {
      from[p]->value[i] *= 1.25f;
      to[p]->value[i] = from[p]->value[i];
    }
  }
  trained->prepare(x);
  loaded->prepare(x);
  return difference(x, quantized(*loaded, x), quantized(*trained, x), "before saving:");
}

}  // namespace

std::vector<Check> learning_checks() {
  return {{"gradient",
           "gradients are finite and linear in what comes from above",
           {31},
           is_value,
           nullptr,
           gradients},
          {"slice sums",
           "gradients of what is learned add up over slices",
           {31},
           learns_by_slice,
           nullptr,
           slice_sums},
          {"learned",
           "what is learned is named after its site and begins above its minimum",
           {9, 31},
           learns,
           nullptr,
           learned},
          {"save and load",
           "learned values are all that a trained quantizer needs",
           {257},
           learns,
           nullptr,
           save_and_load}};
}

}  // namespace bitsweep::checks

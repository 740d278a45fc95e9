// How a quantizer may be called: in slices, again, from several threads, in place, beside
// others.
#include <atomic>
#include <chrono>
#include <thread>
#include <tuple>
#include <utility>

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

// What one slice of a batch, or one site, gives when it goes through a training step.
struct Step {
  Values x, dy;
  Pass pass{.training = true, .step = 2};
  Values y, dx;
  std::vector<double> sums;

  void forward(const Quantizer& quantizer) {
    y.resize(x.size());
    on(x, [&] { quantizer.forward(x, y, pass); });
  }
  void backward(Quantizer& quantizer) {
    dx.resize(x.size());
    sums = zero_sums(quantizer);
    on(x, [&] { quantizer.backward(x, dy, dx, sums, pass); });
  }
  // Gradients are quantized, but nothing is propagated through them.
  void run(const Case& c, Quantizer& quantizer) {
    forward(quantizer);
    if (!c.is_gradient()) backward(quantizer);
  }
};

Finding step_difference(const Step& got, const Step& wanted) {
  Finding found = difference(got.x, got.y, wanted.y, "by itself it becomes");
  if (found.empty()) {
    found = difference(got.dy, got.dx, wanted.dx, "as a gradient, by itself it becomes");
  }
  if (found.empty() && got.sums != wanted.sums) found = "learned gradients differ";
  return found;
}

// Two slices of one size: what one of them leaves fits the other.
std::pair<Step, Step> two_slices(const Case& c) {
  const std::size_t size = c.site.elements;
  const auto x = c.values(7, 2), dy = normal_values(2 * size, 8);
  Step first{.x = part(x, 0, size), .dy = part(dy, 0, size)};
  Step second{.x = part(x, size, size), .dy = part(dy, size, size)};
  second.pass.offset = size;
  return {first, second};
}

Finding by_turns(const Case& c) {
  auto [first, second] = two_slices(c);
  const auto quantizer = c.made(c.values(7, 2));
  first.run(c, *quantizer);
  second.run(c, *quantizer);
  Step first_again = first, second_again = second;
  first_again.forward(*quantizer);
  second_again.forward(*quantizer);
  first_again.backward(*quantizer);
  second_again.backward(*quantizer);
  const Finding found = step_difference(first_again, first);
  return found.empty() ? step_difference(second_again, second) : found;
}

// As a batch's slices are: on two threads, which begin together. What each gives alone is
// known beforehand, and the memory that a slice of the size wants is there. On a busy
// machine the threads meet when one of them is interrupted, which takes milliseconds.
Finding at_once(const Case& c) {
  using Clock = std::chrono::steady_clock;
  constexpr auto kLongEnough = std::chrono::milliseconds(5);
  const Threads two(2);
  auto [first, second] = two_slices(c);
  const auto quantizer = c.made(c.values(7, 2));
  first.run(c, *quantizer);
  second.run(c, *quantizer);
  const Step alone[] = {first, second};
  Finding found[2];
  std::atomic<int> running = 0;
  std::atomic<bool> is_over = false;
  parallel_blocks(2, [&](int slice) {
    Step step = alone[slice];
    // Not for ever: there may be no second thread to have.
    const auto patience = Clock::now() + kLongEnough;
    ++running;
    while (running < 2 && Clock::now() < patience) std::this_thread::yield();
    const auto end = Clock::now() + kLongEnough;
    while (!is_over && Clock::now() < end) {
      step.run(c, *quantizer);
      found[slice] = step_difference(step, alone[slice]);
      if (!found[slice].empty()) is_over = true;
    }
    is_over = true;
  });
  return found[0].empty() ? found[1] : found[0];
}

Finding two_sites(const Case& c) {
  Site other = c.site;
  other.layer = "conv2";
  other.name = fmt::format("conv2/{}", role_name(c.role()));
  Step here{.x = c.values(), .dy = normal_values(c.site.elements, 8)};
  Step there{.x = c.values(17), .dy = normal_values(c.site.elements, 18)};
  for (float& v : there.x) v *= 3;
  const auto made = [&](const Site& site, const Step& step) {
    auto quantizer = c.fresh(site);
    calibrate(*quantizer, step.x);
    return quantizer;
  };
  Step here_alone = here, there_alone = there;
  here_alone.run(c, *made(c.site, here));
  there_alone.run(c, *made(other, there));

  const auto first = made(c.site, here), second = made(other, there);
  here.forward(*first);
  there.forward(*second);
  if (!c.is_gradient()) {
    here.backward(*first);
    there.backward(*second);
  }
  const Finding found = step_difference(here, here_alone);
  return found.empty() ? step_difference(there, there_alone) : found;
}

bool is_usual_in_slices(const Case& c, Quantizer& q) {
  return has_slices(c, q) && c.is_usual;
}
bool has_backward_slices(const Case& c, Quantizer& q) {
  return has_slices(c, q) && is_value(c, q);
}

}  // namespace

std::vector<Check> call_checks() {
  return {{"slices",
           "a slice of a batch is quantized as within the whole batch",
           {31, 257},
           has_slices,
           nullptr,
           by_slice},
          {"repeatable",
           "the same step draws the same random numbers",
           {257},
           any,
           nullptr,
           repeatable},
          {"threads",
           "one thread and two give bit-identical results",
           {33001},  // three blocks of a parallel loop
           any,
           nullptr,
           threads_agree},
          {"interleaved",
           "interleaved slices give the same as consecutive ones",
           {31},
           has_backward_slices,
           nullptr,
           by_turns},
          {"concurrent",
           "concurrent slices on two threads give the same as consecutive ones",
           {2048},
           is_usual_in_slices,
           nullptr,
           at_once},
          {"two sites",
           "quantizers of two sites share no state",
           {31},
           any,
           nullptr,
           two_sites},
          {"in place", "outputs may overwrite inputs", {9, 257}, any, nullptr, in_place}};
}

}  // namespace bitsweep::checks

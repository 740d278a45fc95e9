// Our pools and response normalisation beside oneDNN's primitives for them, on one thread
// and slices that stay in the second-level cache: nanoseconds of ours for a value of the
// result, their time over ours (above 1 where ours is faster), and how far the results
// are apart.
//   bench_pools

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <dnnl.hpp>
#include <fmt/format.h>

#include "framework/core/parallel.h"
#include "framework/core/random.h"
#include "framework/engine/lrn.h"
#include "framework/engine/pooling.h"

namespace {

using namespace bitsweep;
using dnnl::algorithm;
using dnnl::memory;
using dnnl::prop_kind;

std::vector<float> drawn(std::size_t n, const char* purpose) {
  const RandomStream random(1, purpose);
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = float(random.normal_at(std::uint32_t(i)));
  return x;
}

double once(const std::function<void()>& call, int calls) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  for (int i = 0; i < calls; ++i) call();
  return std::chrono::duration<double>(Clock::now() - start).count() / calls;
}

struct Timing {
  double ours = 0;   // seconds
  double ratio = 0;  // theirs over ours
};

double median(std::vector<double> all) {
  const auto middle = all.begin() + std::ptrdiff_t(all.size() / 2);
  std::nth_element(all.begin(), middle, all.end());
  return *middle;
}

// By turns, so that what else the machine does meets both; medians.
Timing timing(const std::function<void()>& theirs, const std::function<void()>& ours) {
  const int calls = 1 + int(0.01 / std::max(once(ours, 1), 1e-7));
  std::vector<double> own, ratios;
  for (int round = 0; round < 15; ++round) {
    own.push_back(once(ours, calls));
    ratios.push_back(once(theirs, calls) / own.back());
  }
  return {median(own), median(ratios)};
}

// The largest difference over the largest value.
double apart(const std::vector<float>& a, const std::vector<float>& b) {
  double most = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, std::fabs(double(a[i]) - double(b[i])));
    size = std::max(size, std::fabs(double(a[i])));
  }
  return size > 0 ? most / size : most;
}

void report(const std::string& name, const std::function<void()>& ours,
            const std::vector<float>& our_result, const std::function<void()>& theirs,
            const std::vector<float>& their_result, const std::string& kernel) {
  ours();
  theirs();
  const auto [seconds, ratio] = timing(theirs, ours);
  fmt::print("{:<34} {:>7.3f} ns x{:<7.2f} apart {:<8.1e} {}\n", name,
             seconds / double(our_result.size()) * 1e9, ratio,
             apart(our_result, their_result), kernel);
}

dnnl::engine& cpu() {
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

memory::desc nhwc(ImageShape shape, int images) {
  return {{images, shape.channels, shape.height, shape.width},
          memory::data_type::f32,
          memory::format_tag::nhwc};
}

// One primitive, its memories bound.
class Primitive {
 public:
  Primitive(const dnnl::primitive& primitive,
            const std::unordered_map<int, memory>& arguments)
      : primitive_(primitive), arguments_(arguments), stream_(cpu()) {}
  void operator()() const {
    primitive_.execute(stream_, arguments_);
    stream_.wait();
  }

 private:
  dnnl::primitive primitive_;
  std::unordered_map<int, memory> arguments_;
  mutable dnnl::stream stream_;
};

memory over(const memory::desc& desc, std::vector<float>& values) {
  return {desc, cpu(), values.data()};
}

void bench_pool(ImageShape shape, int kernel, int images, bool is_max) {
  const PoolGeometry g = pool_geometry(shape, kernel, 2, 0, false);
  const std::size_t in = shape.elements() * std::size_t(images);
  const std::size_t out = g.output.elements() * std::size_t(images);
  auto x = drawn(in, "x"), dy = drawn(out, "dy");
  std::vector<float> y(out), its_y(out), dx(in), its_dx(in);
  std::vector<std::uint8_t> argmax(out);
  const auto source = nhwc(shape, images), target = nhwc(g.output, images);
  const auto kind =
      is_max ? algorithm::pooling_max : algorithm::pooling_avg_include_padding;
  const memory::dims stride{2, 2}, window{kernel, kernel}, none{0, 0};
  const dnnl::pooling_forward::primitive_desc forward(
      {prop_kind::forward_training, kind, source, target, stride, window, none, none},
      cpu());
  const dnnl::pooling_backward::primitive_desc backward(
      {kind, source, target, stride, window, none, none}, cpu(), forward);
  std::unordered_map<int, memory> to{{DNNL_ARG_SRC, over(source, x)},
                                     {DNNL_ARG_DST, over(target, its_y)}};
  std::unordered_map<int, memory> back{{DNNL_ARG_DIFF_DST, over(target, dy)},
                                       {DNNL_ARG_DIFF_SRC, over(source, its_dx)}};
  if (is_max) {
    const memory places(forward.workspace_desc(), cpu());
    to.insert({DNNL_ARG_WORKSPACE, places});
    back.insert({DNNL_ARG_WORKSPACE, places});
  }
  const std::string name =
      fmt::format("{} {}x{}/2 {}x{}x{}", is_max ? "max" : "average", kernel, kernel,
                  shape.height, shape.width, shape.channels);
  report(
      name,
      [&] {
        if (is_max) {
          kernels::max_pool_forward(g, images, x, y, argmax);
        } else {
          kernels::average_pool_forward(g, images, x, y);
        }
      },
      y, Primitive(dnnl::pooling_forward(forward), to), its_y, forward.impl_info_str());
  report(
      name + " backward",
      [&] {
        if (is_max) {
          kernels::max_pool_backward(g, images, dy, argmax, dx);
        } else {
          kernels::average_pool_backward(g, images, dy, dx);
        }
      },
      dx, Primitive(dnnl::pooling_backward(backward), back), its_dx,
      backward.impl_info_str());
}

void bench_lrn(ImageShape shape, int images, bool within) {
  const std::size_t n = shape.elements() * std::size_t(images);
  auto x = drawn(n, "x"), dy = drawn(n, "dy");
  std::vector<float> y(n), its_y(n), dx(n), its_dx(n);
  const ResponseNormalisation lrn{.size = within ? 3 : 5, .alpha = 1e-2f};
  std::vector<float> scratch(within ? within_channel_scratch(shape, lrn)
                                    : across_channels_scratch(shape, lrn));
  const auto data = nhwc(shape, images);
  const auto kind =
      within ? algorithm::lrn_within_channel : algorithm::lrn_across_channels;
  const dnnl::lrn_forward::primitive_desc forward(
      {prop_kind::forward_training, kind, data, lrn.size, lrn.alpha, lrn.beta, lrn.k},
      cpu());
  const dnnl::lrn_backward::primitive_desc backward(
      {kind, data, data, lrn.size, lrn.alpha, lrn.beta, lrn.k}, cpu(), forward);
  std::unordered_map<int, memory> to{{DNNL_ARG_SRC, over(data, x)},
                                     {DNNL_ARG_DST, over(data, its_y)}};
  std::unordered_map<int, memory> back{{DNNL_ARG_SRC, over(data, x)},
                                       {DNNL_ARG_DIFF_DST, over(data, dy)},
                                       {DNNL_ARG_DIFF_SRC, over(data, its_dx)}};
  if (forward.workspace_desc().get_size() > 0) {
    const memory kept(forward.workspace_desc(), cpu());
    to.insert({DNNL_ARG_WORKSPACE, kept});
    back.insert({DNNL_ARG_WORKSPACE, kept});
  }
  const std::string name = fmt::format("lrn {} {}x{}x{}", within ? "within" : "across",
                                       shape.height, shape.width, shape.channels);
  const auto forward_kernel =
      within ? kernels::lrn_within_forward : kernels::lrn_across_forward;
  const auto backward_kernel =
      within ? kernels::lrn_within_backward : kernels::lrn_across_backward;
  report(
      name, [&] { forward_kernel(shape, images, lrn, x, y, scratch); }, y,
      Primitive(dnnl::lrn_forward(forward), to), its_y, forward.impl_info_str());
  report(
      name + " backward",
      [&] { backward_kernel(shape, images, lrn, x, dy, dx, scratch); }, dx,
      Primitive(dnnl::lrn_backward(backward), back), its_dx, backward.impl_info_str());
}

}  // namespace

int main() {
  set_threads(1);
  for (const int channels : {16, 64}) {
    for (const bool is_max : {true, false}) {
      bench_pool({24, 24, channels}, 2, 4, is_max);
      bench_pool({24, 24, channels}, 3, 4, is_max);
    }
  }
  for (const bool within : {true, false}) {
    bench_lrn({16, 16, 32}, 4, within);
    bench_lrn({13, 13, 96}, 4, within);
  }
}

// oneDNN against the plain twin, and the twin against six loops.

#include "framework/engine/convolution.h"

#include <cmath>
#include <vector>

#include <catch2/catch.hpp>

#include "framework/core/random.h"

namespace bitsweep {
namespace {

std::vector<float> normal(std::size_t count, std::uint64_t seed) {
  const RandomStream random(seed, "convolution test");
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i)
    values[i] = float(random.normal_at(std::uint32_t(i)));
  return values;
}

struct Case {
  int channels, filters, size;
  Sides kernel, stride;
  Border pad;
  int groups;
};

ConvolutionGeometry geometry_of(const Case& c) {
  const ImageShape input{c.size, c.size + 1, c.channels};
  return {.input = input,
          .output = convolution_output(input, c.filters, c.kernel, c.stride, c.pad),
          .kernel = c.kernel,
          .stride = c.stride,
          .pad = c.pad,
          .groups = c.groups};
}

struct Results {
  std::vector<float> y, dx, dw, db;
};

Results run(EngineKind kind, const ConvolutionGeometry& g, int images) {
  const auto convolution = make_convolution(kind, g, images, 2, true);
  const auto w = normal(g.weight_elements(), 1);
  const auto b = normal(std::size_t(g.output.channels), 2);
  const auto x = normal(std::size_t(images) * g.input.elements(), 3);
  const auto dy = normal(std::size_t(images) * g.output.elements(), 4);
  Results r{std::vector<float>(dy.size()), std::vector<float>(x.size()),
            std::vector<float>(w.size()), std::vector<float>(b.size())};
  convolution->pack_weights(w.data(), b.data());
  convolution->forward(1, x.data(), r.y.data());
  convolution->backward_data(1, dy.data(), r.dx.data());
  std::vector<float> packed(convolution->weight_gradient_elements());
  convolution->backward_weights(1, x.data(), dy.data(), packed.data(), r.db.data());
  convolution->unpack_weight_gradient(packed.data(), r.dw.data());
  return r;
}

// The same in double precision, by the definition.
Results by_loops(const ConvolutionGeometry& g, int images) {
  const auto w = normal(g.weight_elements(), 1);
  const auto b = normal(std::size_t(g.output.channels), 2);
  const auto x = normal(std::size_t(images) * g.input.elements(), 3);
  const auto dy = normal(std::size_t(images) * g.output.elements(), 4);
  std::vector<double> y(dy.size()), dx(x.size()), dw(w.size()), db(b.size());
  const int depth = g.channels_per_group(), per_group = g.output.channels / g.groups;
  for (int n = 0; n < images; ++n) {
    for (int r = 0; r < g.output.height; ++r) {
      for (int c = 0; c < g.output.width; ++c) {
        for (int f = 0; f < g.output.channels; ++f) {
          const std::size_t o =
              ((std::size_t(n) * g.output.height + r) * g.output.width + c) *
                  g.output.channels +
              f;
          y[o] += b[f];
          db[f] += dy[o];
          for (int i = 0; i < g.kernel.height; ++i) {
            for (int j = 0; j < g.kernel.width; ++j) {
              const int row = r * g.stride.height + i - g.pad.top;
              const int column = c * g.stride.width + j - g.pad.left;
              if (row < 0 || column < 0 || row >= g.input.height ||
                  column >= g.input.width) {
                continue;
              }
              for (int k = 0; k < depth; ++k) {
                const std::size_t at =
                    ((std::size_t(n) * g.input.height + row) * g.input.width + column) *
                        g.input.channels +
                    f / per_group * depth + k;
                const std::size_t q =
                    ((std::size_t(f) * g.kernel.height + i) * g.kernel.width + j) *
                        depth +
                    k;
                y[o] += double(w[q]) * x[at];
                dx[at] += double(w[q]) * dy[o];
                dw[q] += double(x[at]) * dy[o];
              }
            }
          }
        }
      }
    }
  }
  const auto narrow = [](const std::vector<double>& v) {
    return std::vector<float>(v.begin(), v.end());
  };
  return {narrow(y), narrow(dx), narrow(dw), narrow(db)};
}

// Float sums of up to `terms` products of normal values.
void check_near(const std::vector<float>& got, const std::vector<float>& expected,
                std::size_t terms) {
  REQUIRE(got.size() == expected.size());
  const double bound = 1e-6 * double(terms) + 1e-5;
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    worst = std::max(worst, double(std::fabs(got[i] - expected[i])));
  }
  CHECK(worst <= bound);
}

}  // namespace

TEST_CASE("convolutions are what the definition says, in both engines", "[engine]") {
  const auto c = GENERATE(
      Case{1, 20, 9, 5, 1, 0, 1}, Case{3, 16, 8, 3, 1, 1, 1}, Case{3, 32, 7, 5, 1, 2, 1},
      Case{20, 50, 7, 5, 1, 0, 1}, Case{16, 32, 8, 3, 2, 1, 1}, Case{5, 7, 6, 1, 1, 0, 1},
      Case{16, 16, 5, 3, 1, 1, 2}, Case{6, 9, 7, 3, 2, 1, 3}, Case{32, 64, 4, 1, 2, 0, 1},
      Case{8, 8, 6, 3, 1, 1, 8}, Case{16, 32, 7, {3, 1}, 1, {1, 0, 1, 0}, 1},
      Case{16, 16, 7, {1, 5}, {2, 1}, {0, 2, 0, 2}, 1},
      Case{3, 9, 8, {2, 5}, {1, 3}, {0, 1, 1, 4}, 3},
      Case{32, 32, 6, {3, 1}, {2, 1}, {0, 0, 2, 0}, 32},
      Case{20, 8, 6, {4, 3}, {3, 2}, {3, 0, 0, 1}, 1});
  const int images = GENERATE(1, 3);
  const auto g = geometry_of(c);
  CAPTURE(c.channels, c.filters, c.size, c.kernel.text(), c.stride.text(), c.pad.text(),
          c.groups, images);
  const Results expected = by_loops(g, images);
  for (const EngineKind kind : {EngineKind::kReference, EngineKind::kOneDnn}) {
    CAPTURE(engine_name(kind));
    const Results got = run(kind, g, images);
    const std::size_t taps = std::size_t(c.kernel.area());
    const std::size_t pixels = std::size_t(images) * g.output.pixels();
    check_near(got.y, expected.y, taps * std::size_t(c.channels));
    check_near(got.dx, expected.dx, taps * std::size_t(c.filters));
    check_near(got.dw, expected.dw, pixels);
    check_near(got.db, expected.db, pixels);
  }
}

TEST_CASE("matrix products take either operand transposed, with strides", "[engine]") {
  const auto kind = GENERATE(EngineKind::kReference, EngineKind::kOneDnn);
  const auto [rows, columns, inner] =
      GENERATE(table<int, int, int>({{1, 1, 1}, {3, 5, 7}, {17, 10, 33}, {8, 64, 16}}));
  const auto transposed = GENERATE(0, 1, 2);
  const auto beta = GENERATE(0.0f, 1.0f);
  const bool ta = transposed == 1, tb = transposed == 2;
  const int a_stride = (ta ? rows : inner) + 2, b_stride = (tb ? inner : columns) + 3;
  const auto a = normal(std::size_t(a_stride) * std::size_t(ta ? inner : rows), 5);
  const auto b = normal(std::size_t(b_stride) * std::size_t(tb ? columns : inner), 6);
  const int c_stride = columns + 1;
  auto c = normal(std::size_t(c_stride) * std::size_t(rows), 7);
  auto expected = c;
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j) {
      double sum = double(beta) * c[std::size_t(i * c_stride + j)];
      for (int k = 0; k < inner; ++k) {
        sum += double(a[std::size_t(ta ? k * a_stride + i : i * a_stride + k)]) *
               b[std::size_t(tb ? j * b_stride + k : k * b_stride + j)];
      }
      expected[std::size_t(i * c_stride + j)] = float(sum);
    }
  }
  matrix_product(kind, rows, columns, inner, {a.data(), a_stride, ta},
                 {b.data(), b_stride, tb}, beta, c.data(), c_stride);
  check_near(c, expected, std::size_t(inner));
}

}  // namespace bitsweep

#include "framework/engine/normalisation.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "framework/core/error.h"

namespace bitsweep::kernels {
namespace {

// A pixel has ten channels or a thousand, and a short row makes poor vector code. So the
// matrix is walked in rows of up to kRowLanes floats, one lane a float: several pixels
// where channels are few, a part of one pixel where they are many. Per-channel values are
// repeated across the lanes, and per-lane sums folded into channels at the end.
constexpr std::size_t kRowLanes = 256;
constexpr std::size_t kRowVector = 8;

/// Which part of each pixel a row takes, and how many pixels.
struct RowShape {
  std::size_t part;
  std::size_t pixels;
};

RowShape row_shape(std::size_t channels) {
  if (channels > kRowLanes / 2) return {std::min(channels, kRowLanes), 1};
  const std::size_t most = kRowLanes / channels;
  const std::size_t even =
      kRowVector / std::gcd(channels, kRowVector);  // fills whole vectors
  return {channels, most < even ? most : most / even * even};
}

/// One value a lane.
struct Lanes {
  alignas(64) float value[kRowLanes];

  const float& operator[](std::size_t lane) const { return value[lane]; }

  void fill(std::span<const float> part, std::size_t repeat) {
    float* out = value;
    for (std::size_t i = 0; i < repeat; ++i) {
      out = std::copy(part.begin(), part.end(), out);
    }
  }
};

/// Sums a lane: float for `kRows` rows, then on in double.
class LaneSums {
 public:
  static constexpr std::size_t kRows = 64;

  float* lanes() { return lane_; }

  void spill(std::span<double> part, std::size_t repeat) {
    const float* lane = lane_;
    for (std::size_t i = 0; i < repeat; ++i) {
      for (double& sum : part) sum += *lane++;
    }
    std::fill(lane_, lane_ + part.size() * repeat, 0.0f);
  }

 private:
  alignas(64) float lane_[kRowLanes] = {};
};

/// Calls `begin(first channel, part, repeat)`, then `row(offset, width)` for each row,
/// then `pause()` after each LaneSums::kRows rows and at the end; part after part of the
/// channels.
template <class Walker>
void walk(std::size_t elements, std::size_t channels, Walker& walker) {
  ensure(channels > 0 && elements % channels == 0, "a pixel has all its channels");
  const std::size_t pixels = elements / channels;
  const RowShape shape = row_shape(channels);
  for (std::size_t first = 0; first < channels; first += shape.part) {
    const std::size_t part = std::min(shape.part, channels - first);
    const std::size_t repeat = std::min(shape.pixels, std::max<std::size_t>(pixels, 1));
    walker.begin(first, part, repeat);
    std::size_t rows = 0;
    for (std::size_t pixel = 0; pixel < pixels; pixel += repeat) {
      walker.row(pixel * channels + first, std::min(repeat, pixels - pixel) * part);
      if (++rows % LaneSums::kRows == 0) walker.pause();
    }
    walker.pause();
  }
}

std::span<const float> part_of(std::span<const float> x, std::size_t first,
                               std::size_t part) {
  return x.subspan(first, part);
}

/// out[i] = f(i, lane): f reads what it needs at element i and at its lane's constants.
template <std::size_t N, class F>
struct MapWalker {
  std::span<const float> constants[N];
  float* out;
  F f;
  Lanes lanes[N];

  void begin(std::size_t first, std::size_t part, std::size_t repeat) {
    for (std::size_t n = 0; n < N; ++n) {
      lanes[n].fill(part_of(constants[n], first, part), repeat);
    }
  }
  void row(std::size_t offset, std::size_t width) {
    const F each = f;
    float* __restrict to = out + offset;
#pragma GCC ivdep
    for (std::size_t lane = 0; lane < width; ++lane) {
      to[lane] = each(offset + lane, lane, lanes);
    }
  }
  void pause() {}
};

/// Both sums of f(i, lane) -> Terms over the pixels of each channel.
struct Terms {
  float first;
  float second;
};

template <std::size_t N, class F>
struct SumWalker {
  std::span<const float> constants[N];
  std::span<double> first_sum;
  std::span<double> second_sum;
  F f;
  Lanes lanes[N] = {};
  LaneSums first_lanes = {};
  LaneSums second_lanes = {};
  std::size_t from = 0, part = 0, repeat = 0;

  void begin(std::size_t first, std::size_t part_size, std::size_t repeats) {
    from = first, part = part_size, repeat = repeats;
    for (std::size_t n = 0; n < N; ++n) {
      lanes[n].fill(part_of(constants[n], from, part), repeat);
    }
  }
  void row(std::size_t offset, std::size_t width) {
    const F each = f;
    float* __restrict first = first_lanes.lanes();
    float* __restrict second = second_lanes.lanes();
#pragma GCC ivdep
    for (std::size_t lane = 0; lane < width; ++lane) {
      const Terms terms = each(offset + lane, lane, lanes);
      first[lane] += terms.first;
      second[lane] += terms.second;
    }
  }
  void pause() {
    first_lanes.spill(first_sum.subspan(from, part), repeat);
    second_lanes.spill(second_sum.subspan(from, part), repeat);
  }
};

template <class F, class... Constants>
void map_rows(std::span<float> out, F f, std::span<const float> first,
              Constants... more) {
  MapWalker<1 + sizeof...(more), F> walker{{first, more...}, out.data(), f, {}};
  walk(out.size(), first.size(), walker);
}

template <class F, class... Constants>
void sum_rows(std::size_t elements, std::span<double> first, std::span<double> second,
              F f, Constants... constants) {
  std::fill(first.begin(), first.end(), 0.0);
  std::fill(second.begin(), second.end(), 0.0);
  SumWalker<sizeof...(Constants), F> walker{{constants...}, first, second, f};
  walk(elements, first.size(), walker);
}

/// The sums were taken of dy * (x - mean).
void scale_by_deviation(const ChannelMoments& moments, std::span<double> dy_xhat) {
  for (std::size_t c = 0; c < dy_xhat.size(); ++c)
    dy_xhat[c] *= moments.inverse_deviation[c];
}

float relu(float v) { return v < 0 ? 0.0f : v; }

}  // namespace

void batch_statistics(std::span<const float> x, std::span<const float> around,
                      std::span<double> sum, std::span<double> sum_of_squares) {
  const float* in = x.data();
  const auto terms = [in](std::size_t i, std::size_t lane, const Lanes* constants) {
    const float v = in[i] - constants[0][lane];
    return Terms{v, v * v};
  };
  sum_rows(x.size(), sum, sum_of_squares, terms, around);
}

void batch_moments(std::size_t pixels, std::span<const float> around,
                   std::span<const double> sum, std::span<const double> sum_of_squares,
                   std::span<float> mean, std::span<float> variance) {
  for (std::size_t c = 0; c < around.size(); ++c) {
    const double shifted_mean = sum[c] / double(pixels);
    const double spread =
        sum_of_squares[c] / double(pixels) - shifted_mean * shifted_mean;
    mean[c] = float(around[c] + shifted_mean);
    variance[c] = float(spread < 0 ? 0 : spread);
  }
}

void fold_normalisation(std::span<const float> gamma, std::span<const float> beta,
                        std::span<const float> mean, std::span<const float> variance,
                        float epsilon, std::span<float> scale, std::span<float> shift,
                        std::span<float> inverse_deviation) {
  for (std::size_t c = 0; c < gamma.size(); ++c) {
    const double inverse = 1 / std::sqrt(double(variance[c]) + epsilon);
    inverse_deviation[c] = float(inverse);
    scale[c] = float(gamma[c] * inverse);
    shift[c] = float(beta[c] - mean[c] * gamma[c] * inverse);
  }
}

void normalise(std::span<const float> x, const ChannelAffine& affine,
               std::span<float> y) {
  const float* in = x.data();
  const auto value = [in](std::size_t i, std::size_t lane, const Lanes* constants) {
    return in[i] * constants[0][lane] + constants[1][lane];
  };
  map_rows(y, value, affine.scale, affine.shift);
}

void normalise_relu(std::span<const float> x, const ChannelAffine& affine,
                    std::span<float> y) {
  const float* in = x.data();
  const auto value = [in](std::size_t i, std::size_t lane, const Lanes* constants) {
    return relu(in[i] * constants[0][lane] + constants[1][lane]);
  };
  map_rows(y, value, affine.scale, affine.shift);
}

void normalise_add_relu(std::span<const float> x, const ChannelAffine& affine,
                        std::span<const float> addend, std::span<float> y) {
  const float* in = x.data();
  const float* added = addend.data();
  const auto value = [in, added](std::size_t i, std::size_t lane,
                                 const Lanes* constants) {
    return relu(in[i] * constants[0][lane] + constants[1][lane] + added[i]);
  };
  map_rows(y, value, affine.scale, affine.shift);
}

void normalise_backward_sums(std::span<const float> x, std::span<const float> dy,
                             const ChannelMoments& moments, const ChannelSums& sums) {
  const float* in = x.data();
  const float* gradient = dy.data();
  const auto terms = [in, gradient](std::size_t i, std::size_t lane,
                                    const Lanes* constants) {
    return Terms{gradient[i], gradient[i] * (in[i] - constants[0][lane])};
  };
  sum_rows(x.size(), sums.dy, sums.dy_xhat, terms, moments.mean);
  scale_by_deviation(moments, sums.dy_xhat);
}

void normalise_relu_backward_sums(std::span<const float> x, std::span<const float> dy,
                                  const ChannelAffine& affine,
                                  const ChannelMoments& moments,
                                  const ChannelSums& sums) {
  const float* in = x.data();
  const float* gradient = dy.data();
  const auto terms = [in, gradient](std::size_t i, std::size_t lane,
                                    const Lanes* constants) {
    const bool passed = in[i] * constants[1][lane] + constants[2][lane] > 0;
    const float g = passed ? gradient[i] : 0.0f;
    return Terms{g, g * (in[i] - constants[0][lane])};
  };
  sum_rows(x.size(), sums.dy, sums.dy_xhat, terms, moments.mean, affine.scale,
           affine.shift);
  scale_by_deviation(moments, sums.dy_xhat);
}

void normalise_add_relu_backward_sums(std::span<const float> x, std::span<const float> y,
                                      std::span<float> dy, const ChannelMoments& moments,
                                      const ChannelSums& sums) {
  const float* in = x.data();
  const float* out = y.data();
  float* gradient = dy.data();
  const auto terms = [in, out, gradient](std::size_t i, std::size_t lane,
                                         const Lanes* constants) {
    const float g = out[i] > 0 ? gradient[i] : 0.0f;
    gradient[i] = g;
    return Terms{g, g * (in[i] - constants[0][lane])};
  };
  sum_rows(x.size(), sums.dy, sums.dy_xhat, terms, moments.mean);
  scale_by_deviation(moments, sums.dy_xhat);
}

void fold_gradient(std::size_t pixels, std::span<const float> scale,
                   const ChannelMoments& moments, std::span<const double> sum_dy,
                   std::span<const double> sum_dy_xhat, std::span<float> slope,
                   std::span<float> constant) {
  for (std::size_t c = 0; c < scale.size(); ++c) {
    const double by_x = -double(scale[c]) * moments.inverse_deviation[c] *
                        sum_dy_xhat[c] / double(pixels);
    slope[c] = float(by_x);
    constant[c] = float(-scale[c] * sum_dy[c] / double(pixels) - by_x * moments.mean[c]);
  }
}

void normalise_backward(std::span<const float> x, std::span<const float> dy,
                        const ChannelGradient& gradient, std::span<float> dx) {
  const float* in = x.data();
  const float* out_gradient = dy.data();
  const auto value = [in, out_gradient](std::size_t i, std::size_t lane,
                                        const Lanes* constants) {
    return constants[0][lane] * out_gradient[i] + constants[1][lane] * in[i] +
           constants[2][lane];
  };
  map_rows(dx, value, gradient.scale, gradient.slope, gradient.constant);
}

void normalise_relu_backward(std::span<const float> x, std::span<const float> dy,
                             const ChannelGradient& gradient,
                             std::span<const float> shift, std::span<float> dx) {
  const float* in = x.data();
  const float* out_gradient = dy.data();
  const auto value = [in, out_gradient](std::size_t i, std::size_t lane,
                                        const Lanes* constants) {
    const bool passed = in[i] * constants[0][lane] + constants[3][lane] > 0;
    const float g = passed ? out_gradient[i] : 0.0f;
    return constants[0][lane] * g + constants[1][lane] * in[i] + constants[2][lane];
  };
  map_rows(dx, value, gradient.scale, gradient.slope, gradient.constant, shift);
}

}  // namespace bitsweep::kernels

// Ristretto's minifloat: a sign, e exponent bits, m mantissa bits; no denormals, infinity
// or NaN. Gysel, "Ristretto: Hardware-Oriented Approximation of Convolutional Neural
// Networks", arXiv:1605.06402; as in the authors' code, what is below 2^-bias becomes 0
// without rounding up, weights are rounded stochastically in training, and activations
// stay float in training.
//
// Departures: the authors' code lets the largest values round up to twice the top binade;
// here they saturate. Their format has no pattern for 0; here 0 takes that of -2^-bias,
// which becomes 0.

#include <algorithm>
#include <bit>
#include <cmath>

#include <fmt/format.h>

#include "framework/core/random.h"
#include "framework/engine/elementwise.h"
#include "framework/engine/rounding.h"
#include "framework/quant/loops.h"
#include "framework/quant/method.h"

namespace bitsweep::methods {
namespace {

struct MinifloatParams {
  int weight_bits = 8;
  int activation_bits = 8;
  int exponent_bits = 4;
  std::string rounding = "half_away";
  std::string training_rounding = "stochastic";
  bool quantize_activations_in_training = false;

  static Schema<MinifloatParams> schema() {
    using P = MinifloatParams;
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits,
               "Width of weights and biases: sign, exponent, mantissa.",
               bits_between(3, 16))
        .field("activation_bits", &P::activation_bits,
               "Width of the inputs and outputs of layers.", bits_between(3, 16))
        .field("exponent_bits", &P::exponent_bits,
               "Exponent bits of all of them; 5 of 16 is the range of half precision.",
               between(2, 7))
        .field("rounding", &P::rounding, "Ties of the mantissa.",
               one_of({"half_away", "half_even"}))
        .field("training_rounding", &P::training_rounding,
               "Of weights in training; nearest: as `rounding`.",
               one_of({"stochastic", "nearest"}))
        .field("quantize_activations_in_training", &P::quantize_activations_in_training,
               "The paper quantizes activations for evaluation only.");
  }
};

// The format as integers: the patterns of float32 from 2^-bias to the largest, in steps
// of one unit of the short mantissa.
struct Format {
  Format(int bits, int exponent_bits)
      : dropped(23 - (bits - 1 - exponent_bits)), count(1 << (bits - 1)) {
    const int bias = (1 << (exponent_bits - 1)) - 1;
    least = (127 - bias) << 23;
    largest = least + ((count - 1) << dropped);
  }

  int dropped;           // mantissa bits of float32 beyond the format's
  std::int32_t count;    // magnitudes
  std::int32_t least;    // pattern of 2^-bias
  std::int32_t largest;  // of the largest magnitude

  float magnitude(std::int32_t rank) const {
    return std::bit_cast<float>(least + (rank << dropped));
  }
};

// Adds what makes truncation a rounding, given the pattern of |x|.
struct HalfAway {
  std::int32_t operator()(std::int32_t, std::size_t, int dropped) const {
    return 1 << (dropped - 1);
  }
};
struct HalfEven {
  std::int32_t operator()(std::int32_t pattern, std::size_t, int dropped) const {
    return (1 << (dropped - 1)) - 1 + ((pattern >> dropped) & 1);
  }
};
struct Stochastic {
  RandomStream draws;
  std::int32_t operator()(std::int32_t, std::size_t i, int dropped) const {
    return std::int32_t(draws.bits_at(std::uint32_t(i)) >> (32 - dropped));
  }
};

// The magnitude's rank in the format, -1 for what is 0.
template <class Round>
std::int32_t rank_of(float x, std::size_t i, const Format& f, const Round& round) {
  const std::int32_t pattern = std::bit_cast<std::int32_t>(x) & 0x7fffffff;
  const std::int32_t bounded = std::min(pattern, f.largest);
  const std::int32_t rounded =
      std::min(bounded + round(bounded, i, f.dropped), f.largest) >> f.dropped;
  const std::int32_t rank = rounded - (f.least >> f.dropped);
  const bool is_zero = (pattern < f.least) | ((x < 0) & (rank == 0));
  return is_zero ? -1 : rank;
}

class Minifloat final : public Quantizer {
 public:
  struct Settings {
    bool half_even = false;
    bool stochastic_training = false;
    bool float_training = false;
    bool masks_gradient = false;  // to 0 where values saturate
  };
  Minifloat(const Site& site, Format format, Settings settings)
      : format_(format),
        settings_(settings),
        stream_(std::uint64_t(site.seed), site.name) {}

  void forward(std::span<const float> x, std::span<float> y,
               const Pass& pass) const override {
    if (pass.training && settings_.float_training) {
      if (x.data() != y.data()) kernels::copy(x, y);
    } else if (pass.training && settings_.stochastic_training) {
      quantize(x, y, Stochastic{stream_.substream(std::uint64_t(pass.step))});
    } else if (settings_.half_even) {
      quantize(x, y, HalfEven{});
    } else {
      quantize(x, y, HalfAway{});
    }
  }

  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
    settings_.half_even ? codes_of(x, codes, HalfEven{}) : codes_of(x, codes, HalfAway{});
  }

  // Weights pass all, activations what does not saturate where they are quantized.
  void backward(std::span<const float> x, std::span<const float> dy, std::span<float> dx,
                std::span<double>, const Pass& pass) const override {
    const bool was_float = pass.training && settings_.float_training;
    const float top = format_.magnitude(format_.count - 1);
    if (was_float || !settings_.masks_gradient) {
      if (dy.data() != dx.data()) kernels::copy(dy, dx);
    } else {
      transform(x, dy, dx,
                [top](float v, float g) { return std::fabs(v) <= top ? g : 0.0f; });
    }
  }

  // Negative magnitudes but the least, 0, positive magnitudes.
  Grid grid() const override {
    LevelGrid grid;
    grid.levels.reserve(2 * std::size_t(format_.count));
    for (std::int32_t rank = format_.count - 1; rank > 0; --rank) {
      grid.levels.push_back(-format_.magnitude(rank));
    }
    grid.levels.push_back(0);
    for (std::int32_t rank = 0; rank < format_.count; ++rank) {
      grid.levels.push_back(format_.magnitude(rank));
    }
    return {std::move(grid)};
  }

 private:
  template <class Round>
  void quantize(std::span<const float> x, std::span<float> y, Round round) const {
    for_each_indexed(x, [to = y.data(), f = format_, round](std::size_t i, float v) {
      const std::int32_t rank = rank_of(v, i, f, round);
      const float magnitude = f.magnitude(rank);
      to[i] = rank < 0 ? 0.0f : std::copysign(magnitude, v);
    });
  }

  template <class Round>
  void codes_of(std::span<const float> x, std::span<std::int32_t> codes,
                Round round) const {
    transform(x, codes, [f = format_, round](float v) {
      const std::int32_t rank = rank_of(v, 0, f, round);
      return rank < 0 ? f.count - 1 : v < 0 ? f.count - 1 - rank : f.count + rank;
    });
  }

  Format format_;
  Settings settings_;
  RandomStream stream_;
};

class MinifloatMethod final : public Method {
 public:
  using Params = MinifloatParams;
  static constexpr auto summary = "Short floating point: sign, exponent, mantissa.";
  static constexpr auto reference = "https://arxiv.org/abs/1605.06402";
  static constexpr auto formula =
      "(-1)^s (1 + m / 2^M) 2^(e - bias), bias = 2^(E-1) - 1; no denormals, "
      "infinities or NaN.";
  static constexpr auto recipe =
      "As dynamic fixed point; 8 bits with 4 or 5 of exponent.";
  static constexpr auto departures =
      "the largest values saturate, and 0 has the pattern of the least negative value.";

  explicit MinifloatMethod(const Params& params) : params_(params) {}

  static void check(const Params& params, std::vector<ParamProblem>& problems) {
    for (const auto& [name, bits] : {std::pair{"weight_bits", params.weight_bits},
                                     {"activation_bits", params.activation_bits}}) {
      if (bits >= params.exponent_bits + 1) continue;
      problems.push_back(
          {name, fmt::format("{} does not hold a sign and exponent_bits: {} "
                             "(at least {})",
                             bits, params.exponent_bits, params.exponent_bits + 1)});
    }
  }

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    const bool half_even = params_.rounding == "half_even";
    switch (site.role) {
      case Role::kWeight:
      case Role::kBias:
        return make(site, params_.weight_bits,
                    {.half_even = half_even,
                     .stochastic_training = params_.training_rounding == "stochastic"});
      case Role::kInput:
      case Role::kOutput:
        return make(site, params_.activation_bits,
                    {.half_even = half_even,
                     .float_training = !params_.quantize_activations_in_training,
                     .masks_gradient = true});
      case Role::kGradient:
      case Role::kOperand:
        return nullptr;
    }
    return nullptr;
  }

 private:
  std::unique_ptr<Quantizer> make(const Site& site, int bits,
                                  Minifloat::Settings settings) const {
    if (bits == kFloatBits) return nullptr;
    return std::make_unique<Minifloat>(site, Format(bits, params_.exponent_bits),
                                       settings);
  }

  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(minifloat, bitsweep::methods::MinifloatMethod)

// LogNet: a value is its sign and the rounded logarithm of its size, to base 2 or root 2.
// Miyashita, Lee, Murmann, "Convolutional Neural Networks using Logarithmic Data
// Representation", arXiv:1603.01025; Lee et al., "LogNet", ICASSP 2017. Letters are the
// papers'.
//
// LogQuant(x, b, FSR): the code 0 is 0, the other 2^b - 1 are exponents below FSR, so
// that the largest size is one step below 2^FSR. What needs a sign has a bit more. FSR,
// the full scale range, is the least integer with 2^FSR >= max|x|: of the weights at
// hand, of the calibration batches for activations, of each image for gradients.
//
// Signed values of k bits are a sign and b = k - 1 bits, as the 5 bits of the paper's
// table are commonly read.

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "framework/engine/elementwise.h"
#include "framework/engine/reductions.h"
#include "framework/engine/vector_math.h"
#include "framework/quant/idle_parameters.h"
#include "framework/quant/loops.h"
#include "framework/quant/method.h"
#include "methods/dynamic_fixed_point/fixed_point.h"

namespace bitsweep::methods {
namespace {

struct LognetParams {
  int weight_bits = 5;
  int activation_bits = 4;
  int gradient_bits = 32;
  std::string weight_base = "mixed";
  std::string activation_base = "2";
  int range_shift = 0;

  static Schema<LognetParams> schema() {
    using P = LognetParams;
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits, "Width of weights, with the sign.",
               bits_between(2, 6))
        .field("activation_bits", &P::activation_bits,
               "Width of layer inputs, with the sign where they have one.",
               bits_between(2, 6))
        .field("gradient_bits", &P::gradient_bits,
               "Width of the gradients of layer outputs, with the sign.",
               bits_between(2, 6))
        .field("weight_base", &P::weight_base,
               "Of the logarithm; mixed: sqrt2 in convolutions, 2 elsewhere, as the "
               "paper.",
               one_of({"mixed", "2", "sqrt2"}))
        .field("activation_base", &P::activation_base, "Of inputs and gradients.",
               one_of({"2", "sqrt2"}))
        .field("range_shift", &P::range_shift,
               "Added to FSR; below 0 the largest values saturate.", between(-8, 8));
  }
};

constexpr float kRoot2 = 1.41421356f;

// 2^-steps or sqrt(2)^-steps.
float level_of(std::int32_t steps, bool root2) {
  if (!root2) return power_of_2(-steps);
  const float odd = (steps & 1) != 0 ? kRoot2 : 1.0f;
  return power_of_2(-((steps + 1) >> 1)) * odd;
}

int full_scale_range(float largest) {
  return largest > 0 ? std::clamp(ceil_log2(std::min(largest, 0x1p127f)), -60, 100) : 0;
}

// LogQuant with FSR fixed.
struct LogQuant {
  std::int32_t count = 1;  // sizes: 2^b - 1
  bool root2 = false;
  std::int32_t fsr = 0;

  // Calls f with the base known to the compiler, so that loops within it are vectorised.
  template <class F>
  void with_base(F f) const {
    root2 ? f(std::true_type()) : f(std::false_type());
  }

  // Steps below FSR, from 1 to `count`; more where the value is 0.
  template <class Root2>
  std::int32_t steps(float x, Root2) const {
    const std::int32_t at =
        Root2::value ? 2 * fsr - nearest_half_log2(x) : fsr - nearest_log2(x);
    return std::max(at, 1);
  }
  template <class Root2>
  float value(float x, Root2 base) const {
    const std::int32_t s = steps(x, base);
    const float size = power_of_2(fsr) * level_of(std::min(s, count), Root2::value);
    return s > count ? 0.0f : std::copysign(size, x);
  }
  // Levels ascend, 0 in their middle: `count` of them below it.
  template <class Root2>
  std::int32_t signed_code(float x, Root2 base) const {
    const std::int32_t s = steps(x, base);
    const std::int32_t rank = s > count ? 0 : count + 1 - s;
    return x < 0 ? count - rank : count + rank;
  }
};

class Logarithmic final : public Quantizer {
 public:
  // `bits` with the sign, if there is one.
  Logarithmic(const Site& site, int bits, bool is_signed, bool root2, int shift)
      : role_(site.role),
        signed_(is_signed),
        shift_(shift),
        quant_{.count = (1 << (is_signed ? bits - 1 : bits)) - 1, .root2 = root2} {}

  void calibrate(std::span<const float> x) override {
    largest_ = std::max(largest_, kernels::max_abs(x));
  }
  void finish_calibration() override { quant_.fsr = range_of(largest_); }
  void prepare(std::span<const float> w) override {
    quant_.fsr = range_of(kernels::max_abs(w));
  }

  void visit_state(StateVisitor& visitor) override { visitor.integer("fsr", quant_.fsr); }

  void forward(std::span<const float> x, std::span<float> y,
               const Pass& pass) const override {
    if (role_ == Role::kGradient) return quantize_images(x, y, pass);
    quant_.with_base([&](auto base) {
      if (signed_) {
        transform(x, y, [q = quant_, base](float v) { return q.value(v, base); });
      } else {
        transform(x, y, [q = quant_, base](float v) {
          const float size = q.value(v, base);
          return v > 0 ? size : 0.0f;
        });
      }
    });
  }

  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
    quant_.with_base([&](auto base) {
      if (signed_) {
        transform(x, codes,
                  [q = quant_, base](float v) { return q.signed_code(v, base); });
      } else {
        transform(x, codes, [q = quant_, base](float v) {
          return v > 0 ? q.signed_code(v, base) - q.count : 0;
        });
      }
    });
  }

  // Weights pass all; activations what lies within the range.
  void backward(std::span<const float> x, std::span<const float> dy, std::span<float> dx,
                std::span<double>, const Pass&) const override {
    if (role_ == Role::kWeight) {
      if (dy.data() != dx.data()) kernels::copy(dy, dx);
      return;
    }
    const float top = power_of_2(quant_.fsr);
    const float bottom = signed_ ? -top : 0;
    transform(x, dy, dx, [top, bottom](float v, float g) {
      return (bottom <= v) & (v <= top) ? g : 0.0f;
    });
  }

  Grid grid() const override {
    LevelGrid grid{.scale = {power_of_2(quant_.fsr)}};
    for (std::int32_t s = 1; signed_ && s <= quant_.count; ++s) {
      grid.levels.push_back(-level_of(s, quant_.root2));
    }
    grid.levels.push_back(0);
    for (std::int32_t s = quant_.count; s >= 1; --s) {
      grid.levels.push_back(level_of(s, quant_.root2));
    }
    return {std::move(grid)};
  }

 private:
  std::int32_t range_of(float largest) const {
    return full_scale_range(largest) + shift_;
  }

  void quantize_images(std::span<const float> g, std::span<float> y,
                       const Pass& pass) const {
    const std::size_t size = g.size() / pass.images;
    parallel_blocks(int(pass.images), [&](int image) {
      const std::size_t begin = std::size_t(image) * size;
      const auto own = g.subspan(begin, size);
      LogQuant q = quant_;
      q.fsr = range_of(kernels::max_abs(own));
      q.with_base([&](auto base) {
        transform(own, y.subspan(begin, size),
                  [q, base](float v) { return q.value(v, base); });
      });
    });
  }

  Role role_;
  bool signed_;
  int shift_;
  float largest_ = 0;
  LogQuant quant_;
};

class Lognet final : public Method {
 public:
  using Params = LognetParams;
  static constexpr auto summary = "Logarithmic quantization of weights and activations.";
  static constexpr auto reference = "https://arxiv.org/abs/1603.01025";
  static constexpr auto formula =
      "Q(x) = sign(x) b^e, e = round(log_b |x|) below FSR, 0 where the codes "
      "end; b is 2 or sqrt 2.";
  static constexpr auto recipe =
      "Without training: convolutions at 5 bits to base sqrt 2, fully connected "
      "layers at 4 to base 2, activations at 3 or 4; the image stays linear.";
  static constexpr auto departures =
      "the range of weights follows them in training; a network's image is quantized "
      "like any input where `edges` asks for it; FSR lies between -60 and 100, so that "
      "values beyond 2^100 (about 1e30) saturate.";
  // The largest size is below 2^FSR: a second pass may find a smaller range.
  static constexpr Claims weight_claims = {.idempotent = true};

  explicit Lognet(const Params& params) : params_(params) {}

  std::vector<ParamProblem> without_effect(const RunFacts& run) const override {
    return idle_gradient_bits(params_.gradient_bits, run.steps);
  }

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    const bool fine = params_.activation_base == "sqrt2";
    switch (site.role) {
      case Role::kWeight: {
        const bool root2 = params_.weight_base == "sqrt2" ||
                           (params_.weight_base == "mixed" && site.is_convolution);
        return make(site, params_.weight_bits, true, root2);
      }
      case Role::kInput:
        return make(site, params_.activation_bits, site.is_signed, fine);
      case Role::kGradient:
        return make(site, params_.gradient_bits, true, fine);
      case Role::kOutput:
      case Role::kBias:
      case Role::kOperand:
        return nullptr;
    }
    return nullptr;
  }

 private:
  std::unique_ptr<Quantizer> make(const Site& site, int bits, bool is_signed,
                                  bool root2) const {
    if (bits == kFloatBits) return nullptr;
    return std::make_unique<Logarithmic>(site, bits, is_signed, root2,
                                         params_.range_shift);
  }

  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(lognet, bitsweep::methods::Lognet)

#include "framework/quant/run_time_scales.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "framework/engine/reductions.h"
#include "framework/quant/affine_loops.h"

namespace bitsweep {
namespace {

class ScalesOfImages final : public Quantizer, public ScalesEachImage {
 public:
  ScalesOfImages(const AffineCodes& codes, std::size_t elements)
      : codes_(codes), elements_(elements) {}

  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    for_each_image(x.size(), [&](std::size_t begin, std::size_t size) {
      const auto own = x.subspan(begin, size);
      quantize_affine(own, y.subspan(begin, size), codes_,
                      affine_quantization_of(own, codes_));
    });
  }

  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
    for_each_image(x.size(), [&](std::size_t begin, std::size_t size) {
      const auto own = x.subspan(begin, size);
      encode_affine(own, codes.subspan(begin, size), codes_,
                    affine_quantization_of(own, codes_));
    });
  }

  void backward(std::span<const float> x, std::span<const float> dy, std::span<float> dx,
                std::span<double> /*sums*/, const Pass&) const override {
    for_each_image(x.size(), [&](std::size_t begin, std::size_t size) {
      const auto own = x.subspan(begin, size);
      pass_affine_gradient(own, dy.subspan(begin, size), dx.subspan(begin, size), codes_,
                           affine_quantization_of(own, codes_));
    });
  }

  Grid grid() const override {
    return UniformGrid{.low = codes_.low, .high = codes_.high};
  }

  const AffineCodes& affine() const override { return codes_; }

  Grid grid_of(std::span<const float> x) const override {
    UniformGrid grid{
        .low = codes_.low, .high = codes_.high, .scale = {}, .zero_point = {}};
    for_each_image(x.size(), [&](std::size_t begin, std::size_t size) {
      const auto q = affine_quantization_of(x.subspan(begin, size), codes_);
      grid.scale.push_back(q.scale);
      grid.zero_point.push_back(q.zero_point);
    });
    if (grid.scale.empty()) return this->grid();
    const std::size_t images = grid.scale.size();
    return {std::move(grid),
            images > 1 ? ChannelLayout{images, elements_} : ChannelLayout{}};
  }

 private:
  template <class Body>
  void for_each_image(std::size_t size, Body body) const {
    for (std::size_t begin = 0; begin < size; begin += elements_) {
      body(begin, std::min(elements_, size - begin));
    }
  }

  AffineCodes codes_;
  std::size_t elements_;  // of an image
};

class ScalesOfBatches final : public Quantizer,
                              public FollowsBatches,
                              public ScalesEachBatch {
 public:
  explicit ScalesOfBatches(const AffineCodes& codes)
      : codes_(codes), q_(affine_quantization({}, codes)) {}

  void calibrate(std::span<const float> x) override {
    q_ = affine_quantization_of(x, codes_);
  }

  std::size_t measures() const override { return 2; }
  void measure(std::span<const float> x, std::span<double> ends) const override {
    const auto [low, high] = kernels::min_max(x);
    ends[0] = low;
    ends[1] = high;
  }
  void follow(std::span<const double> rows) override {
    Range range;
    for (std::size_t i = 0; i + 1 < rows.size(); i += 2) {
      range.low = std::min(range.low, float(rows[i]));
      range.high = std::max(range.high, float(rows[i + 1]));
    }
    q_ = affine_quantization(range, codes_);
  }
  bool follows_evaluation() const override { return true; }

  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    quantize_affine(x, y, codes_, q_);
  }
  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
    encode_affine(x, codes, codes_, q_);
  }
  void backward(std::span<const float> x, std::span<const float> dy, std::span<float> dx,
                std::span<double> /*sums*/, const Pass&) const override {
    pass_affine_gradient(x, dy, dx, codes_, q_);
  }

  Grid grid() const override {
    return UniformGrid{.low = codes_.low,
                       .high = codes_.high,
                       .scale = {q_.scale},
                       .zero_point = {q_.zero_point}};
  }

  void visit_state(StateVisitor& visitor) override {
    visitor.value("scale", q_.scale);
    visitor.value("zero_point", q_.zero_point);
  }

  const AffineCodes& affine() const override { return codes_; }

 private:
  AffineCodes codes_;
  UniformQuantization q_;  // of the last batch
};

}  // namespace

std::unique_ptr<Quantizer> make_image_scales(const AffineCodes& codes,
                                             std::size_t elements) {
  return std::make_unique<ScalesOfImages>(codes, elements);
}

std::unique_ptr<Quantizer> make_batch_scales(const AffineCodes& codes) {
  return std::make_unique<ScalesOfBatches>(codes);
}

}  // namespace bitsweep

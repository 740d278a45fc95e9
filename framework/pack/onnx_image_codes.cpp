#include "framework/pack/onnx_image_codes.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace bitsweep {
namespace {

class ImageCodes {
 public:
  ImageCodes(OnnxWriter& writer, const std::string& name, bool of_batch,
             const AffineCodes& affine)
      : writer_(writer), name_(name), images_(of_batch ? 1 : 0), affine_(affine) {}

  OnnxImageCodes of(const std::string& x, bool is_flat) {
    // One channel of all the image's values, or the batch's: its largest, and its least.
    const auto row =
        node("row", "Reshape", {x, writer_.int64s(name_ + "/one", {images_, 1, -1})});
    const auto most = largest("largest", row);
    const auto least =
        node("least", "Neg", {largest("most_negative", node("negative", "Neg", {row}))});
    const auto shape = writer_.int64s(
        name_ + "/of_image", is_flat ? std::vector<std::int64_t>{images_, 1}
                                     : std::vector<std::int64_t>{images_, 1, 1, 1});
    constexpr float kFarthest = std::numeric_limits<float>::max() / 4;
    const auto low = node(
        "low", "Clip",
        {node("least_of", "Reshape", {least, shape}), number(-kFarthest), number(0)});
    const auto high = node(
        "high", "Clip",
        {node("largest_of", "Reshape", {most, shape}), number(0), number(kFarthest)});
    OnnxImageCodes made{.codes = {}, .scale = scale(low, high), .zero_point = {}};
    made.zero_point =
        affine_.symmetric ? number(float(affine_.centre)) : zero_point(low, made.scale);
    made.codes =
        node("codes", "Clip",
             {code(x, made), number(float(affine_.low)), number(float(affine_.high))});
    return made;
  }

 private:
  std::string number(float value) { return writer_.scalar(value); }
  std::string node(const char* part, const char* operation,
                   const std::vector<std::string>& inputs) {
    return writer_.node(name_ + "/" + part, operation, inputs);
  }
  std::string largest(const char* part, const std::string& row) {
    return node(part, "GlobalMaxPool", {row});
  }

  std::string scale(const std::string& low, const std::string& high) {
    const auto size = affine_.symmetric
                          ? node("size", "Max", {node("below", "Neg", {low}), high})
                          : node("size", "Sub", {high, low});
    const float levels = float(affine_.high - affine_.low);
    const float steps = !affine_.symmetric   ? levels
                        : affine_.half_range ? levels / 2
                                             : float(affine_.steps());
    const float least = std::max(affine_.least_scale, std::numeric_limits<float>::min());
    auto scale =
        node("scale", "Max", {node("step", "Div", {size, number(steps)}), number(least)});
    if (affine_.least_scale > 0) return scale;
    return node("scale", "Where",
                {node("is_zero", "Equal", {size, number(0)}), number(1), scale});
  }

  std::string zero_point(const std::string& low, const std::string& scale) {
    const auto first = number(float(affine_.low));
    const auto steps = node("low_steps", "Div", {low, scale});
    const auto zero = affine_.order == CodeOrder::kPytorch
                          ? node("zero", "Sub", {first, rounded("low_steps", steps)})
                          : rounded("zero", node("zero", "Sub", {first, steps}));
    return node("zero_point", "Clip", {zero, first, number(float(affine_.high))});
  }

  std::string code(const std::string& x, const OnnxImageCodes& of) {
    if (affine_.order == CodeOrder::kTensorflow) {
      return rounded("code", node("shifted", "Add",
                                  {node("steps", "Div", {x, of.scale}), of.zero_point}));
    }
    const auto steps =
        affine_.order == CodeOrder::kPytorch
            ? node("steps", "Mul", {x, node("inverse", "Div", {number(1), of.scale})})
            : node("steps", "Div", {x, of.scale});
    return node("shifted", "Add", {rounded("code", steps), of.zero_point});
  }

  // Ties to even; else a whole part, and 1 where what is left is a half or more.
  std::string rounded(const std::string& part, const std::string& x) {
    const std::string own = name_ + "/" + part;
    if (affine_.rounding == Rounding::kHalfEven) {
      return writer_.node(own + "/rounded", "Round", {x});
    }
    const bool away = affine_.rounding == Rounding::kHalfAway;
    const auto from = away ? writer_.node(own + "/magnitude", "Abs", {x}) : x;
    const auto whole = writer_.node(own + "/whole", "Floor", {from});
    const auto rest = writer_.node(own + "/rest", "Sub", {from, whole});
    const auto up = writer_.cast_to_float(
        own + "/up",
        writer_.node(own + "/is_half", "GreaterOrEqual", {rest, number(0.5f)}));
    const auto sum = writer_.node(own + "/rounded", "Add", {whole, up});
    if (!away) return sum;
    return writer_.node(own + "/signed", "Mul",
                        {sum, writer_.node(own + "/sign", "Sign", {x})});
  }

  OnnxWriter& writer_;
  const std::string name_;
  const std::int64_t images_;  // in a shape: 1, or 0 for as many as there are
  const AffineCodes affine_;
};

}  // namespace

OnnxImageCodes onnx_image_codes(OnnxWriter& writer, const std::string& name,
                                const std::string& x, bool is_flat, bool of_batch,
                                const AffineCodes& affine) {
  return ImageCodes(writer, name, of_batch, affine).of(x, is_flat);
}

std::string onnx_values_of(OnnxWriter& writer, const std::string& name,
                           const OnnxImageCodes& codes) {
  const auto centred =
      writer.node(name + "/centred", "Sub", {codes.codes, codes.zero_point});
  return writer.node(name + "/values", "Mul", {centred, codes.scale});
}

bool is_dynamic_quantize_linear(const AffineCodes& affine) {
  return affine.low == 0 && affine.high == 255 && !affine.symmetric &&
         affine.least_scale == 0 && affine.rounding == Rounding::kHalfEven &&
         affine.order == CodeOrder::kOnnx;
}

}  // namespace bitsweep

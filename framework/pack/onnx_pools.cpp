#include "framework/pack/onnx_pools.h"

#include <algorithm>

namespace bitsweep {
namespace {

// Borders that make windows end where ours do.
OnnxShape borders(const GraphNode& node, ImageShape in) {
  const Window& w = node.window;
  const auto behind = [](const WindowSide& side, int input, int output) {
    return std::max(0, side.start(output - 1) + side.kernel - input);
  };
  return {w.pad.top, w.pad.left, behind(down(w), in.height, node.output.height),
          behind(along(w), in.width, node.output.width)};
}

// [height, width]: what each sum is divided by; the border counts, what is beyond it
// does not.
std::vector<float> window_areas(const GraphNode& node, ImageShape in) {
  const Window& w = node.window;
  const auto length = [](const WindowSide& side, int index, int size) {
    const int start = side.start(index);
    return std::min(start + side.kernel, size + side.after) - start;
  };
  std::vector<float> areas;
  for (int h = 0; h < node.output.height; ++h) {
    for (int v = 0; v < node.output.width; ++v) {
      areas.push_back(
          float(length(down(w), h, in.height) * length(along(w), v, in.width)));
    }
  }
  return areas;
}

// Slices of `padded` along an axis, `extent` long, that begin at each of the offsets,
// added in their order.
std::string shifted_sums(OnnxWriter& writer, const std::string& name,
                         const std::string& padded, std::int64_t axis,
                         std::int64_t extent, const std::vector<std::int64_t>& offsets) {
  std::vector<std::string> terms;
  for (const auto offset : offsets) {
    terms.push_back(writer.node(
        name + "/shifted", "Slice",
        {padded, writer.int64s("from", {offset}), writer.int64s("to", {offset + extent}),
         writer.int64s("axes", {axis})}));
  }
  return writer.node(name, "Sum", terms);
}

// x * (k + weight * sums)^(-3/4), by two roots.
std::string response(OnnxWriter& writer, const GraphNode& node, const std::string& x,
                     const std::string& sums, float weight) {
  const auto weighted =
      writer.node(node.name + "/weighted", "Mul", {sums, writer.scalar(weight)});
  const auto base =
      writer.node(node.name + "/base", "Add", {weighted, writer.scalar(node.lrn.k)});
  const auto root = writer.node(node.name + "/root", "Sqrt", {base});
  const auto fourth = writer.node(node.name + "/fourth_root", "Sqrt", {root});
  const auto power = writer.node(node.name + "/power", "Mul", {root, fourth});
  const auto factor =
      writer.node(node.name + "/factor", "Div", {writer.scalar(1.0f), power});
  return writer.node(node.name, "Mul", {x, factor});
}

constexpr float kThreeQuarters = 0.75f;

}  // namespace

std::string onnx_max_pool(OnnxWriter& writer, const GraphNode& node, ImageShape in,
                          const std::string& x) {
  const Window& w = node.window;
  return writer.node(node.name, "MaxPool", {x},
                     {{"kernel_shape", onnx_sides(w.kernel)},
                      {"strides", onnx_sides(w.stride)},
                      {"pads", borders(node, in)}});
}

// The window's values one after the other, row by row: a pool's own operator adds in an
// order of its own, and divides by another area where a window ends beyond the border.
std::string onnx_average_pool(OnnxWriter& writer, const GraphNode& node, ImageShape in,
                              const std::string& x, OnnxSums order) {
  const Window& w = node.window;
  const ImageShape& out = node.output;
  const OnnxShape pads = borders(node, in);
  const auto areas = window_areas(node, in);
  const bool whole = std::all_of(areas.begin(), areas.end(), [&](float area) {
    return area == float(w.kernel.area());
  });
  if (whole && order == OnnxSums::kUsual) {
    return writer.node(node.name, "AveragePool", {x},
                       {{"kernel_shape", onnx_sides(w.kernel)},
                        {"strides", onnx_sides(w.stride)},
                        {"pads", pads},
                        {"count_include_pad", std::int64_t(1)}});
  }
  std::string padded = x;
  if (std::any_of(pads.begin(), pads.end(), [](auto pad) { return pad > 0; })) {
    padded =
        writer.node(node.name + "/padded", "Pad",
                    {x, writer.int64s(node.name + "/pads",
                                      {0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3]})});
  }
  std::vector<std::string> taps;
  for (int h = 0; h < w.kernel.height; ++h) {
    for (int v = 0; v < w.kernel.width; ++v) {
      taps.push_back(writer.node(
          node.name + "/tap", "Slice",
          {padded, writer.int64s("from", {h, v}),
           writer.int64s("to", {h + (out.height - 1) * w.stride.height + 1,
                                v + (out.width - 1) * w.stride.width + 1}),
           writer.int64s("axes", {2, 3}), writer.int64s("steps", onnx_sides(w.stride))}));
    }
  }
  const auto sums = writer.node(node.name + "/sums", "Sum", taps);
  const auto divisor =
      whole ? writer.scalar(areas.front())
            : writer.floats(node.name + "/area", {out.height, out.width}, areas);
  return writer.node(node.name, "Div", {sums, divisor});
}

// One by one: a running sum over the pixels, of which the last one counts.
std::string onnx_global_average_pool(OnnxWriter& writer, const GraphNode& node,
                                     ImageShape in, const std::string& x,
                                     OnnxSums order) {
  if (order == OnnxSums::kUsual) return writer.node(node.name, "GlobalAveragePool", {x});
  const auto pixels = std::int64_t(in.pixels());
  const auto rows =
      writer.node(node.name + "/pixels", "Reshape",
                  {x, writer.int64s(node.name + "/shape", {-1, in.channels, pixels})});
  const auto sums =
      writer.node(node.name + "/running", "CumSum", {rows, writer.scalar_int64(2)});
  const auto last = writer.node(node.name + "/sums", "Gather",
                                {sums, writer.int64s(node.name + "/last", {pixels - 1})},
                                {{"axis", std::int64_t(2)}});
  const auto means =
      writer.node(node.name + "/means", "Div", {last, writer.scalar(float(pixels))});
  return writer.node(
      node.name, "Reshape",
      {means, writer.int64s(node.name + "/image", {-1, in.channels, 1, 1})});
}

std::string onnx_lrn_within(OnnxWriter& writer, const GraphNode& node,
                            const std::string& x, OnnxSums order) {
  const ResponseNormalisation& lrn = node.lrn;
  const std::int64_t pad = lrn.size / 2;
  const auto squares = writer.node(node.name + "/squares", "Mul", {x, x});
  if (order == OnnxSums::kOneByOne && lrn.beta == kThreeQuarters) {
    const auto padded = writer.node(
        node.name + "/padded", "Pad",
        {squares, writer.int64s(node.name + "/pads", {0, 0, pad, pad, 0, 0, pad, pad})});
    // The middle, then outwards; and from above to below.
    std::vector<std::int64_t> outwards = {pad}, downwards = {0};
    for (std::int64_t k = 1; k <= pad; ++k) {
      outwards.insert(outwards.end(), {pad + k, pad - k});
      downwards.insert(downwards.end(), {2 * k - 1, 2 * k});
    }
    const auto rows = shifted_sums(writer, node.name + "/row_sums", padded, 3,
                                   node.output.width, outwards);
    const auto sums =
        shifted_sums(writer, node.name + "/sums", rows, 2, node.output.height, downwards);
    return response(writer, node, x, sums, lrn.alpha / float(lrn.size * lrn.size));
  }
  const auto means = writer.node(node.name + "/means", "AveragePool", {squares},
                                 {{"kernel_shape", OnnxShape{lrn.size, lrn.size}},
                                  {"strides", OnnxShape{1, 1}},
                                  {"pads", OnnxShape{pad, pad, pad, pad}},
                                  {"count_include_pad", std::int64_t(1)}});
  const auto weighted =
      writer.node(node.name + "/weighted", "Mul", {means, writer.scalar(lrn.alpha)});
  const auto base =
      writer.node(node.name + "/base", "Add", {weighted, writer.scalar(lrn.k)});
  const auto power =
      writer.node(node.name + "/power", "Pow", {base, writer.scalar(-lrn.beta)});
  return writer.node(node.name, "Mul", {x, power});
}

std::string onnx_pad_shortcut(OnnxWriter& writer, const GraphNode& node,
                              const std::string& x) {
  const Window& w = node.window;
  const ImageShape& out = node.output;
  const auto taken = writer.node(
      node.name + "/taken", "Slice",
      {x, writer.int64s("from", {0, 0}),
       writer.int64s("to", {(out.height - 1) * w.stride.height + 1,
                            (out.width - 1) * w.stride.width + 1}),
       writer.int64s("axes", {2, 3}), writer.int64s("steps", onnx_sides(w.stride))});
  const int zeros = node.zero_channels;
  if (zeros == 0) return taken;
  return writer.node(
      node.name, "Pad",
      {taken, writer.int64s(node.name + "/pads", {0, zeros, 0, 0, 0, zeros, 0, 0})});
}

std::string onnx_lrn_across(OnnxWriter& writer, const GraphNode& node,
                            const std::string& x, OnnxSums order) {
  const ResponseNormalisation& lrn = node.lrn;
  if (order == OnnxSums::kOneByOne && lrn.beta == kThreeQuarters) {
    const std::int64_t pad = lrn.size / 2;
    const auto squares = writer.node(node.name + "/squares", "Mul", {x, x});
    const auto padded = writer.node(
        node.name + "/padded", "Pad",
        {squares, writer.int64s(node.name + "/pads", {0, pad, 0, 0, 0, pad, 0, 0})});
    std::vector<std::int64_t> upwards;
    for (std::int64_t k = 0; k < lrn.size; ++k) upwards.push_back(k);
    const auto sums = shifted_sums(writer, node.name + "/sums", padded, 1,
                                   node.output.channels, upwards);
    return response(writer, node, x, sums, lrn.alpha / float(lrn.size));
  }
  return writer.node(node.name, "LRN", {x},
                     {{"alpha", node.lrn.alpha},
                      {"beta", node.lrn.beta},
                      {"bias", node.lrn.k},
                      {"size", std::int64_t(node.lrn.size)}});
}

std::string onnx_pixel_scales(OnnxWriter& writer, const GraphNode& node, ImageShape in,
                              const std::string& x, bool is_flat) {
  const auto values = float(is_flat ? in.elements() : std::size_t(in.channels));
  const auto magnitudes = writer.node(node.name + "/magnitudes", "Abs", {x});
  const auto sums = writer.node(node.name + "/pixel_sums", "ReduceSum",
                                {magnitudes, writer.int64s(node.name + "/axes", {1})},
                                {{"keepdims", std::int64_t(1)}});
  const auto means =
      writer.node(node.name + "/pixel_means", "Div", {sums, writer.scalar(values)});
  const Window& w = node.window;
  if (is_flat || (w.kernel == 1 && w.stride == 1)) return means;
  return writer.node(node.name + "/window_means", "AveragePool", {means},
                     {{"kernel_shape", onnx_sides(w.kernel)},
                      {"strides", onnx_sides(w.stride)},
                      {"pads", onnx_pads(w.pad)},
                      {"count_include_pad", std::int64_t(1)}});
}

}  // namespace bitsweep

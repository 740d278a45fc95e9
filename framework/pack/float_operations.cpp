#include "framework/pack/float_operations.h"

#include <algorithm>
#include <memory>

#include "framework/core/error.h"
#include "framework/engine/elementwise.h"
#include "framework/engine/integer/pooling.h"
#include "framework/engine/lrn.h"
#include "framework/engine/window_means.h"

namespace bitsweep {
namespace {

// Every stride-th pixel, with channels of zeros before and behind its own.
void pad_shortcut(StoredValue& from, StoredValue& to, Sides stride, int zeros,
                  const Slice& slice) {
  const ImageShape &in = from.shape, &out = to.shape;
  const auto x = from.floats_of(slice);
  const auto y = to.floats_of(slice);
  std::fill(y.begin(), y.end(), 0.0f);
  for (int image = 0; image < slice.images; ++image) {
    for (int row = 0; row < out.height; ++row) {
      for (int column = 0; column < out.width; ++column) {
        const std::size_t pixel =
            (std::size_t(image) * in.height + row * stride.height) * in.width +
            std::size_t(column) * stride.width;
        const std::size_t target =
            (std::size_t(image) * out.height + row) * out.width + column;
        std::copy_n(x.data() + pixel * in.channels, in.channels,
                    y.data() + target * out.channels + zeros);
      }
    }
  }
}

// The channels of `from` into those of `to` from `place` on.
void copy_channels(StoredValue& from, StoredValue& to, std::size_t place,
                   const Slice& slice) {
  const auto count = std::size_t(from.shape.channels);
  const auto all = std::size_t(to.shape.channels);
  const auto x = from.floats_of(slice);
  const auto y = to.floats_of(slice);
  for (std::size_t p = 0; p < x.size() / count; ++p) {
    std::copy_n(x.data() + p * count, count, y.data() + p * all + place);
  }
}

SliceWork lrn_work(const GraphNode& node, StoredValue& from, StoredValue& to,
                   std::span<const Slice> slices) {
  const bool within = node.operation == Operation::kLrnWithin;
  const std::size_t room = within ? within_channel_scratch(from.shape, node.lrn)
                                  : across_channels_scratch(from.shape, node.lrn);
  const auto scratch = std::make_shared<std::vector<Buffer>>();
  for (std::size_t s = 0; s < slices.size(); ++s) scratch->emplace_back(room);
  const auto kernel = within ? kernels::lrn_within_forward : kernels::lrn_across_forward;
  return [&from, &to, scratch, kernel, lrn = node.lrn](const Slice& slice) {
    kernel(from.shape, slice.images, lrn, from.floats_of(slice), to.floats_of(slice),
           (*scratch)[std::size_t(slice.index)].span());
  };
}

}  // namespace

PoolGeometry pool_of(const GraphNode& node, ImageShape input) {
  return {.input = input,
          .output = node.output,
          .kernel = node.window.kernel,
          .stride = node.window.stride,
          .pad = node.window.pad};
}

SliceWork float_work(const GraphNode& node, const std::vector<StoredValue*>& inputs,
                     StoredValue& output, std::span<const Slice> slices) {
  StoredValue &from = *inputs.front(), &to = output;
  switch (node.operation) {
    case Operation::kMaxPool:
      return [&from, &to, pool = pool_of(node, from.shape)](const Slice& s) {
        kernels::max_pool(pool, s.images, from.floats_of(s), to.floats_of(s));
      };
    case Operation::kAveragePool:
      return [&from, &to, pool = pool_of(node, from.shape)](const Slice& s) {
        kernels::average_pool_forward(pool, s.images, from.floats_of(s), to.floats_of(s));
      };
    case Operation::kGlobalAveragePool:
      return [&from, &to](const Slice& s) {
        kernels::global_average_pool_forward(from.shape, s.images, from.floats_of(s),
                                             to.floats_of(s));
      };
    case Operation::kLrnAcross:
    case Operation::kLrnWithin:
      return lrn_work(node, from, to, slices);
    case Operation::kPadShortcut:
      return [&from, &to, stride = node.window.stride, zeros = node.zero_channels](
                 const Slice& s) { pad_shortcut(from, to, stride, zeros, s); };
    case Operation::kConcat:
      return [inputs, &to](const Slice& s) {
        std::size_t place = 0;
        for (StoredValue* const input : inputs) {
          copy_channels(*input, to, place, s);
          place += std::size_t(input->shape.channels);
        }
      };
    default:
      ensure(false, "every operation is planned");
      return {};
  }
}

SliceWork code_pool_work(const PoolGeometry& pool, StoredValue& input,
                         const CodeForm& form, StoredValue& output) {
  return [pool, &input, &form, &output](const Slice& slice) {
    const auto x = input.bytes_of(slice);
    const auto y = output.bytes_of(slice);
    if (form.input().is_signed) {
      kernels::max_pool_codes<std::int8_t>(
          pool, slice.images, {reinterpret_cast<const std::int8_t*>(x.data()), x.size()},
          {reinterpret_cast<std::int8_t*>(y.data()), y.size()});
    } else {
      kernels::max_pool_codes<std::uint8_t>(pool, slice.images, x, y);
    }
    form.decode(y, output.shape.channels,
                output.needs_floats ? output.floats_of(slice) : std::span<float>{},
                output.needs_bits ? output.bits_of(slice) : std::span<std::uint64_t>{});
  };
}

SliceWork split_work(const CodeForm& form, StoredValue& value) {
  return [&form, &value](const Slice& slice) {
    if (!value.needs_high_bytes) return;
    form.split_values(value.floats_of(slice), value.bytes_of(slice),
                      value.high_bytes_of(slice));
  };
}

SliceWork pixel_scale_work(const ConvolutionGeometry& geometry, StoredValue& input,
                           Buffer& a, Buffer& k) {
  return [&input, &a, &k, geometry](const Slice& slice) {
    const auto part = [&](Buffer& all, std::size_t pixels) {
      return all.span().subspan(std::size_t(slice.begin) * pixels,
                                std::size_t(slice.images) * pixels);
    };
    const auto own = part(a, geometry.input.pixels());
    kernels::mean_magnitudes(input.floats_of(slice), own);
    kernels::window_means(geometry, slice.images, own, part(k, geometry.output.pixels()));
  };
}

}  // namespace bitsweep

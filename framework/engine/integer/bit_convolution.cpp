#include "framework/engine/integer/bit_convolution.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "framework/core/error.h"
#include "framework/engine/integer/aligned.h"
#include "framework/engine/integer/bit_kernel.h"
#include "framework/engine/reference/integer.h"

namespace bitsweep {
namespace {

int rounded_up(int n, int step) { return (n + step - 1) / step * step; }

// A 1x1 convolution of 1x1 images is one of a single image as wide as there are images:
// so a linear layer has rows of pixels, too.
bool is_linear(const ConvolutionGeometry& g) {
  return g.input.pixels() == 1 && g.kernel == 1 && g.pad == 0;
}

ConvolutionGeometry in_one_row(ConvolutionGeometry g, int images) {
  if (is_linear(g)) g.input.width = g.output.width = images, g.stride = Sides(1);
  return g;
}

// Which taps of the kernel lie inside the image along one side, for each output position:
// positions with the same taps are of one class.
struct BorderClasses {
  struct Extent {
    int begin, end;  // of taps inside
    friend bool operator==(const Extent&, const Extent&) = default;
  };
  std::vector<Extent> extents;  // of each class
  std::vector<int> class_of;    // of each output position

  BorderClasses(int outputs, int size, const WindowSide& side) {
    for (int output = 0; output < outputs; ++output) {
      const int start = side.start(output);
      const int begin = std::clamp(-start, 0, side.kernel);
      const Extent extent{begin, std::clamp(size - start, begin, side.kernel)};
      const auto found = std::find(extents.begin(), extents.end(), extent);
      class_of.push_back(int(found - extents.begin()));
      if (found == extents.end()) extents.push_back(extent);
    }
  }
};

// Bytes are written in the loops below, and bytes may be anything: with the sizes as
// arguments the compiler need not load them again after each.

template <std::size_t bytes>
void copy_pixels(const std::uint8_t* from, std::size_t step, int pixels,
                 std::uint8_t* to) {
  for (int pixel = 0; pixel < pixels; ++pixel, from += step, to += bytes) {
    std::memcpy(to, from, bytes);
  }
}

void copy_row(const std::uint8_t* from, std::size_t step, int pixels, std::uint8_t* to,
              int bytes) {
  switch (bytes) {  // sizes that the compiler knows are one move each
    case 1:
      return copy_pixels<1>(from, step, pixels, to);
    case 2:
      return copy_pixels<2>(from, step, pixels, to);
    case 4:
      return copy_pixels<4>(from, step, pixels, to);
    case 8:
      return copy_pixels<8>(from, step, pixels, to);
    default:
      for (int pixel = 0; pixel < pixels; ++pixel, from += step, to += bytes) {
        std::memcpy(to, from, std::size_t(bytes));
      }
  }
}

// Channels [first, first + depth) of a pixel, from wherever they lie in its words.
void copy_bits(const std::uint64_t* x, int first, int depth, std::uint8_t* to) {
  std::fill(to, to + (depth + 7) / 8, std::uint8_t{0});
  for (int c = 0; c < depth; ++c) {
    const int bit = first + c;
    to[c / 8] |= std::uint8_t(((x[bit / 64] >> (bit % 64)) & 1) << (c % 8));
  }
}

// y = addend + factor * counts; addend may be y.
void add_times(std::int32_t factor, const std::int32_t* counts, int n,
               const std::int32_t* addend, std::int32_t* y) {
  for (int i = 0; i < n; ++i) y[i] = addend[i] + factor * counts[i];
}

// The bits of an image are copied into one of whole bytes a pixel, with a border of 0.
// There the taps of one kernel row are adjacent bytes, whatever the number of channels,
// and are taken four bytes at a time. A row's last word may reach into the next pixel:
// then a mask leaves those bits out. Border bits read as +1; a table of each filter's
// negative weights outside the image, one for each class of output pixels, takes them off
// again.
class PackedBitConvolution final : public BitConvolution {
 public:
  PackedBitConvolution(const BitKernel& kernel, const ConvolutionGeometry& geometry,
                       BitInput input, int images, int slots)
      : kernel_(kernel),
        g_(in_one_row(geometry, images)),
        images_(is_linear(geometry) ? 1 : images),
        planes_(input.planes),
        filters_(g_.output.channels / g_.groups),
        blocks_(rounded_up(filters_, kFilterBlock) / kFilterBlock),
        pixel_bytes_((g_.channels_per_group() + 7) / 8),
        row_words_(rounded_up(g_.kernel.width * pixel_bytes_, 4) / 4),
        row_bytes_((g_.input.width + g_.pad.width()) * pixel_bytes_),
        rows_(g_.output.height, g_.input.height, down(g_)),
        columns_(g_.output.width, g_.input.width, along(g_)) {
    for (int i = 0; i < g_.kernel.height; ++i) {
      for (int j = 0; j < row_words_; ++j) offsets_.push_back(i * row_bytes_ + 4 * j);
    }
    const std::size_t image_bytes =
        std::size_t(g_.input.height + g_.pad.height()) * std::size_t(row_bytes_) + 4;
    const std::size_t sums =
        std::size_t(g_.output.width) * std::size_t(filters_in_blocks());
    for (int slot = 0; slot < slots; ++slot) {
      scratch_.push_back(
          {AlignedVector<std::uint8_t>(image_bytes), AlignedVector<std::int32_t>(sums)});
    }
  }

  void pack_weights(std::span<const std::int8_t> weights) override {
    const bool has_zero = std::find(weights.begin(), weights.end(), 0) != weights.end();
    const bool reaches_over = g_.kernel.width * pixel_bytes_ % 4 != 0;
    operation_ = has_zero || reaches_over ? BitOperation::kMasked : BitOperation::kXor;
    parts_ = operation_ == BitOperation::kXor ? 1 : 2;
    weights_.assign(std::size_t(g_.groups) * group_weights(), 0);
    for (int f = 0; f < g_.output.channels; ++f) pack_filter(weights, f);
    fill_bases(weights);
  }

  void forward(int slot, const std::uint64_t* x, std::int32_t* y) const override {
    const std::size_t image_words = g_.input.pixels() *
                                    std::size_t(std::max(planes_, 1)) *
                                    bit_words(g_.input.channels);
    for (int image = 0; image < images_; ++image) {
      for (int group = 0; group < g_.groups; ++group) {
        for (int plane = 0; plane < std::max(planes_, 1); ++plane) {
          spread(x, group, plane, scratch_[std::size_t(slot)].image.data());
          multiply(scratch_[std::size_t(slot)], group, plane, y);
        }
      }
      x += image_words;
      y += g_.output.elements();
    }
  }

  std::string implementation() const override { return kernel_.name; }

 private:
  struct Scratch {
    AlignedVector<std::uint8_t> image;
    AlignedVector<std::int32_t> sums;  // of a row of output pixels
  };

  int filters_in_blocks() const { return blocks_ * kFilterBlock; }
  std::size_t group_weights() const {
    return std::size_t(blocks_) * offsets_.size() * std::size_t(parts_ * kFilterBlock);
  }

  // Each part's bits of filter f, see `BitOperation`.
  void pack_filter(std::span<const std::int8_t> weights, int f) {
    const int depth = g_.channels_per_group(), within = f % filters_;
    std::uint32_t* block = weights_.data() + std::size_t(f / filters_) * group_weights() +
                           std::size_t(within / kFilterBlock) * offsets_.size() *
                               std::size_t(parts_ * kFilterBlock) +
                           within % kFilterBlock;
    const std::int8_t* w =
        weights.data() + std::size_t(f) * std::size_t(g_.kernel.area() * depth);
    for (int tap = 0; tap < g_.kernel.area(); ++tap) {
      for (int c = 0; c < depth; ++c, ++w) {
        const int bit =
            tap % g_.kernel.width * pixel_bytes_ * 8 + c;  // in the kernel's row
        const int word = tap / g_.kernel.width * row_words_ + bit / 32;
        std::uint32_t* part = block + word * parts_ * kFilterBlock;
        part[0] |= std::uint32_t(*w < 0) << (bit % 32);
        if (parts_ == 2) part[kFilterBlock] |= std::uint32_t(*w != 0) << (bit % 32);
      }
    }
  }

  // For signs, sum = base - 2 * count. Inside, each weight but 0 begins as an agreement;
  // outside, a -1 differs from the border's +1, is counted, and is given back.
  //
  // For planes, sum = base + the sum of 2^plane * count: a +1 counts the bits that are 1,
  // a -1 those that are 0, which are one less than what it should count, in the border,
  // too.
  void fill_bases(std::span<const std::int8_t> weights) {
    const std::size_t depth = std::size_t(g_.channels_per_group());
    bases_.clear();
    for (const auto rows : rows_.extents) {
      for (const auto columns : columns_.extents) {
        const std::int8_t* w = weights.data();
        for (int f = 0; f < g_.output.channels; ++f) {
          std::int32_t base = 0;
          for (int tap = 0; tap < g_.kernel.area(); ++tap, w += depth) {
            const int i = tap / g_.kernel.width, j = tap % g_.kernel.width;
            const bool inside =
                rows.begin <= i && i < rows.end && columns.begin <= j && j < columns.end;
            base += base_of_tap({w, depth}, inside);
          }
          bases_.push_back(base);
        }
      }
    }
  }

  std::int32_t base_of_tap(std::span<const std::int8_t> w, bool inside) const {
    const auto negative = std::int32_t(std::count(w.begin(), w.end(), -1));
    if (planes_ > 0) return -negative * ((1 << planes_) - 1);
    if (!inside) return 2 * negative;
    return std::int32_t(w.size()) - std::int32_t(std::count(w.begin(), w.end(), 0));
  }

  // One plane of a group's channels into `image`, whose border is 0 and stays so.
  void spread(const std::uint64_t* x, int group, int plane, std::uint8_t* image) const {
    const std::size_t words = bit_words(g_.input.channels);
    const std::size_t step = words * std::size_t(std::max(planes_, 1));
    const int depth = g_.channels_per_group(), first = group * depth;
    const bool in_bytes = first % 8 == 0 && (depth % 8 == 0 || g_.groups == 1);
    x += words * std::size_t(plane);
    image += g_.pad.top * row_bytes_ + g_.pad.left * pixel_bytes_;
    for (int h = 0; h < g_.input.height; ++h, image += row_bytes_) {
      if (in_bytes) {
        copy_row(reinterpret_cast<const std::uint8_t*>(x) + first / 8, step * 8,
                 g_.input.width, image, pixel_bytes_);
      } else {
        for (int w = 0; w < g_.input.width; ++w) {
          copy_bits(x + std::size_t(w) * step, first, depth, image + w * pixel_bytes_);
        }
      }
      x += std::size_t(g_.input.width) * step;
    }
  }

  void multiply(const Scratch& scratch, int group, int plane, std::int32_t* y) const {
    const int first = group * filters_;
    BitProducts products{
        .first = scratch.image.data(),
        .step = std::ptrdiff_t(g_.stride.width) * pixel_bytes_,
        .pixels = g_.output.width,
        .offsets = offsets_.data(),
        .words = int(offsets_.size()),
        .weights = weights_.data() + std::size_t(group) * group_weights(),
        .blocks = blocks_,
        .sums = const_cast<std::int32_t*>(scratch.sums.data())};
    for (int row = 0; row < g_.output.height; ++row) {
      kernel_.run(operation_, products);
      products.first += g_.stride.height * row_bytes_;
      for (int column = 0; column < g_.output.width; ++column, y += g_.output.channels) {
        const std::int32_t* sums = products.sums + column * filters_in_blocks();
        const bool is_first = plane == 0;
        add_times(planes_ == 0 ? -2 : 1 << plane, sums, filters_,
                  is_first ? bases(row, column) + first : y + first, y + first);
      }
    }
  }

  const std::int32_t* bases(int row, int column) const {
    const std::size_t index =
        std::size_t(rows_.class_of[std::size_t(row)]) * columns_.extents.size() +
        std::size_t(columns_.class_of[std::size_t(column)]);
    return bases_.data() + index * std::size_t(g_.output.channels);
  }

  BitKernel kernel_;
  ConvolutionGeometry g_;
  int images_, planes_, filters_, blocks_, pixel_bytes_, row_words_, row_bytes_;
  BorderClasses rows_, columns_;
  std::vector<std::int32_t> offsets_;
  BitOperation operation_ = BitOperation::kXor;
  int parts_ = 1;
  AlignedVector<std::uint32_t> weights_;  // [group], each as `BitProducts` says
  std::vector<std::int32_t> bases_;       // [row class][column class][filter]
  mutable std::vector<Scratch> scratch_;  // one a slot
};

#ifdef __AVX2__
constexpr BitKernel kBaseline = {"AVX2", bit_products_baseline};
#else
constexpr BitKernel kBaseline = {"words", bit_products_baseline};
#endif

}  // namespace

std::span<const BitKernel> usable_bit_kernels() {
  static constexpr BitKernel kernels[] = {{"AVX-512 popcount", bit_products_avx512},
                                          kBaseline};
  static const bool has_popcount =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vpopcntdq");
  return std::span(kernels).subspan(has_popcount ? 0 : 1);
}

std::unique_ptr<BitConvolution> make_bit_convolution(const BitKernel& kernel,
                                                     const ConvolutionGeometry& geometry,
                                                     BitInput input, int images,
                                                     int slots) {
  return std::make_unique<PackedBitConvolution>(kernel, geometry, input, images, slots);
}

std::unique_ptr<BitConvolution> make_bit_convolution(EngineKind kind,
                                                     const ConvolutionGeometry& geometry,
                                                     BitInput input, int images,
                                                     int slots) {
  ensure(input.planes >= 0 && input.planes <= 8, "a code has at most 8 bits");
  if (kind == EngineKind::kReference) {
    return reference::make_bit_convolution(geometry, input, images);
  }
  return make_bit_convolution(usable_bit_kernels().front(), geometry, input, images,
                              slots);
}

}  // namespace bitsweep

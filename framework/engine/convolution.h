// Convolution and matrix products: the contracts, each with two implementations.
//
// `reference` is im2col and an Eigen product: a hundred lines, the definition. `onednn`
// runs oneDNN's NHWC kernels on one thread at a time: a batch is cut into slices of whole
// images, each slice is one thread's, and sums over slices are made in slice order; so a
// result does not depend on the number of threads, in either implementation. (Between the
// two it does: they add in different orders.)
#pragma once

#include <memory>
#include <string>

#include "framework/core/sides.h"
#include "framework/core/tensor.h"

namespace bitsweep {

enum class EngineKind { kReference, kOneDnn };

/// oneDNN, unless the environment says BITSWEEP_ENGINE=reference. Throws ConfigError for
/// any other value than `reference` and `onednn`.
EngineKind selected_engine();

/// "oneDNN 2.6.3" or "reference", for provenance.
std::string engine_name(EngineKind kind);

struct ConvolutionGeometry {
  ImageShape input;
  ImageShape output;  // see `convolution_output`
  Sides kernel = 1;
  Sides stride = 1;
  Border pad = 0;  // zeros
  int groups = 1;

  int channels_per_group() const { return input.channels / groups; }
  std::size_t weight_elements() const {
    return std::size_t(output.channels) * std::size_t(kernel.area()) *
           std::size_t(channels_per_group());
  }
};

/// The output of `filters` filters: floor((size + border - kernel) / stride) + 1 a side.
ImageShape convolution_output(ImageShape input, int filters, Sides kernel, Sides stride,
                              Border pad);

/// A convolution of `images` images at a time. Weights are [out][kernel height][kernel
/// width][in / groups], biases [out]; activations NHWC.
///
/// `pack_weights` is called by one thread; the others by several at once, each with its
/// own `slot` in [0, slots).
class Convolution {
 public:
  virtual ~Convolution() = default;

  /// Takes the weights over, in whatever layout the implementation likes.
  virtual void pack_weights(const float* weights, const float* bias) = 0;

  /// y = conv(x) + bias.
  virtual void forward(int slot, const float* x, float* y) const = 0;

  /// dx = the data gradient, with the packed weights. dx is written, not added to.
  virtual void backward_data(int slot, const float* dy, float* dx) const = 0;

  /// The weight gradient of these images into `dw` (weight_gradient_elements() floats in
  /// the implementation's layout, which sums may be made in) and the bias gradient into
  /// `db` [out]. Both are written, not added to.
  virtual void backward_weights(int slot, const float* x, const float* dy, float* dw,
                                float* db) const = 0;
  virtual std::size_t weight_gradient_elements() const = 0;

  /// From the implementation's layout to the weights' own order.
  virtual void unpack_weight_gradient(const float* packed, float* dw) const = 0;
};

/// `data_gradient` false leaves `backward_data` out (the first layer needs none).
std::unique_ptr<Convolution> make_convolution(EngineKind kind,
                                              const ConvolutionGeometry& geometry,
                                              int images, int slots, bool data_gradient);

/// A row-major matrix inside a larger one: row r begins at values + r * stride.
struct MatrixView {
  const float* values;
  int stride;
  bool transposed = false;  // the product takes its transpose
};

/// c[rows, columns] = a[rows, inner] b[inner, columns] + beta c, row-major, on the
/// calling thread. a and b may be given transposed.
void matrix_product(EngineKind kind, int rows, int columns, int inner, MatrixView a,
                    MatrixView b, float beta, float* c, int c_stride);

}  // namespace bitsweep

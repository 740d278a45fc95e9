// The definition of a convolution: im2col and one matrix product for each image and
// group.

#include "framework/engine/reference/convolution.h"

#include <vector>

#include <Eigen/Core>

#include "framework/engine/patch.h"

namespace bitsweep::reference {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Stride = Eigen::OuterStride<>;
using View = Eigen::Map<const Matrix, 0, Stride>;
using MutableView = Eigen::Map<Matrix, 0, Stride>;

class ReferenceConvolution final : public Convolution {
 public:
  ReferenceConvolution(const ConvolutionGeometry& geometry, int images, int slots)
      : g_(geometry),
        images_(images),
        weights_(geometry.weight_elements()),
        bias_(std::size_t(geometry.output.channels)) {
    for (int slot = 0; slot < slots; ++slot) patches_.emplace_back(patch_elements());
  }

  void pack_weights(const float* weights, const float* bias) override {
    std::copy(weights, weights + weights_.size(), weights_.data());
    std::copy(bias, bias + bias_.size(), bias_.data());
  }

  void forward(int slot, const float* x, float* y) const override {
    for (int image = 0; image < images_; ++image) {
      for (int group = 0; group < g_.groups; ++group) {
        MutableView out(y + y_offset(image, group), pixels(), filters(),
                        Stride(g_.output.channels));
        out.noalias() = gather(slot, x + x_offset(image), group) *
                        weights(weights_.data(), group).transpose();
        out.rowwise() += Eigen::Map<const Eigen::RowVectorXf>(
            bias_.data() + group * filters(), filters());
      }
    }
  }

  void backward_data(int slot, const float* dy, float* dx) const override {
    std::fill(dx, dx + std::size_t(images_) * g_.input.elements(), 0.0f);
    for (int image = 0; image < images_; ++image) {
      for (int group = 0; group < g_.groups; ++group) {
        patches(slot).noalias() =
            gradient(dy, image, group) * weights(weights_.data(), group);
        scatter(slot, dx + x_offset(image), group);
      }
    }
  }

  void backward_weights(int slot, const float* x, const float* dy, float* dw,
                        float* db) const override {
    std::fill(dw, dw + weights_.size(), 0.0f);
    std::fill(db, db + bias_.size(), 0.0f);
    for (int image = 0; image < images_; ++image) {
      for (int group = 0; group < g_.groups; ++group) {
        const View out = gradient(dy, image, group);
        MutableView(dw + group * filters() * patch_size(), filters(), patch_size(),
                    Stride(patch_size()))
            .noalias() += out.transpose() * gather(slot, x + x_offset(image), group);
        Eigen::Map<Eigen::RowVectorXf>(db + group * filters(), filters()) +=
            out.colwise().sum();
      }
    }
  }

  std::size_t weight_gradient_elements() const override { return weights_.size(); }

  void unpack_weight_gradient(const float* packed, float* dw) const override {
    std::copy(packed, packed + weights_.size(), dw);
  }

 private:
  int pixels() const { return int(g_.output.pixels()); }
  int filters() const { return g_.output.channels / g_.groups; }
  int patch_size() const { return g_.kernel.area() * g_.channels_per_group(); }
  std::size_t patch_elements() const {
    return std::size_t(pixels()) * std::size_t(patch_size());
  }
  std::size_t x_offset(int image) const {
    return std::size_t(image) * g_.input.elements();
  }
  std::size_t y_offset(int image, int group) const {
    return std::size_t(image) * g_.output.elements() + std::size_t(group * filters());
  }
  View weights(const float* values, int group) const {
    return {values + group * filters() * patch_size(), filters(), patch_size(),
            Stride(patch_size())};
  }
  View gradient(const float* dy, int image, int group) const {
    return {dy + y_offset(image, group), pixels(), filters(), Stride(g_.output.channels)};
  }
  // [output pixels, kernel height * kernel width * in]: what each output pixel sees.
  MutableView patches(int slot) const {
    return {patches_[std::size_t(slot)].data(), pixels(), patch_size(),
            Stride(patch_size())};
  }

  // Calls visit(patch value, image index or -1 for padding) for each value of each patch.
  template <class Visit>
  void for_each_patch_value(int slot, int group, Visit visit) const {
    float* const patches = patches_[std::size_t(slot)].data();
    for (int pixel = 0; pixel < pixels(); ++pixel) {
      float* const patch = patches + std::ptrdiff_t(pixel) * patch_size();
      kernels::visit_patch(g_, pixel, group,
                           [&](int place, int index) { visit(patch[place], index); });
    }
  }

  MutableView gather(int slot, const float* image, int group) const {
    for_each_patch_value(slot, group, [image](float& value, int index) {
      value = index < 0 ? 0.0f : image[index];
    });
    return patches(slot);
  }

  void scatter(int slot, float* image, int group) const {
    for_each_patch_value(slot, group, [image](const float& value, int index) {
      if (index >= 0) image[index] += value;
    });
  }

  ConvolutionGeometry g_;
  int images_;
  Buffer weights_, bias_;
  mutable std::vector<Buffer> patches_;  // one a slot
};

}  // namespace

std::unique_ptr<Convolution> make_convolution(const ConvolutionGeometry& geometry,
                                              int images, int slots) {
  return std::make_unique<ReferenceConvolution>(geometry, images, slots);
}

void matrix_product(int rows, int columns, int inner, MatrixView a, MatrixView b,
                    float beta, float* c, int c_stride) {
  const View left(a.values, a.transposed ? inner : rows, a.transposed ? rows : inner,
                  Stride(a.stride));
  const View right(b.values, b.transposed ? columns : inner,
                   b.transposed ? inner : columns, Stride(b.stride));
  MutableView out(c, rows, columns, Stride(c_stride));
  if (beta == 0) {
    out.setZero();
  } else {
    out *= beta;
  }
  if (a.transposed) {
    out.noalias() += left.transpose() * right;
  } else if (b.transposed) {
    out.noalias() += left * right.transpose();
  } else {
    out.noalias() += left * right;
  }
}

}  // namespace bitsweep::reference

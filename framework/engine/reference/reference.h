// The plain twins: what each kernel computes, written as obviously as it can be. They
// define the kernels, which are tested against them, and allocate where that is plainer.
// Contracts are the kernels' own.
#pragma once

#include "framework/engine/elementwise.h"
#include "framework/engine/fake_quantize.h"
#include "framework/engine/loss.h"
#include "framework/engine/lrn.h"
#include "framework/engine/normalisation.h"
#include "framework/engine/pooling.h"
#include "framework/engine/reductions.h"
#include "framework/engine/update.h"

namespace bitsweep::reference {

// pooling.h
void max_pool_forward(const PoolGeometry& geometry, int images, std::span<const float> x,
                      std::span<float> y, std::span<std::uint8_t> argmax);
void max_pool_backward(const PoolGeometry& geometry, int images,
                       std::span<const float> dy, std::span<const std::uint8_t> argmax,
                       std::span<float> dx);
void average_pool_forward(const PoolGeometry& geometry, int images,
                          std::span<const float> x, std::span<float> y);
void average_pool_backward(const PoolGeometry& geometry, int images,
                           std::span<const float> dy, std::span<float> dx);
void global_average_pool_forward(ImageShape shape, int images, std::span<const float> x,
                                 std::span<float> y);
void global_average_pool_backward(ImageShape shape, int images, std::span<const float> dy,
                                  std::span<float> dx);

// normalisation.h
void batch_statistics(std::span<const float> x, std::span<const float> around,
                      std::span<double> sum, std::span<double> sum_of_squares);
void normalise(std::span<const float> x, const ChannelAffine& affine, std::span<float> y);
void normalise_relu(std::span<const float> x, const ChannelAffine& affine,
                    std::span<float> y);
void normalise_add_relu(std::span<const float> x, const ChannelAffine& affine,
                        std::span<const float> addend, std::span<float> y);
void normalise_backward_sums(std::span<const float> x, std::span<const float> dy,
                             const ChannelMoments& moments, const ChannelSums& sums);
void normalise_relu_backward_sums(std::span<const float> x, std::span<const float> dy,
                                  const ChannelAffine& affine,
                                  const ChannelMoments& moments, const ChannelSums& sums);
void normalise_add_relu_backward_sums(std::span<const float> x, std::span<const float> y,
                                      std::span<float> dy, const ChannelMoments& moments,
                                      const ChannelSums& sums);
void normalise_backward(std::span<const float> x, std::span<const float> dy,
                        const ChannelGradient& gradient, std::span<float> dx);
void normalise_relu_backward(std::span<const float> x, std::span<const float> dy,
                             const ChannelGradient& gradient,
                             std::span<const float> shift, std::span<float> dx);

// lrn.h (scratch is not used)
void lrn_within_forward(ImageShape shape, int images, const ResponseNormalisation& lrn,
                        std::span<const float> x, std::span<float> y,
                        std::span<float> scratch);
void lrn_within_backward(ImageShape shape, int images, const ResponseNormalisation& lrn,
                         std::span<const float> x, std::span<const float> dy,
                         std::span<float> dx, std::span<float> scratch);
void lrn_across_forward(ImageShape shape, int images, const ResponseNormalisation& lrn,
                        std::span<const float> x, std::span<float> y,
                        std::span<float> scratch);
void lrn_across_backward(ImageShape shape, int images, const ResponseNormalisation& lrn,
                         std::span<const float> x, std::span<const float> dy,
                         std::span<float> dx, std::span<float> scratch);

// elementwise.h
void relu_forward(std::span<const float> x, std::span<float> y);
void relu_backward(std::span<const float> y, std::span<const float> dy,
                   std::span<float> dx);
void hard_tanh_forward(std::span<const float> x, std::span<float> y);
void hard_tanh_backward(std::span<const float> x, std::span<const float> dy,
                        std::span<float> dx);
void dropout(std::span<const float> x, float rate, const RandomStream& random,
             std::uint32_t offset, std::span<float> y);
void straight_through(StraightThrough rule, std::span<const float> x,
                      std::span<const float> dy, float low, float high,
                      std::span<float> dx);

// fake_quantize.h
void fake_quantize(std::span<const float> x, const UniformQuantization& q,
                   Rounding rounding, std::span<float> y);
void fake_quantize_stochastic(std::span<const float> x, const UniformQuantization& q,
                              const RandomStream& random, std::uint32_t offset,
                              std::span<float> y);

// update.h
void sgd_step_caffe(const SgdStep& step, std::span<const float> g, std::span<float> v,
                    std::span<float> w);
void sgd_step(const SgdStep& step, std::span<const float> g, std::span<float> v,
              std::span<float> w);
void adam_step(const AdamStep& step, std::span<const float> g, std::span<float> m,
               std::span<float> v, std::span<float> w);

// reductions.h
double sum(std::span<const float> x);
double sum_abs(std::span<const float> x);
double sum_squares(std::span<const float> x);
double mean_abs(std::span<const float> x);
float max_abs(std::span<const float> x);
MinMax min_max(std::span<const float> x);
Beyond beyond(std::span<const float> x, float threshold);

// loss.h
SliceLoss softmax_cross_entropy(std::span<const float> logits,
                                std::span<const int> labels, int batch,
                                std::span<float> dlogits);
SliceLoss squared_hinge(std::span<const float> logits, std::span<const int> labels,
                        int batch, std::span<float> dlogits);

}  // namespace bitsweep::reference

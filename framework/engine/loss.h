// Losses of a slice of a batch, with their gradient. logits: [images, classes]; one label
// in [0, classes) an image. One thread; no allocation.
#pragma once

#include <cstddef>
#include <span>

namespace bitsweep {

struct SliceLoss {
  double loss =
      0;  // the images' losses, added; the batch's mean is the slices' sum / batch
  int correct = 0;  // images whose largest logit is the label's, the lowest index of ties
};

/// How training follows a teacher, a network whose logits on the same images are known
/// (Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network",
/// arXiv:1503.02531).
struct Distillation {
  double weight = 1;       // 0 to 1
  double temperature = 1;  // T
};

namespace kernels {

/// An image's loss is -log softmax(logits)[label]. dlogits, unless empty, becomes the
/// gradient of the mean over a batch of `batch` images; it may be the logits' memory. A
/// NaN among an image's logits makes its loss NaN.
SliceLoss softmax_cross_entropy(std::span<const float> logits,
                                std::span<const int> labels, int batch,
                                std::span<float> dlogits);

/// An image's loss is the mean over classes of max(0, 1 - t z)^2, t = +1 for the label's
/// class and -1 for the others (BinaryConnect's output layer). Otherwise as above.
SliceLoss squared_hinge(std::span<const float> logits, std::span<const int> labels,
                        int batch, std::span<float> dlogits);

/// The loss of a slice under a teacher: (1 - weight) `of_labels` + weight T^2 KL(t || p)
/// with t = softmax(teacher / T), p = softmax(logits / T), summed over images. dlogits
/// comes as the gradient of `of_labels` and follows. All three are [images, classes];
/// dlogits is not the logits' memory.
double distilled_loss(double of_labels, std::span<const float> logits,
                      std::span<const float> teacher, std::size_t classes,
                      const Distillation& distillation, int batch,
                      std::span<float> dlogits);

}  // namespace kernels
}  // namespace bitsweep

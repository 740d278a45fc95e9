// What an error of a vector of weights costs in a layer's outputs: e^T G e with G = E[x x^T]
// of the inputs x it meets (Stock et al., section 3.1). With G = U^T U that is the square
// distance between vectors U v.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

#include <Eigen/Cholesky>

#include "methods/product_quantization/vector_clusters.h"

namespace bitsweep::methods {

class InputMetric {
 public:
  explicit InputMetric(std::size_t dimension)
      : moments_(
            Eigen::MatrixXd::Zero(Eigen::Index(dimension), Eigen::Index(dimension))) {}

  /// Values that are not finite count as zeros.
  void add(const Eigen::VectorXf& x) {
    const Eigen::VectorXd finite =
        x.unaryExpr([](float v) { return std::isfinite(v) ? double(v) : 0.0; });
    moments_.selfadjointView<Eigen::Upper>().rankUpdate(finite);
  }

  /// Vectors whose square distances are those costs, up to a factor; without inputs the
  /// vectors as they are.
  void transform(Vectors& points) { change(points, /*back=*/false); }
  void transform_back(Vectors& points) { change(points, /*back=*/true); }

 private:
  void change(Vectors& points, bool back) {
    // Inputs that were always zero count a little, for G to have an inverse.
    constexpr double kLeast = 1e-6;
    const Eigen::Index size = moments_.rows();
    const double mean = moments_.trace() / double(size);
    if (!(mean > 0) || !std::isfinite(mean)) return;
    Eigen::MatrixXd metric = moments_.selfadjointView<Eigen::Upper>();
    metric = metric / mean + kLeast * Eigen::MatrixXd::Identity(size, size);
    const Eigen::LLT<Eigen::MatrixXd> factors(metric);
    Eigen::Map<Eigen::MatrixXd> columns(points.values.data(), size,
                                        Eigen::Index(points.size()));
    if (back) {
      factors.matrixU().solveInPlace(columns);
    } else {
      columns = factors.matrixU() * columns;
    }
  }

  Eigen::MatrixXd moments_;  // sum of x x^T, its upper half
};

}  // namespace bitsweep::methods

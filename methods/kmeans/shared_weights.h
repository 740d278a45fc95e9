// Weights that share the values of a code book, one book a layer; the book is learned.
// Han, Mao, Dally, "Deep Compression", arXiv:1510.00149, section 3.
//
// Calibration clusters the weights that are not pruned; from then on each belongs to its
// cluster for good, and the latent weights are the values of the book.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "framework/quant/pruning.h"
#include "framework/quant/quantizer.h"
#include "methods/kmeans/clusters.h"

namespace bitsweep::methods {

struct SharingSettings {
  int bits = 5;
  std::string init = "linear";      // linear, forgy, density
  std::string grad_reduce = "sum";  // sum, mean
};

class SharedWeights final : public Quantizer, public ChangesLatent, public KnowsPruned {
 public:
  SharedWeights(const Site& site, const SharingSettings& settings)
      : settings_(settings),
        draws_(std::uint64_t(site.seed), site.name),
        book_(site.name + ".centroids",
              std::min(std::size_t{1} << settings.bits, site.elements)),
        factors_(book_.value.size(), 1),
        clusters_(site.elements, 0) {}

  void set_kept(std::span<const float> kept) override {
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (kept[i] == 0) clusters_[i] = kPruned;
    }
  }

  void calibrate(std::span<const float> w) override {
    std::vector<double> sorted;
    for (std::size_t i = 0; i < w.size(); ++i) {
      if (clusters_[i] != kPruned && std::isfinite(w[i])) sorted.push_back(double(w[i]));
    }
    if (sorted.empty()) sorted.push_back(0);
    std::sort(sorted.begin(), sorted.end());
    const Centroids centroids = lloyd(sorted, start(sorted));
    used_ = centroids.size();
    std::fill(book_.value.span().begin(), book_.value.span().end(), 0.0f);
    for (std::size_t k = 0; k < used_; ++k) {
      book_.value[k] = float(centroids[k]) + 0.0f;  // no -0
    }
    for (std::size_t i = 0; i < w.size(); ++i) {
      if (clusters_[i] == kPruned) continue;
      const double v = std::isfinite(w[i]) ? double(w[i]) : 0;
      clusters_[i] = float(nearest_centroid(centroids, v));
    }
    find_factors();
  }

  void forward(std::span<const float>, std::span<float> y, const Pass&) const override {
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = value_of(clusters_[i]);
  }

  // dL/dC_k is the sum over the cluster's weights, or their mean.
  void backward(std::span<const float>, std::span<const float> dy, std::span<float> dw,
                std::span<double> sums, const Pass&) const override {
    for (std::size_t i = 0; i < dy.size(); ++i) {
      if (clusters_[i] == kPruned) continue;
      const auto k = std::size_t(clusters_[i]);
      sums[k] += factors_[k] * double(dy[i]);
    }
    if (dw.data() != dy.data()) std::copy(dy.begin(), dy.end(), dw.begin());
  }
  void finish_gradient(std::span<const double> sums) override {
    for (std::size_t k = 0; k < sums.size(); ++k) book_.gradient[k] = float(sums[k]);
  }

  void after_step(std::span<float> latent) override { forward(latent, latent, {}); }

  void encode(std::span<const float>, std::span<std::int32_t> codes) const override {
    const Levels levels = sorted_levels();
    for (std::size_t i = 0; i < codes.size(); ++i) {
      codes[i] =
          clusters_[i] == kPruned ? levels.zero : levels.code[std::size_t(clusters_[i])];
    }
  }

  Grid grid() const override {
    return {LevelGrid{.levels = sorted_levels().values, .learned = true}};
  }

  std::vector<Parameter*> trainable() override { return {&book_}; }

  void visit_state(StateVisitor& visitor) override {
    visitor.values("clusters", clusters_);
    visitor.integer("used", used_);
    find_factors();
  }

 private:
  static constexpr float kPruned = -1;  // in the place of a cluster

  // A book may cross while it is learned; levels ascend.
  struct Levels {
    std::vector<float> values;
    std::vector<std::int32_t> code;  // of each cluster
    std::int32_t zero = 0;           // the code of 0, where weights are pruned
  };

  bool is_pruned() const {
    return std::find(clusters_.begin(), clusters_.end(), kPruned) != clusters_.end();
  }

  void find_factors() {
    std::fill(factors_.begin(), factors_.end(), 1.0);
    if (settings_.grad_reduce != "mean") return;
    std::fill(factors_.begin(), factors_.end(), 0.0);
    for (const float cluster : clusters_) {
      if (cluster != kPruned) factors_[std::size_t(cluster)] += 1;
    }
    for (double& factor : factors_) factor = 1 / std::max(factor, 1.0);
  }

  float value_of(float cluster) const {
    return cluster == kPruned ? 0.0f : book_.value[std::size_t(cluster)];
  }

  // One value is 0's where weights are pruned. Fewer where there are fewer weights.
  Centroids start(std::span<const double> sorted) const {
    std::size_t different = 1;
    for (std::size_t i = 1; i < sorted.size(); ++i)
      different += sorted[i] != sorted[i - 1];
    const std::size_t free = book_.value.size() - (is_pruned() ? 1 : 0);
    const std::size_t count = std::min(std::max<std::size_t>(free, 1), different);
    if (settings_.init == "forgy") return forgy_start(sorted, count, draws_);
    return settings_.init == "density" ? density_start(sorted, count)
                                       : linear_start(sorted, count);
  }

  Levels sorted_levels() const {
    std::vector<std::size_t> order(used_);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return book_.value[a] < book_.value[b];
    });
    Levels levels{.code = std::vector<std::int32_t>(used_)};
    bool zero_is_due = is_pruned();
    const auto place_zero = [&] {
      levels.zero = std::int32_t(levels.values.size());
      levels.values.push_back(0);
      zero_is_due = false;
    };
    for (const std::size_t k : order) {
      if (zero_is_due && book_.value[k] >= 0) place_zero();
      levels.code[k] = std::int32_t(levels.values.size());
      levels.values.push_back(book_.value[k]);
    }
    if (zero_is_due) place_zero();
    return levels;
  }

  SharingSettings settings_;
  RandomStream draws_;
  Parameter book_;
  std::vector<double> factors_;  // of a gradient within its cluster's
  std::size_t used_ = 1;         // entries of the book, from the first
  std::vector<float> clusters_;  // of each weight: an index into the book, or kPruned
};

}  // namespace bitsweep::methods

// Product quantization: a code stands for a short vector of weights. Gong, Liu, Yang,
// Bourdev, "Compressing Deep Convolutional Networks using Vector Quantization",
// arXiv:1412.6115; Stock, Joulin, Gribonval, Graham, Jegou, "And the Bit Goes Down",
// arXiv:1907.05686.

#include <cmath>
#include <numeric>

#include "framework/core/error.h"
#include "framework/quant/method.h"
#include "framework/quant/pruning.h"
#include "methods/product_quantization/input_metric.h"
#include "methods/product_quantization/vector_clusters.h"

namespace bitsweep::methods {
namespace {

struct ProductQuantizationParams {
  int weight_bits = 8;
  int dimension = 4;
  bool whole_kernels = true;
  std::string books = "layer";
  std::string objective = "outputs";
  int members = 4;
  int iterations = 20;
  std::string grad_reduce = "mean";

  static Schema<ProductQuantizationParams> schema() {
    using P = ProductQuantizationParams;
    return Schema<P>{}
        .field(
            "weight_bits", &P::weight_bits,
            "Width of a code, which stands for several weights: a book has 2^b vectors.",
            bits_between(1, 8))
        .field("dimension", &P::dimension,
               "Weights of a vector, along the inputs; the next smaller divisor of a "
               "filter's length.",
               between(1, 64))
        .field("whole_kernels", &P::whole_kernels,
               "Of kernels larger than 1x1 a vector is the kernel of one input channel.")
        .field("books", &P::books,
               "One book for a layer (Stock), or one for each place in a filter (Gong).",
               one_of({"layer", "place"}))
        .field("objective", &P::objective,
               "Whose square error clusters make small: the layer's outputs, by its "
               "inputs in calibration (Stock), or the weights (Gong).",
               one_of({"outputs", "weights"}))
        .field("members", &P::members,
               "Vectors of the layer for each of the book, at least: keeps the books of "
               "small layers small.",
               at_least(1))
        .field("iterations", &P::iterations, "Of k-means, at most.", at_least(1))
        .field("grad_reduce", &P::grad_reduce,
               "Gradient of a vector of the book: mean over its members, or sum.",
               one_of({"mean", "sum"}));
  }
};

VectorLayout vectors_of(const Site& site, const ProductQuantizationParams& params) {
  const auto& shape = site.shape;
  const bool has_kernel = shape.size() == 4 && shape[1] * shape[2] > 1;
  if (has_kernel && params.whole_kernels) {
    return {std::size_t(shape[1] * shape[2]), std::size_t(shape[3])};
  }
  std::size_t dimension = std::min(std::size_t(params.dimension), site.channels.inner);
  while (site.channels.inner % dimension != 0) --dimension;
  return {dimension, 1};
}

class SharedVectors final : public Quantizer,
                            public SeesInputs,
                            public ChangesLatent,
                            public KnowsPruned {
 public:
  SharedVectors(const Site& site, const ProductQuantizationParams& params)
      : params_(params),
        draws_(std::uint64_t(site.seed), site.name),
        vectors_(vectors_of(site, params)),
        codes_(site.elements / vectors_.dimension),
        inner_(site.channels.inner) {
    if (params.books == "place") {
      places_ = {site.channels.inner / vectors_.dimension,
                 vectors_.stride > 1 ? 1 : vectors_.dimension};
    }
    const std::size_t of_book = codes_.size() / places_.channels;
    size_ = std::min(std::size_t{1} << params.weight_bits,
                     std::max<std::size_t>(1, of_book / std::size_t(params.members)));
    book_ = Parameter(site.name + ".codewords",
                      places_.channels * size_ * vectors_.dimension);
    factors_.assign(places_.channels * size_, 1);
    metrics_.assign(places_.channels, InputMetric(vectors_.dimension));
  }

  bool wants_inputs() const override { return params_.objective == "outputs"; }
  void see_inputs(std::span<const float> rows) override {
    Eigen::VectorXf x(Eigen::Index(vectors_.dimension));
    for (; !rows.empty(); rows = rows.subspan(inner_)) {
      for (std::size_t i = 0; i < inner_ / vectors_.dimension; ++i) {
        const std::size_t first = vectors_.first_element(i);
        for (std::size_t j = 0; j < vectors_.dimension; ++j) {
          x[Eigen::Index(j)] = rows[first + j * vectors_.stride];
        }
        metrics_[book_of(i)].add(x);
      }
    }
  }

  std::string why_not_pruned() const override {
    return "its codes stand for several weights each, which cannot be pruned one by one";
  }
  void set_kept(std::span<const float>) override { throw MethodError(why_not_pruned()); }

  void calibrate(std::span<const float> w) override {
    std::vector<std::vector<std::size_t>> members(places_.channels);
    for (std::size_t i = 0; i < codes_.size(); ++i) members[book_of(i)].push_back(i);
    for (std::size_t book = 0; book < members.size(); ++book) {
      calibrate(book, members[book], w);
    }
    find_factors();
  }

  void forward(std::span<const float>, std::span<float> y, const Pass&) const override {
    for_each_value([&](std::size_t element, std::size_t value, std::size_t) {
      y[element] = book_.value[value];
    });
  }

  void backward(std::span<const float>, std::span<const float> dy, std::span<float> dw,
                std::span<double> sums, const Pass&) const override {
    for_each_value([&](std::size_t element, std::size_t value, std::size_t word) {
      sums[value] += factors_[word] * double(dy[element]);
    });
    if (dw.data() != dy.data()) std::copy(dy.begin(), dy.end(), dw.begin());
  }
  void finish_gradient(std::span<const double> sums) override {
    for (std::size_t i = 0; i < sums.size(); ++i) book_.gradient[i] = float(sums[i]);
  }

  void after_step(std::span<float> latent) override { forward(latent, latent, {}); }

  void encode(std::span<const float>, std::span<std::int32_t> codes) const override {
    std::vector<std::int32_t> rank(factors_.size());
    const auto order = sorted_words();
    for (std::size_t i = 0; i < order.size(); ++i) {
      rank[order[i]] = std::int32_t(i % size_);
    }
    for (std::size_t i = 0; i < codes_.size(); ++i) codes[i] = rank[word_of(i)];
  }

  Grid grid() const override {
    LevelGrid grid{.learned = true, .books = places_.channels, .vectors = vectors_};
    for (const std::size_t word : sorted_words()) {
      const auto first = book_.value.span().subspan(word * vectors_.dimension);
      grid.levels.insert(grid.levels.end(), first.begin(),
                         first.begin() + std::ptrdiff_t(vectors_.dimension));
    }
    if (grid.books > 1) {
      grid.book_of.resize(grid.books);
      std::iota(grid.book_of.begin(), grid.book_of.end(), 0u);
    }
    return {std::move(grid), places_};
  }

  std::vector<Parameter*> trainable() override { return {&book_}; }

  void visit_state(StateVisitor& visitor) override {
    visitor.values("codes", codes_);
    find_factors();
  }

 private:
  std::size_t book_of(std::size_t vector) const {
    return places_.channel_of(vectors_.first_element(vector));
  }
  // Of all books' words, one book behind the other.
  std::size_t word_of(std::size_t vector) const {
    return book_of(vector) * size_ + std::size_t(codes_[vector]);
  }

  // body(element of the tensor, value within the books, word).
  template <class Body>
  void for_each_value(Body body) const {
    for (std::size_t i = 0; i < codes_.size(); ++i) {
      const std::size_t first = vectors_.first_element(i), word = word_of(i);
      for (std::size_t j = 0; j < vectors_.dimension; ++j) {
        body(first + j * vectors_.stride, word * vectors_.dimension + j, word);
      }
    }
  }

  void calibrate(std::size_t book, const std::vector<std::size_t>& own,
                 std::span<const float> w) {
    Vectors points{vectors_.dimension, {}};
    for (const std::size_t i : own) {
      for (std::size_t j = 0; j < vectors_.dimension; ++j) {
        const float v = w[vectors_.first_element(i) + j * vectors_.stride];
        points.values.push_back(std::isfinite(v) ? double(v) : 0);
      }
    }
    metrics_[book].transform(points);
    auto found = cluster_vectors(points, start(points, book), params_.iterations, draws_);
    metrics_[book].transform_back(found.centroids);
    for (std::size_t i = 0; i < own.size(); ++i) {
      codes_[own[i]] = float(found.cluster_of[i]);
    }
    const auto& values = found.centroids.values;
    std::transform(values.begin(), values.end(),
                   book_.value.data() + book * size_ * vectors_.dimension,
                   [](double v) { return float(v) + 0.0f; });  // no -0
  }

  // Vectors drawn at random.
  Vectors start(const Vectors& points, std::size_t book) const {
    std::vector<std::uint32_t> order(points.size());
    std::iota(order.begin(), order.end(), 0u);
    const auto draw = [&](std::uint32_t i) {
      return draws_.uniform_at(std::uint32_t(book * points.size()) + i);
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return draw(a) < draw(b); });
    Vectors words{points.dimension, {}};
    for (std::size_t k = 0; k < size_; ++k) {
      const auto point = points[order[k]];
      words.values.insert(words.values.end(), point.begin(), point.end());
    }
    return words;
  }

  // Words in the order of their codes: levels that are scalars ascend within a book.
  std::vector<std::size_t> sorted_words() const {
    std::vector<std::size_t> order(factors_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (vectors_.dimension > 1) return order;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      const std::size_t of_a = a / size_, of_b = b / size_;
      return of_a != of_b ? of_a < of_b : book_.value[a] < book_.value[b];
    });
    return order;
  }

  void find_factors() {
    std::fill(factors_.begin(), factors_.end(), 1.0);
    if (params_.grad_reduce != "mean") return;
    std::fill(factors_.begin(), factors_.end(), 0.0);
    for (std::size_t i = 0; i < codes_.size(); ++i) factors_[word_of(i)] += 1;
    for (double& factor : factors_) factor = 1 / std::max(factor, 1.0);
  }

  ProductQuantizationParams params_;
  RandomStream draws_;
  VectorLayout vectors_;
  ChannelLayout places_;              // the channels are books
  std::vector<float> codes_;          // of each vector, within its book
  std::size_t inner_;                 // weights of a filter
  std::vector<InputMetric> metrics_;  // of each book
  std::size_t size_ = 1;              // words of a book
  Parameter book_;
  std::vector<double> factors_;  // of a gradient within its word's
};

class ProductQuantization final : public Method {
 public:
  using Params = ProductQuantizationParams;
  static constexpr auto summary =
      "One code per short vector of weights, found by k-means.";
  static constexpr auto reference = "https://arxiv.org/abs/1907.05686";
  static constexpr auto formula =
      "Each vector v of weights becomes that of 2^b codewords c with the least (v - c)^T "
      "E[x x^T] (v - c), x the inputs it meets; c is the mean of its members, then "
      "assignments are fixed, and dL/dc is the mean of its members' gradients.";
  static constexpr auto recipe =
      "From a trained float network; 3x3 kernels whole, vectors of 4 inputs elsewhere; "
      "then codewords are tuned. Without fine-tuning high ratios lose much.";
  static constexpr auto departures =
      "layers are quantized at once, by inputs of the float network, not one by one; "
      "codewords are tuned on labels, on the float network's outputs where a study says "
      "`distillation`, and counted at 32 bits, not 16.";
  static constexpr int version = 2;
  // As k-means.
  static Claims claims(const Params& params, bool /*of_weights*/) {
    return {.monotonic = false,
            .zero_preserving = false,
            .straight_through = params.grad_reduce == "sum"};
  }

  explicit ProductQuantization(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role != Role::kWeight || params_.weight_bits == kFloatBits) return nullptr;
    return std::make_unique<SharedVectors>(site, params_);
  }

  std::vector<Stage> stages() const override {
    return {{.kind = Stage::Kind::kCalibrate, .name = "cluster"},
            {.name = "tune codewords"}};
  }

 private:
  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(product_quantization, bitsweep::methods::ProductQuantization)

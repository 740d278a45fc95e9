// Batch normalisation (Ioffe and Szegedy, ICML 2015), with the ReLU behind it and the
// addition of a residual block's shortcut in the same pass where they follow. Statistics
// are the whole batch's: sums of slices, added in slice order.

#include <algorithm>
#include <optional>

#include "framework/engine/elementwise.h"
#include "framework/engine/normalisation.h"
#include "framework/nn/add_layer.h"
#include "framework/nn/folded_normalisation.h"
#include "framework/nn/layer_kinds.h"
#include "framework/nn/weighted_layer.h"

namespace bitsweep {
namespace {

struct BatchNormParams {
  double epsilon = 1e-5;
  double momentum = 0.1;
  bool affine = true;

  static Schema<BatchNormParams> schema() {
    return Schema<BatchNormParams>{}
        .field("epsilon", &BatchNormParams::epsilon, "Added to the variance.",
               between(1e-10, 1.0))
        .field("momentum", &BatchNormParams::momentum,
               "Weight of the new batch in the running statistics.", between(0.0, 1.0))
        .field("affine", &BatchNormParams::affine,
               "Learn a scale and a shift for each channel.");
  }
};

class BatchNorm final : public Layer, public WeightSource {
 public:
  BatchNorm(const LayerSpec& spec, const BatchNormParams& params, Activation& input,
            LayerContext& context)
      : Layer(spec.name, context),
        params_(params),
        input_(&input),
        gamma_(spec.name + "/scale", channels_of(input)),
        beta_(spec.name + "/shift", channels_of(input)),
        running_mean_(channels_of(input)),
        running_variance_(channels_of(input)),
        no_mean_(channels_of(input)),
        unit_(channels_of(input)) {
    output_.shape = input.shape;
    output_.makers = input.makers;
    std::fill_n(gamma_.value.data(), channels(), 1.0f);
    std::fill_n(running_variance_.data(), channels(), 1.0f);
    std::fill_n(unit_.data(), channels(), 1.0f);
    for (Buffer* row : {&mean_, &variance_, &inverse_deviation_, &scale_, &shift_,
                        &slope_, &constant_}) {
      *row = Buffer(channels());
    }
    sums_.resize((context.slices.size() + 1) * 2 * channels());
  }

  const char* kind() const override { return "batch_norm"; }

  std::vector<Parameter*> parameters() override {
    if (!params_.affine) return {};
    return {&gamma_, &beta_};
  }

  std::vector<StateTensor> state() override {
    const std::vector<std::int64_t> shape{std::int64_t(channels())};
    std::vector<StateTensor> state{
        {name() + "/running_mean", shape, running_mean_.span()},
        {name() + "/running_variance", shape, running_variance_.span()}};
    if (params_.affine) {
      state.push_back({gamma_.name, shape, gamma_.value.span()});
      state.push_back({beta_.name, shape, beta_.value.span()});
    }
    return state;
  }

  bool absorb_relu() override {
    if (relu_) return false;
    relu_ = true;
    output_.is_signed = false;
    return true;
  }

  bool absorb_addition(AddLayer& addition) override {
    if (relu_ || addition_ != nullptr) return false;
    addition_ = &addition;
    return true;
  }

  bool has_output() const override { return !adds(); }

  bool fold_into(WeightedLayer& before) override {
    if (&before.output() != input_) return false;
    FoldedNormalisation(before, parts()).fold_for_good();
    before.set_source(nullptr);
    while_training_.reset();
    is_folded_ = true;
    stop_statistics_gradient();
    std::fill_n(gamma_.value.data(), channels(), 1.0f);
    std::fill_n(beta_.value.data(), channels(), 0.0f);
    std::fill_n(running_mean_.data(), channels(), 0.0f);
    std::fill_n(running_variance_.data(), channels(), float(1 - params_.epsilon));
    return true;
  }

  bool fold_in_training(WeightedLayer& before) override {
    if (&before.output() != input_) return false;
    while_training_.emplace(before, parts());
    before_ = &before;
    before.set_source(this);
    return true;
  }

  void freeze_statistics() override {
    is_frozen_ = true;
    stop_statistics_gradient();
  }

  void make(std::span<const float> latent, std::span<float> source) override {
    while_training_->make(latent, source);
  }
  void backward(Parameter& weight, Parameter& bias) override {
    while_training_->backward(weight, bias);
  }
  bool needs_latent_product() const override { return by_batch(); }
  void latent_gradient(std::span<float> u) const override {
    while_training_->gradient_of_product(u);
  }

  void describe(GraphBuilder& builder) override {
    fold_running();
    const auto all = [](const Buffer& b) {
      return std::vector<float>(b.span().begin(), b.span().end());
    };
    int value = builder.value_of(*input_);
    if (!is_folded_) {
      value =
          builder.add({.operation = Operation::kAffine,
                       .name = name(),
                       .inputs = {value},
                       .output = output_.shape,
                       .constants = {{"scale", all(scale_)}, {"shift", all(shift_)}}});
    }
    if (relu_) {
      value = builder.add({.operation = Operation::kRelu,
                           .name = name() + "/relu",
                           .inputs = {value},
                           .output = output_.shape});
    }
    builder.define(output_, value);
  }

  void plan_forward(Program& program, bool training) override {
    if (training) {
      program.per_slice([this](const Slice& slice) {
        if (!by_batch()) return;
        kernels::batch_statistics(to_normalise(slice), around(), first_sum(slice.index),
                                  second_sum(slice.index));
      });
    }
    program.once([this, training] {
      const bool goes_by_batch = training && by_batch();
      goes_by_batch ? fold_batch() : fold_running();
    });
    program.per_slice([this](const Slice& slice) { normalise(slice); });
  }

  void plan_backward(Program& program) override {
    if (adds()) claim_shortcut_gradient();
    program.per_slice([this](const Slice& slice) { gradient_sums(slice); });
    if (adds() && shortcut_adds_) {
      program.per_slice([this](const Slice& slice) {
        const auto shared = dy(slice);
        kernels::add_into(shared, {addend().gradients(slice), shared.size()});
      });
    }
    program.once([this] { take_gradient_sums(); });
    if (!input_->needs_gradient) return;
    const GradientSink sink = adds() ? GradientSink(*input_, context_)
                                     : GradientSink::in_place(*input_, output_, context_);
    program.per_slice([this, sink](const Slice& slice) {
      const ChannelGradient gradient{scale_.span(), slope_.span(), constant_.span()};
      if (relu_) {
        kernels::normalise_relu_backward(x(slice), dy(slice), gradient, shift_.span(),
                                         sink.target(slice));
      } else {
        kernels::normalise_backward(x(slice), dy(slice), gradient, sink.target(slice));
      }
      sink.finish(slice);
    });
  }

 private:
  // Whether the addition behind it, and the ReLU behind that, are done in its own pass.
  bool adds() const { return addition_ != nullptr && addition_->is_fused(); }
  Activation& addend() { return addition_->shortcut(); }
  // What its pass writes.
  Activation& written() { return adds() ? addition_->output() : output_; }

  static std::size_t channels_of(const Activation& activation) {
    return std::size_t(activation.shape.channels);
  }
  std::size_t channels() const { return channels_of(*input_); }
  std::size_t batch_pixels() const {
    return std::size_t(context_.batch) * input_->shape.pixels();
  }
  std::span<const float> x(const Slice& slice) {
    return {input_->values(slice), input_->elements(slice)};
  }
  std::span<float> dy(const Slice& slice) {
    return {written().gradients(slice), written().elements(slice)};
  }
  ChannelAffine affine() const { return {scale_.span(), shift_.span()}; }
  // Of the backward pass: xhat; the product itself where the rest is in the weights.
  ChannelMoments moments() const {
    if (while_training_) return {no_mean_.span(), unit_.span()};
    return {mean_.span(), inverse_deviation_.span()};
  }
  FoldedNormalisation::Normalisation parts() {
    return {gamma_, beta_, running_mean_, running_variance_, params_.epsilon};
  }
  // Whether a pass of training goes by the batch.
  bool by_batch() const {
    return !is_folded_ && (!is_frozen_ || context_.state.estimation_batch > 0);
  }
  // What has the statistics of the batch.
  std::span<const float> to_normalise(const Slice& slice) {
    return while_training_ ? before_->latent_product(slice) : x(slice);
  }

  // What sums are made about, against cancellation. A re-estimation owes nothing to the
  // mean before it.
  std::span<const float> around() const {
    return (context_.state.estimation_batch == 1 ? no_mean_ : running_mean_).span();
  }

  // Two rows of sums a slice, and one pair for the total.
  std::span<double> first_sum(int slice) {
    return {sums_.data() + std::size_t(slice) * 2 * channels(), channels()};
  }
  std::span<double> second_sum(int slice) {
    return {first_sum(slice).data() + channels(), channels()};
  }
  void add_slices() {
    const int slices = int(context_.slices.size());
    double* total = first_sum(slices).data();
    std::fill_n(total, 2 * channels(), 0.0);
    for (int slice = 0; slice < slices; ++slice) {
      const double* part = first_sum(slice).data();
      for (std::size_t i = 0; i < 2 * channels(); ++i) total[i] += part[i];
    }
  }
  std::span<const double> first_total() { return first_sum(int(context_.slices.size())); }
  std::span<const double> second_total() {
    return second_sum(int(context_.slices.size()));
  }

  void take_statistics() {
    add_slices();
    kernels::batch_moments(batch_pixels(), around(), first_total(), second_total(),
                           mean_.span(), variance_.span());
    const int batch = context_.state.estimation_batch;
    if (batch == 1) {  // whatever was there before does not count, were it NaN
      std::fill_n(running_mean_.data(), channels(), 0.0f);
      std::fill_n(running_variance_.data(), channels(), 0.0f);
    }
    const double share = batch > 0 ? 1.0 / batch : params_.momentum;
    const float keep = float(1 - share), take = float(share);
    const double n = double(batch_pixels());
    const float unbiased = n > 1 ? float(n / (n - 1)) : 1.0f;
    for (std::size_t c = 0; c < channels(); ++c) {
      running_mean_[c] = keep * running_mean_[c] + take * mean_[c];
      running_variance_[c] =
          keep * running_variance_[c] + take * (variance_[c] * unbiased);
    }
  }

  void fold_batch() {
    take_statistics();
    if (while_training_) {
      while_training_->take_batch(mean_.span(), variance_.span(), scale_.span(),
                                  shift_.span());
    } else {
      fold(mean_, variance_);
    }
  }

  void fold_running() {
    if (is_folded_) {
      std::fill_n(scale_.data(), channels(), 1.0f);
      std::fill_n(shift_.data(), channels(), 0.0f);
    } else if (while_training_) {
      while_training_->take_running(scale_.span(), shift_.span());
    } else {
      kernels::copy(running_mean_.span(), mean_.span());
      fold(running_mean_, running_variance_);
    }
  }

  void fold(const Buffer& mean, const Buffer& variance) {
    kernels::fold_normalisation(std::as_const(gamma_.value).span(),
                                std::as_const(beta_.value).span(), mean.span(),
                                variance.span(), float(params_.epsilon), scale_.span(),
                                shift_.span(), inverse_deviation_.span());
  }

  void normalise(const Slice& slice) {
    const std::span<float> y{written().values(slice), written().elements(slice)};
    if (!adds()) {
      relu_ ? kernels::normalise_relu(x(slice), affine(), y)
            : kernels::normalise(x(slice), affine(), y);
      return;
    }
    const std::span<const float> other{addend().values(slice), y.size()};
    if (addition_->rectifies()) {
      kernels::normalise_add_relu(x(slice), affine(), other, y);
    } else {
      kernels::normalise(x(slice), affine(), y);
      kernels::add_into(other, y);
    }
  }

  // The shortcut's gradient is the output's, masked: it shares the memory where the
  // shortcut has no other gradient yet.
  void claim_shortcut_gradient() {
    Activation& other = addend();
    shortcut_adds_ = other.needs_gradient && other.claim_gradient();
    if (other.needs_gradient && !shortcut_adds_) other.gradient_owner = &written();
  }

  void gradient_sums(const Slice& slice) {
    const ChannelSums sums{first_sum(slice.index), second_sum(slice.index)};
    if (relu_) {
      kernels::normalise_relu_backward_sums(x(slice), dy(slice), affine(), moments(),
                                            sums);
    } else if (adds() && addition_->rectifies()) {
      const std::span<const float> y{written().values(slice), written().elements(slice)};
      kernels::normalise_add_relu_backward_sums(x(slice), y, dy(slice), moments(), sums);
    } else {
      kernels::normalise_backward_sums(x(slice), dy(slice), moments(), sums);
    }
  }

  void take_gradient_sums() {
    if (is_folded_) return;  // the gradients of what is there no longer stay 0
    add_slices();
    if (while_training_) {
      by_batch() ? while_training_->batch_gradients(double(batch_pixels()), first_total(),
                                                    second_total())
                 : while_training_->running_gradients(first_total());
      return;  // dx is a factor times dy: the rest goes by way of the weights
    }
    for (std::size_t c = 0; c < channels(); ++c) {
      beta_.gradient[c] = float(first_total()[c]);
      gamma_.gradient[c] = float(second_total()[c]);
    }
    if (!by_batch()) return;
    kernels::fold_gradient(batch_pixels(), std::as_const(scale_).span(), moments(),
                           first_total(), second_total(), slope_.span(),
                           constant_.span());
  }

  // Statistics are constants from now on: dx = scale dy.
  void stop_statistics_gradient() {
    std::fill_n(slope_.data(), channels(), 0.0f);
    std::fill_n(constant_.data(), channels(), 0.0f);
  }

  BatchNormParams params_;
  Activation* input_;
  WeightedLayer* before_ = nullptr;  // where it is folded while training
  std::optional<FoldedNormalisation> while_training_;
  AddLayer* addition_ = nullptr;
  bool relu_ = false;
  bool is_folded_ = false;  // into the layer before it, for good
  bool is_frozen_ = false;
  bool shortcut_adds_ = false;
  Parameter gamma_, beta_;
  Buffer running_mean_, running_variance_;
  Buffer no_mean_, unit_;  // zeros, ones
  Buffer mean_, variance_, inverse_deviation_, scale_, shift_, slope_, constant_;
  std::vector<double> sums_;
};

}  // namespace

LayerKind batch_norm_kind() {
  return {"batch_norm",
          "Each channel normalised over the batch, then scaled and shifted.",
          BatchNormParams::schema().fields(),
          [](const LayerSpec& spec, Activation& input, LayerContext& context) {
            const auto params = parse_layer<BatchNormParams>(spec);
            return std::make_unique<BatchNorm>(spec, params, input, context);
          }};
}

}  // namespace bitsweep

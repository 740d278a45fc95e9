// Fully connected layers: products of the whole batch, cut into blocks of features, each
// one thread's; so every sum is made by one thread in one order.

#include <algorithm>

#include "framework/engine/elementwise.h"
#include "framework/nn/initialisers.h"
#include "framework/nn/layer_kinds.h"
#include "framework/nn/weighted_layer.h"

namespace bitsweep {
namespace {

struct LinearParams {
  std::string outputs = "1";
  bool bias = true;
  std::string init = "xavier";
  double init_std = 0.01;

  static Schema<LinearParams> schema() {
    return Schema<LinearParams>{}
        .field("outputs", &LinearParams::outputs, "Outputs: a number, or `classes`.")
        .field("bias", &LinearParams::bias, "Add a bias to each output.")
        .field("init", &LinearParams::init, "How weights begin.",
               one_of(initialiser_names()))
        .field("init_std", &LinearParams::init_std,
               "Deviation of a gaussian start, bound of a uniform one.",
               between(0.0, 1e6));
  }
};

// Outputs, or inputs, of one block.
constexpr int kOutputBlock = 64;
constexpr int kInputBlock = 256;

int blocks_of(int count, int size) { return (count + size - 1) / size; }

class LinearLayer final : public WeightedLayer {
 public:
  LinearLayer(const std::string& name, const LinearParams& params, int outputs,
              Activation& input, LayerContext& context)
      : WeightedLayer(name,
                      {.weight_shape = {outputs, int(input.shape.elements())},
                       .fan_in = int(input.shape.elements()),
                       .fan_out = outputs,
                       .bias = params.bias,
                       .is_convolution = false,
                       .initialiser = params.init,
                       .deviation = params.init_std},
                      input, {1, 1, outputs}, context),
        inputs_(int(input.shape.elements())),
        outputs_(outputs) {}

  const char* kind() const override { return "linear"; }
  std::int64_t multiplications() const override {
    return std::int64_t(inputs_) * outputs_;
  }

  void allocate() override {
    WeightedLayer::allocate();
    if (has_source()) latent_weight_gradient_ = Buffer(weight_.value.size());
  }

  void plan_forward(Program& program, bool training) override {
    plan_input(program, training);
    program.blocks(blocks_of(outputs_, kOutputBlock), [this, training](int block) {
      forward(block, effective_weight(), effective_bias(), raw_output(whole_batch()));
      if (training && needs_latent_product()) {
        forward(block, weight_.value.data(), bias_.value.data(),
                latent_product(whole_batch()).data());
      }
    });
    if (output_site_.is_quantized() || scales_pixels()) {
      program.per_slice([this](const Slice& slice) { quantize_output(slice); });
    }
  }

  void plan_backward(Program& program) override {
    if (output_site_.is_quantized() || gradient_site_.is_quantized() || scales_pixels()) {
      program.per_slice([this](const Slice& slice) { quantize_gradient(slice); });
    }
    if (has_source()) {
      program.per_slice([this](const Slice& slice) {
        if (needs_latent_product()) make_latent_gradient(slice);
      });
    }
    const bool to_input = input_.needs_gradient();
    input_.plan_backward();
    const int data_blocks = to_input ? blocks_of(inputs_, kInputBlock) : 0;
    const int weight_blocks = blocks_of(outputs_, kOutputBlock);
    program.blocks(data_blocks + weight_blocks, [=, this](int block) {
      block < data_blocks ? backward_data(block) : backward_weights(block - data_blocks);
    });
    if (to_input && input_.has_to_finish()) {
      program.per_slice([this](const Slice& slice) { input_.finish_gradient(slice); });
    }
  }

 protected:
  GraphNode product_node() const override { return {.operation = Operation::kLinear}; }

  void add_inputs(const float* image, std::vector<float>& rows) const override {
    rows.insert(rows.end(), image, image + inputs_);
  }

  void window_means(int, std::span<const float> pixel_scales,
                    std::span<float> output_scales) const override {
    std::copy(pixel_scales.begin(), pixel_scales.end(), output_scales.begin());
  }

 private:
  int batch() const { return context_.batch; }
  // Where a tensor begins that all slices share.
  const Slice& whole_batch() const { return context_.slices.front(); }

  // y[:, block] = bias + x w[block, :]^T
  void forward(int block, const float* w, const float* bias, float* y) {
    const int begin = block * kOutputBlock;
    const int count = std::min(kOutputBlock, outputs_ - begin);
    for (int row = 0; row < batch(); ++row) {
      std::copy_n(bias + begin, count, y + begin + std::size_t(row) * outputs_);
    }
    matrix_product(context_.engine, batch(), count, inputs_, {input_.values(), inputs_},
                   {w + std::size_t(begin) * inputs_, inputs_, true}, 1, y + begin,
                   outputs_);
  }

  void backward_data(int block) {
    float* const dx = input_.gradient_target(whole_batch()).data();
    add_data_gradient(block, output_.gradient_buffer().data(), effective_weight(), 0, dx);
    if (!needs_latent_product()) return;
    add_data_gradient(block, latent_product(whole_batch()).data(), weight_.value.data(),
                      1, dx);
  }

  // dx[:, block] = dy w[:, block] + beta dx[:, block]
  void add_data_gradient(int block, const float* dy, const float* w, float beta,
                         float* dx) {
    const int begin = block * kInputBlock;
    const int count = std::min(kInputBlock, inputs_ - begin);
    matrix_product(context_.engine, batch(), count, outputs_, {dy, outputs_},
                   {w + begin, inputs_}, beta, dx + begin, inputs_);
  }

  // dw[block, :] = dy[:, block]^T x
  void weight_gradient(int block, const float* dy, float* dw) {
    const int begin = block * kOutputBlock;
    const int count = std::min(kOutputBlock, outputs_ - begin);
    matrix_product(context_.engine, count, inputs_, batch(), {dy + begin, outputs_, true},
                   {input_.values(), inputs_}, 0, dw + std::size_t(begin) * inputs_,
                   inputs_);
  }

  void backward_weights(int block) {
    weight_gradient(block, output_.gradient_buffer().data(), weight_.gradient.data());
    if (needs_latent_product()) {
      weight_gradient(block, latent_product(whole_batch()).data(),
                      latent_weight_gradient_.data());
    }
    const int begin = block * kOutputBlock;
    const int count = std::min(kOutputBlock, outputs_ - begin);
    const float* dy = output_.gradient_buffer().data() + begin;
    float* db = bias_.gradient.data() + begin;
    std::fill_n(db, count, 0.0f);
    for (int row = 0; row < batch(); ++row) {
      for (int i = 0; i < count; ++i) db[i] += dy[std::size_t(row) * outputs_ + i];
    }
  }

  void add_latent_gradient() override {
    kernels::add_into(latent_weight_gradient_.span(), weight_.gradient.span());
  }

  int inputs_, outputs_;
  Buffer latent_weight_gradient_;  // where the weights have a source
};

}  // namespace

LayerKind linear_kind() {
  return {"linear", "Fully connected; an image is taken as one long vector.",
          LinearParams::schema().fields(),
          [](const LayerSpec& spec, Activation& input, LayerContext& context) {
            const auto params = parse_layer<LinearParams>(spec);
            const int outputs = count_of(params.outputs, "outputs", spec, context);
            claim_weights(spec, double(input.shape.elements()), {1, 1, outputs}, context);
            return std::make_unique<LinearLayer>(spec.name, params, outputs, input,
                                                 context);
          }};
}

}  // namespace bitsweep

// Fully connected layers: products of the whole batch, cut into blocks of features, each
// one thread's; so every sum is made by one thread in one order.

#include <algorithm>

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

  void plan_forward(Program& program, bool training) override {
    plan_input(program, training);
    program.blocks(blocks_of(outputs_, kOutputBlock),
                   [this](int block) { forward(block); });
    if (output_site_.is_quantized() || scales_pixels()) {
      program.per_slice([this](const Slice& slice) { quantize_output(slice); });
    }
  }

  void plan_backward(Program& program) override {
    if (output_site_.is_quantized() || gradient_site_.is_quantized() || scales_pixels()) {
      program.per_slice([this](const Slice& slice) { quantize_gradient(slice); });
    }
    const bool to_input = input_.needs_gradient();
    input_.plan_backward();
    const int data_blocks = to_input ? blocks_of(inputs_, kInputBlock) : 0;
    const int weight_blocks = blocks_of(outputs_, kOutputBlock);
    program.blocks(data_blocks + weight_blocks, [=, this](int block) {
      if (block < data_blocks) {
        backward_data(block, input_.gradient_target(context_.slices.front()).data());
      } else {
        backward_weights(block - data_blocks);
      }
    });
    if (to_input && input_.has_to_finish()) {
      program.per_slice([this](const Slice& slice) { input_.finish_gradient(slice); });
    }
  }

 protected:
  GraphNode product_node() const override { return {.operation = Operation::kLinear}; }

  void window_means(int, std::span<const float> pixel_scales,
                    std::span<float> output_scales) const override {
    std::copy(pixel_scales.begin(), pixel_scales.end(), output_scales.begin());
  }

 private:
  int batch() const { return context_.batch; }
  float* whole_raw_output() { return raw_output(context_.slices.front()); }

  // y[:, block] = bias + x w[block, :]^T
  void forward(int block) {
    const int begin = block * kOutputBlock;
    const int count = std::min(kOutputBlock, outputs_ - begin);
    float* y = whole_raw_output() + begin;
    for (int row = 0; row < batch(); ++row) {
      std::copy_n(effective_bias() + begin, count, y + std::size_t(row) * outputs_);
    }
    matrix_product(context_.engine, batch(), count, inputs_, {input_.values(), inputs_},
                   {effective_weight() + std::size_t(begin) * inputs_, inputs_, true}, 1,
                   y, outputs_);
  }

  // dx[:, block] = dy w[:, block]
  void backward_data(int block, float* dx) {
    const int begin = block * kInputBlock;
    const int count = std::min(kInputBlock, inputs_ - begin);
    matrix_product(context_.engine, batch(), count, outputs_,
                   {output_.gradient_buffer().data(), outputs_},
                   {effective_weight() + begin, inputs_}, 0, dx + begin, inputs_);
  }

  // dw[block, :] = dy[:, block]^T x
  void backward_weights(int block) {
    const int begin = block * kOutputBlock;
    const int count = std::min(kOutputBlock, outputs_ - begin);
    const float* dy = output_.gradient_buffer().data() + begin;
    matrix_product(context_.engine, count, inputs_, batch(), {dy, outputs_, true},
                   {input_.values(), inputs_}, 0,
                   weight_.gradient.data() + std::size_t(begin) * inputs_, inputs_);
    float* db = bias_.gradient.data() + begin;
    std::fill_n(db, count, 0.0f);
    for (int row = 0; row < batch(); ++row) {
      for (int i = 0; i < count; ++i) db[i] += dy[std::size_t(row) * outputs_ + i];
    }
  }

  int inputs_, outputs_;
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

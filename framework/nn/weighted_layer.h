// What convolution and linear layers share: weights and biases, and the five sites a
// method may quantize around them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/nn/quantized_input.h"
#include "framework/nn/weight_source.h"

namespace bitsweep {

/// Optimizers and hooks see the latent weights, the product sees what the weight
/// quantizer made of them or of their source, and the gradient that comes back passes
/// through both.
class WeightedLayer : public Layer {
 public:
  struct Form {
    std::vector<int> weight_shape;  // output channels first
    int fan_in, fan_out;
    bool bias;
    bool is_convolution;
    std::string initialiser;
    double deviation;
  };

  WeightedLayer(std::string name, const Form& form, Activation& input, ImageShape output,
                LayerContext& context);

  std::vector<Parameter*> parameters() override;
  std::vector<StateTensor> state() override;
  std::vector<BoundSite*> sites() override;
  /// Weights and bias as training begins with them; before, they have no memory.
  void draw_weights();
  void allocate() override;
  void describe(GraphBuilder& builder) override;

  Parameter& weight() { return weight_; }
  Parameter& bias() { return bias_; }
  bool has_bias() const { return form_.bias; }
  /// Before `build`; null: the latent weights are what the quantizer sees. Throws
  /// ConfigError where a quantizer of the layer does not allow one.
  void set_source(WeightSource* source);
  bool has_source() const { return source_ != nullptr; }
  /// Brings the source up to the weights as they are now.
  void make_source();
  /// Of the latent weights, in passes whose source asks for it.
  std::span<float> latent_product(const Slice& slice);
  /// From now on, with the value it has.
  void give_bias();
  /// Of `sites()` only where the layer has a bias.
  BoundSite& bias_site() { return bias_site_; }
  BoundSite& weight_site() { return weight_site_; }
  Activation& input() { return input_.activation(); }

  /// Shows the weights' quantizer, which asks for it, what filters met in the last pass:
  /// of a convolution some places of each image.
  void show_inputs();

  /// Quantizes weights and bias, as the pass's state asks; then `pack` takes them over.
  void quantize_parameters();
  virtual void pack_parameters() {}

  /// The weight gradient: `reduce_blocks()` independent parts, then the rest, which ends
  /// with the gradients of the latent weights and of the quantizers' parameters.
  virtual int reduce_blocks() const { return 0; }
  virtual void reduce_gradient(int /*block*/) {}
  virtual void finish_gradient();

  /// Large layers' quantizers run one after the other, each with all threads; small ones
  /// side by side.
  bool is_large() const { return weight_.size() > 65536; }

 protected:
  // The product's operation and window.
  virtual GraphNode product_node() const = 0;
  // Of one image, for `show_inputs`: appended to `rows`.
  virtual void add_inputs(const float* image, std::vector<float>& rows) const = 0;

  /// To add to the latent weights' gradient that by way of their own product.
  virtual void add_latent_gradient() {}
  bool needs_latent_product() const {
    return source_ != nullptr && source_->needs_latent_product();
  }
  // In place of the latent product.
  void make_latent_gradient(const Slice& slice) {
    source_->latent_gradient(latent_product(slice));
  }

  // What the product sees.
  const float* effective_weight() const;
  const float* effective_bias() const;

  bool active(const BoundSite& site) const {
    return site.is_active() && context_.state.quantizing;
  }

  // The parts of the passes around the product: `input_` has those before it.
  void plan_input(Program& program, bool training);
  void quantize_output(const Slice& slice);
  void quantize_gradient(const Slice& slice);

  // Where the product writes: the output, or the place before the output quantizer.
  float* raw_output(const Slice& slice);

  // Input quantizers with a scale at each pixel: an output pixel is multiplied by the
  // mean of them over its window, the bias with it.
  bool scales_pixels() const { return input_.site().source().pixel_scaled != nullptr; }
  virtual void window_means(int images, std::span<const float> pixel_scales,
                            std::span<float> output_scales) const = 0;

  QuantizedInput input_;
  Parameter weight_, bias_;
  Form form_;
  BoundSite weight_site_, bias_site_, output_site_, gradient_site_;
  Buffer output_scales_;  // batch x output pixels, where pixels have scales
  WeightSource* source_ = nullptr;
  Buffer latent_product_;  // batch x output; then its gradient
  Buffer no_bias_;         // zeros, where there is a source

 private:
  void refuse_source_where_quantized() const;
  void bind_bias();
  Pass pass_for_output(const Slice& slice) const;
  void apply_scales(const Slice& slice, float* values) const;
};

}  // namespace bitsweep

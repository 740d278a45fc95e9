#include "framework/nn/network.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/nn/pruned_site.h"

namespace bitsweep {
namespace {

bool is_of(const BoundSite& site, std::span<const int> owners) {
  const bool is_owned = owners.empty() || std::find(owners.begin(), owners.end(),
                                                    site.owner) != owners.end();
  return is_owned && site.is_quantized();
}

}  // namespace

Network::Network(const ModelSpec& model, const NetworkOptions& options) {
  context_.batch = options.batch;
  context_.classes = options.classes;
  context_.seed = options.seed;
  context_.engine = options.engine;
  context_.slices = slice_batch(options.batch);
  image_.shape = options.image;
  image_.is_signed = options.image_is_signed;
  image_.is_image = true;
  image_.needs_gradient = false;
  end_ = &image_;
  append(model.layers);
  for (const auto& layer : layers_) {
    if (auto* weighted = dynamic_cast<WeightedLayer*>(layer.get())) {
      weighted_.push_back(weighted);
    }
  }

  if (weighted_.empty() || end_->shape.elements() != std::size_t(options.classes)) {
    throw ConfigError(fmt::format(
        "model '{}': its last layer gives {} values for {} classes; end it with a linear "
        "layer of `classes` outputs",
        model.id, end_->shape.elements(), options.classes));
  }
  std::set<std::string> names;
  for (const auto& layer : layers_) {
    if (!names.insert(layer->name()).second) {
      throw ConfigError(fmt::format("model '{}': two layers are named '{}'; rename one",
                                    model.id, layer->name()));
    }
  }
  find_sites();
}

void Network::find_sites() {
  sites_.clear();
  for (const auto& layer : layers_) {
    for (BoundSite* site : layer->sites()) sites_.push_back(site);
  }
}

Network::~Network() = default;

void Network::attach(BoundSite& site, std::unique_ptr<Quantizer> quantizer) {
  site.quantizer = std::move(quantizer);
  if (!site.is_quantized()) return;
  for (Parameter* learned : site.quantizer->trainable()) learned->is_of_quantizer = true;
  site.pixel_scaled = optional_interface<PixelScaled>(site.quantizer.get());
  site.follows_batches = optional_interface<FollowsBatches>(site.quantizer.get());
  site.follows_product = optional_interface<FollowsProduct>(site.quantizer.get());
  site.sees_inputs = optional_interface<SeesInputs>(site.quantizer.get());
  const bool wants_inputs =
      site.sees_inputs != nullptr && site.sees_inputs->wants_inputs();
  if (!wants_inputs) site.sees_inputs = nullptr;
  site.evaluates_float =
      optional_interface<EvaluatesFloat>(site.quantizer.get()) != nullptr;
}

void Network::share(BoundSite& site, BoundSite& leader) {
  ensure(leader.is_quantized() && site.activation == leader.activation,
         "sites share the quantizer of one activation");
  site.leader = &leader;
  leader.followers.push_back(&site);
  if (leader.meeting) return;
  leader.meeting = std::make_unique<Activation>();
  leader.meeting->shape = leader.activation->shape;
}

void Network::draw_weights() {
  for (WeightedLayer* layer : weighted_) layer->draw_weights();
}

void Network::build() {
  const std::size_t batch = std::size_t(context_.batch);
  image_.value = Buffer(batch * image_.shape.elements());
  for (const auto& layer : layers_) {
    if (layer->has_output()) {
      layer->output().value = Buffer(batch * layer->output().shape.elements());
    }
    layer->allocate();
  }
  losses_.resize(context_.slices.size());
  labels_.resize(batch);

  const auto program = [this] { return std::make_unique<Program>(context_.slices); };
  training_ = program();
  plan_parameters(*training_);
  plan_forward(*training_, true);
  plan_loss(*training_, true);
  plan_backward(*training_);
  plan_gradients(*training_);

  preparation_ = program();
  plan_parameters(*preparation_);

  evaluation_ = program();
  plan_forward(*evaluation_, false);
  plan_loss(*evaluation_, false);

  batch_evaluation_ = program();
  plan_forward(*batch_evaluation_, true);
  plan_loss(*batch_evaluation_, false);

  // Planning the backward pass has settled which gradients have a buffer of their own.
  for (const auto& layer : layers_) {
    Activation& output = layer->output();
    if (output.gradient_owner == nullptr) output.gradient = Buffer(output.value.size());
  }
  context_.scratch = Buffer(batch * context_.scratch_elements);
}

// Quantizes and packs the parameters: large ones each with all threads, the rest side by
// side.
void Network::plan_parameters(Program& program) {
  program.once([this] {
    for (WeightedLayer* layer : weighted_) {
      if (layer->is_large()) layer->quantize_parameters();
    }
  });
  program.blocks(int(weighted_.size()), [this](int index) {
    WeightedLayer& layer = *weighted_[std::size_t(index)];
    if (!layer.is_large()) layer.quantize_parameters();
    layer.pack_parameters();
  });
}

void Network::plan_forward(Program& program, bool training) {
  program.per_slice([this](const Slice& slice) {
    const std::size_t elements = image_.shape.elements();
    for (int index = slice.begin; index < slice.begin + slice.images; ++index) {
      source_->load(index,
                    {image_.value.data() + std::size_t(index) * elements, elements});
      labels_[std::size_t(index)] = source_->label(index);
    }
  });
  for (const auto& layer : layers_) layer->plan_forward(program, training);
}

void Network::plan_loss(Program& program, bool gradient) {
  program.per_slice([this, gradient](const Slice& slice) {
    const int images = std::min(slice.images, images_ - slice.begin);
    const std::size_t count = std::size_t(images) * end_->shape.elements();
    const std::span<const float> values{end_->values(slice), count};
    const std::span<const int> labels{labels_.data() + slice.begin, std::size_t(images)};
    const std::span<float> dlogits =
        gradient ? std::span<float>{end_->gradients(slice), count} : std::span<float>{};
    const auto kernel = loss_ == Loss::kCrossEntropy ? kernels::softmax_cross_entropy
                                                     : kernels::squared_hinge;
    SliceLoss& total = losses_[std::size_t(slice.index)];
    total = kernel(values, labels, context_.batch, dlogits);
    if (!gradient || source_->teacher.empty()) return;
    const auto teacher = source_->teacher.subspan(end_->offset(slice), count);
    total.loss =
        kernels::distilled_loss(total.loss, values, teacher, end_->shape.elements(),
                                source_->distillation, context_.batch, dlogits);
  });
}

void Network::plan_backward(Program& program) {
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    (*layer)->plan_backward(program);
  }
}

void Network::plan_gradients(Program& program) {
  struct Part {
    WeightedLayer* layer;
    int block;
  };
  std::vector<Part> parts;
  for (WeightedLayer* layer : weighted_) {
    for (int block = 0; block < layer->reduce_blocks(); ++block) {
      parts.push_back({layer, block});
    }
  }
  const int count = int(parts.size());
  program.blocks(count, [parts = std::move(parts)](int index) {
    const Part& part = parts[std::size_t(index)];
    part.layer->reduce_gradient(part.block);
  });
  program.once([this] {
    for (WeightedLayer* layer : weighted_) {
      if (layer->is_large()) layer->finish_gradient();
    }
  });
  program.blocks(int(weighted_.size()), [this](int index) {
    WeightedLayer& layer = *weighted_[std::size_t(index)];
    if (!layer.is_large()) layer.finish_gradient();
  });
}

std::vector<Parameter*> Network::parameters() {
  std::vector<Parameter*> all;
  for (const auto& layer : layers_) {
    for (Parameter* parameter : layer->parameters()) all.push_back(parameter);
  }
  return all;
}

std::vector<StateTensor> Network::state() {
  std::vector<StateTensor> all;
  for (const auto& layer : layers_) {
    for (StateTensor& tensor : layer->state()) all.push_back(std::move(tensor));
  }
  return all;
}

Graph Network::graph() {
  ensure(!folds_in_training(), "a network is packed as it is when it is done");
  Graph graph{.image = image_.shape, .classes = context_.classes};
  GraphBuilder builder(graph, image_);
  for (const auto& layer : layers_) layer->describe(builder);
  return graph;
}

SliceLoss Network::run(const Program& program, const BatchSource& source, Loss loss,
                       int images) {
  source_ = &source;
  loss_ = loss;
  images_ = images;
  context_.state.images = images;
  for (SliceLoss& slice : losses_) slice = {};
  program.run(images);
  SliceLoss total;
  for (const SliceLoss& slice : losses_) {
    total.loss += slice.loss;
    total.correct += slice.correct;
  }
  return total;
}

SliceLoss Network::train_step(const BatchSource& source, Loss loss, std::int64_t step) {
  context_.state = {.pass = {.training = true, .step = step}};
  return run(*training_, source, loss, context_.batch);
}

std::string Network::fold_each(const std::function<bool(Layer&, WeightedLayer&)>& fold) {
  for (const auto& layer : layers_) {
    if (std::string_view(layer->kind()) != "batch_norm") continue;
    const bool is_done = std::any_of(weighted_.begin(), weighted_.end(), [&](auto* w) {
      return !w->output().is_forked && fold(*layer, *w);
    });
    if (is_done) continue;
    return fmt::format(
        "{}: it cannot be folded: no convolution or linear layer that it alone reads "
        "stands right before it; leave out the folding, or change the model",
        layer->name());
  }
  return "";
}

void Network::fold_in_training() {
  const auto problem = fold_each(
      [](Layer& layer, WeightedLayer& before) { return layer.fold_in_training(before); });
  if (!problem.empty()) throw ConfigError(problem);
}

bool Network::folds_in_training() const {
  return std::any_of(weighted_.begin(), weighted_.end(),
                     [](const WeightedLayer* layer) { return layer->has_source(); });
}

void Network::fold_normalisation() {
  const auto problem = fold_each(
      [](Layer& layer, WeightedLayer& before) { return layer.fold_into(before); });
  if (!problem.empty()) throw RunError(problem);
  find_sites();  // those of new biases
}

void Network::freeze_normalisation() {
  for (const auto& layer : layers_) layer->freeze_statistics();
}

void Network::clear_pruned() {
  for (WeightedLayer* layer : weighted_) {
    bitsweep::clear_pruned(layer->weight_site(), layer->weight().value.span());
  }
}

void Network::prepare_evaluation() {
  context_.state = {};
  preparation_->run(context_.batch);
}

SliceLoss Network::evaluate(const BatchSource& source, Loss loss, int images,
                            std::span<std::int32_t> predictions) {
  context_.state = {};
  SliceLoss total = run(*evaluation_, source, loss, images);
  const std::size_t classes = std::size_t(context_.classes);
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const float* row = end_->value.data() + i * classes;
    predictions[i] = std::int32_t(std::max_element(row, row + classes) - row);
  }
  return total;
}

bool Network::has_batch_normalisation() const {
  return std::any_of(layers_.begin(), layers_.end(), [](const auto& layer) {
    return std::string_view(layer->kind()) == "batch_norm";
  });
}

void Network::estimate_normalisation(const BatchSource& source, int count) {
  context_.state = {.estimation_batch = count};
  run(*batch_evaluation_, source, Loss::kCrossEntropy, context_.batch);
}

std::span<const float> Network::logits() const { return end_->value.span(); }

void Network::wait_for_calibration(std::span<const int> owners) {
  for (BoundSite* site : sites_) {
    if (is_of(*site, owners)) site->is_awake = false;
  }
}

void Network::calibrate_weights(std::span<const int> owners) {
  for (WeightedLayer* layer : weighted_) layer->make_source();
  for (BoundSite* site : sites_) {
    if (!is_of(*site, owners) || !site->is_parameter()) continue;
    at_site(*site, [&] {
      site->quantizer->calibrate(site->before());
      site->quantizer->finish_calibration();
    });
  }
}

void Network::calibrate_activations(const BatchSource& source, bool batch_statistics,
                                    std::span<const int> owners) {
  context_.state = {.quantizing = false};
  preparation_->run(context_.batch);
  run(batch_statistics ? *batch_evaluation_ : *evaluation_, source, Loss::kCrossEntropy,
      context_.batch);
  for (BoundSite* site : sites_) {
    if (!is_of(*site, owners) || !site->is_activation()) continue;
    const auto values = std::as_const(site->activation->value).span();
    refuse_lost_values(*site, values, 0, "in calibration");
    at_site(*site, [&] { site->quantizer->calibrate(values); });
  }
  for (WeightedLayer* layer : weighted_) {
    const BoundSite& site = layer->weight_site();
    if (is_of(site, owners) && site.sees_inputs != nullptr) layer->show_inputs();
  }
}

void Network::set_switches(SitePart part, bool on, std::span<const int> owners) {
  for (BoundSite* site : sites_) {
    const bool is_meant =
        part == SitePart::kAll ||
        (part == SitePart::kParameters ? site->is_parameter() : site->is_activation());
    if (is_meant && is_of(*site, owners)) site->set_switch(on);
  }
}

void Network::finish_calibration(std::span<const int> owners) {
  for (BoundSite* site : sites_) {
    if (!is_of(*site, owners)) continue;
    if (site->is_activation()) {
      at_site(*site, [&] { site->quantizer->finish_calibration(); });
    }
    site->is_awake = true;
  }
}

}  // namespace bitsweep

#include "framework/pack/executor.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/core/parallel.h"
#include "framework/engine/elementwise.h"
#include "framework/engine/pooling.h"
#include "framework/engine/window_means.h"
#include "framework/nn/program.h"
#include "framework/pack/dynamic_codes.h"
#include "framework/pack/execution_graph.h"
#include "framework/pack/execution_memory.h"
#include "framework/pack/float_operations.h"
#include "framework/pack/pipeline.h"
#include "framework/pack/product.h"

namespace bitsweep {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool is_elementwise(Operation operation) {
  switch (operation) {
    case Operation::kAffine:
    case Operation::kRelu:
    case Operation::kRelu6:
    case Operation::kHardTanh:
    case Operation::kAdd:
    case Operation::kPixelScale:
    case Operation::kQuantize:
      return true;
    default:
      return false;
  }
}

}  // namespace

// Goes through the graph once, and adds to the program what each node needs.
class Executor::Plan {
 public:
  Plan(const PackedModel& model, const ExecutorOptions& options)
      : options_(options),
        model_(model),
        all_(execution_graph(model)),
        slices_(slice_batch(options.batch)),
        values_(all_.graph.nodes.size() + 1),
        program_(slices_) {
    for (std::size_t v = 0; v < values_.size(); ++v) {
      values_[v].shape = all_.graph.shape_of(int(v));
    }
    for (const GraphNode& node : model.graph.nodes) {  // as the quantizers are ordered
      if (node.operation != Operation::kQuantize) continue;
      forms_.emplace_back(model.quantizers[forms_.size()], node.name);
    }
    values_.front().needs_floats = true;
    values_.back().needs_floats = true;
    make_products(model);
    ranges_.resize(products_.size() * slices_.size());
    done_.assign(all_.graph.nodes.size(), false);
    for (std::size_t i = 0; i < all_.graph.nodes.size(); ++i) {
      if (!done_[i]) plan(i);
    }
    if (options.keeps_codes) keep_codes();
    // Now every reader has said what it wants.
    for (StoredValue& value : values_) value.allocate(options.batch);
    sums_.resize(slices_.size());
    for (auto& sums : sums_) sums.resize(largest_sums_ * std::size_t(slices_[0].images));
    pooled_.resize(slices_.size());
    for (auto& sums : pooled_) {
      sums.resize(largest_pooled_ * std::size_t(slices_[0].images));
    }
  }

  const ExecutorOptions options_;
  const PackedModel& model_;  // only while it plans
  const ExecutionGraph all_;
  const std::vector<Slice> slices_;
  std::vector<StoredValue> values_;
  std::deque<CodeForm> forms_;
  std::vector<std::unique_ptr<Product>> products_;
  std::vector<int> product_of_;  // by node; -1: none
  std::vector<ProductPlan> product_plans_;
  std::vector<SumRange> ranges_;  // [products, slices]
  bool watches_ = false;
  int count_ = 0;  // images of the run under way
  Program program_;

 private:
  StoredValue& value(int index) { return values_[std::size_t(index)]; }
  const CodeForm* form_of(int value) const {
    const int quantizer = all_.grid_of[std::size_t(value)];
    return quantizer < 0 ? nullptr : &forms_[std::size_t(quantizer)];
  }

  void make_products(const PackedModel& model) {
    for (const GraphNode& node : all_.graph.nodes) {
      product_of_.push_back(is_product(node) ? int(products_.size()) : -1);
      if (!is_product(node)) continue;
      const int input = node.inputs.front();
      products_.push_back(std::make_unique<Product>(
          ProductContext{.node = node,
                         .input_shape = all_.graph.shape_of(input),
                         .weight = *model.tensor(node.name + "/weight"),
                         .bias = model.tensor(node.name + "/bias"),
                         .input = form_of(input),
                         .options = options_,
                         .slices = slices_}));
      product_plans_.push_back(products_.back()->plan());
      largest_sums_ = std::max(largest_sums_, node.output.elements());
    }
  }

  void keep_codes() {
    for (std::size_t i = 0; i < all_.graph.nodes.size(); ++i) {
      if (!is_quantize(i)) continue;
      const int input = all_.graph.nodes[i].inputs.front();
      value(input).needs_floats = !unmade_.contains(input);
      values_[i + 1].needs_floats = true;
    }
  }

  bool pools_codes(std::size_t i) const {
    if (all_.graph.nodes[i].operation != Operation::kMaxPool) return false;
    const CodeForm* const form = form_of(int(i) + 1);
    return form != nullptr && form->has_bytes();
  }

  void plan(std::size_t i) {
    const GraphNode& node = all_.graph.nodes[i];
    done_[i] = true;
    if (product_of_[i] >= 0) return plan_product(i);
    if (is_elementwise(i)) return plan_elementwise(i);
    if (pools_codes(i)) return plan_code_pool(i);
    value(node.inputs.front()).needs_floats = true;
    StoredValue& to = values_[i + 1];
    to.needs_floats |= node.operation != Operation::kQuantize;
    if (node.operation == Operation::kQuantize) return plan_dynamic_quantizer(i);
    std::vector<StoredValue*> inputs;
    for (const int input : node.inputs) {
      inputs.push_back(&value(input));
      inputs.back()->needs_floats = true;
    }
    per_slice(float_work(node, inputs, to, slices_));
  }

  void per_slice(SliceWork work) { program_.per_slice(std::move(work)); }

  // A product, and all that follows it element by element.
  void plan_product(std::size_t i) {
    const GraphNode& node = all_.graph.nodes[i];
    const auto index = std::size_t(product_of_[i]);
    const Product& product = *products_[index];
    StoredValue &input = value(node.inputs.front()), &own = values_[i + 1];
    product.claim(input);
    if (product.gives_floats()) {
      const std::string& reason = product.plan().reason;
      product_plans_[index].why_not =
          reason.empty() ? "the weights' scales change within a filter" : reason;
      plan_float_product(product, input, own);
      return plan_readers(i + 1);
    }
    if (form_of(node.inputs.front())->is_dynamic()) return plan_dynamic_product(i);
    if (plan_requantized_product(i, product)) return;
    if (const auto pool = pool_of_sums(i)) return plan_pooled_product(i, *pool);
    Pipeline& pipeline = pipeline_of_sums(i + 1, product);
    add_sums(index, product, input, own, pipeline);
  }

  void add_sums(std::size_t index, const Product& product, StoredValue& input,
                StoredValue& own, Pipeline& pipeline) {
    per_slice([this, &product, &input, &pipeline, &own, index](const Slice& slice) {
      auto& sums = sums_[std::size_t(slice.index)];
      product.sums(slice, input, sums.data());
      if (watches_) watch(index, slice, {sums.data(), own.elements(slice)});
      pipeline.run(slice, sums.data());
    });
  }

  // All that follows value v, which is made of a product's sums.
  Pipeline& pipeline_of_sums(std::size_t v, const Product& product) {
    Pipeline& pipeline = pipelines_.emplace_back(values_[v].shape);
    pipeline.from_sums(product.start(), product.factors(), offsets_of(v, product));
    pipeline.store_floats(values_[v]);
    unfinished_.insert(int(v));
    extend(v, pipeline);
    add_before();
    return pipeline;
  }

  // Biases; of logits on integers alone they are whole steps of the sums.
  std::vector<float> offsets_of(std::size_t v, const Product& product) const {
    auto offsets = product.offsets();
    if (options_.requantize != Requantize::kFixedPoint || !all_.consumers[v].empty()) {
      return offsets;
    }
    const auto factors = product.factors();
    for (std::size_t f = 0; f < offsets.size(); ++f) {
      if (factors[f] > 0) offsets[f] = std::rint(offsets[f] / factors[f]) * factors[f];
    }
    return offsets;
  }

  // The max pool that alone reads a product, whose values never fall as its sums rise:
  // then sums are pooled, before anything is made of them.
  std::optional<std::size_t> pool_of_sums(std::size_t i) const {
    const auto& readers = all_.consumers[i + 1];
    if (readers.size() != 1) return std::nullopt;
    const auto pool = std::size_t(readers.front());
    if (all_.graph.nodes[pool].operation != Operation::kMaxPool) return std::nullopt;
    const auto factors = products_[std::size_t(product_of_[i])]->factors();
    const auto is_finite = [](float factor) { return factor >= 0 && factor < kInfinity; };
    if (!std::all_of(factors.begin(), factors.end(), is_finite)) return std::nullopt;
    return pool;
  }

  void plan_pooled_product(std::size_t i, std::size_t pool_node) {
    const auto index = std::size_t(product_of_[i]);
    const Product& product = *products_[index];
    const GraphNode& node = all_.graph.nodes[pool_node];
    StoredValue &input = value(all_.graph.nodes[i].inputs.front()), &own = values_[i + 1];
    done_[pool_node] = true;
    Pipeline& pipeline = pipeline_of_sums(pool_node + 1, product);
    largest_pooled_ = std::max(largest_pooled_, node.output.elements());
    per_slice([this, &product, &input, &pipeline, &own, index,
               out = node.output.elements(),
               pool = pool_of(node, own.shape)](const Slice& slice) {
      const auto s = std::size_t(slice.index);
      const std::span sums(sums_[s].data(), own.elements(slice));
      const std::span pooled(pooled_[s].data(), std::size_t(slice.images) * out);
      product.sums(slice, input, sums.data());
      if (watches_) watch(index, slice, sums);
      kernels::max_pool(pool, slice.images, std::span<const std::int32_t>(sums), pooled);
      pipeline.run(slice, pooled.data());
    });
  }

  // The codes behind product node i straight from its sums, where that was asked for and
  // is possible.
  bool plan_requantized_product(std::size_t i, const Product& product) {
    if (options_.requantize == Requantize::kAsTrained) return false;
    ProductPlan& plan = product_plans_[std::size_t(product_of_[i])];
    const int input = all_.graph.nodes[i].inputs.front();
    const auto found =
        find_requantization(options_.requantize, model_, all_, i, *product.integers(),
                            *form_of(input), plan.why_not);
    if (!found) return false;
    plan.is_requantized = true;
    for (std::size_t node = i; node != found->quantize;) {
      unmade_.insert(int(node) + 1);
      node = std::size_t(all_.consumers[node + 1].front());
      done_[node] = true;
    }
    const std::size_t codes = found->quantize + 1;
    Pipeline& pipeline = pipelines_.emplace_back(all_.graph.nodes[i].output);
    pipeline.from_requantized_sums(*found);
    pipeline.quantize_block(*form_of(int(codes)), values_[codes]);
    unfinished_.insert(int(codes));
    extend(codes, pipeline);
    add_before();
    add_sums(std::size_t(product_of_[i]), product, value(input), values_[i + 1],
             pipeline);
    return true;
  }

  // Element by element, whatever is beside it: not a range found at run time.
  bool is_elementwise(std::size_t i) const {
    const GraphNode& node = all_.graph.nodes[i];
    if (node.operation == Operation::kQuantize && form_of(int(i) + 1)->is_dynamic()) {
      return false;
    }
    return bitsweep::is_elementwise(node.operation);
  }

  void plan_dynamic_quantizer(std::size_t i) {
    StoredValue &from = value(all_.graph.nodes[i].inputs.front()), &to = values_[i + 1];
    const CodeForm& form = *form_of(int(i) + 1);
    auto& scales = image_scales_[int(i) + 1];
    scales.resize(std::size_t(options_.batch));
    if (!form.is_of_batch()) return per_slice(encode_images_work(from, form, to, scales));
    BatchCodes& codes =
        batch_codes_.emplace_back(from, form, to, scales, slices_, count_);
    per_slice([&codes](const Slice& slice) { codes.measure(slice); });
    program_.once([&codes] { codes.choose(); });
    per_slice([&codes](const Slice& slice) { codes.encode(slice); });
  }

  void plan_dynamic_product(std::size_t i) {
    const auto index = std::size_t(product_of_[i]);
    const Product& product = *products_[index];
    const int from = all_.graph.nodes[i].inputs.front();
    StoredValue &input = value(from), &own = values_[i + 1];
    own.needs_floats = true;
    per_slice([this, &product, &input, &own, index, &scales = image_scales_.at(from),
               images = ImageProduct{
                   .ones = sums_of_ones(product, input.shape, own.shape, slices_.front()),
                   .factors = product.factors(),
                   .bias = product.offsets()}](const Slice& slice) {
      auto& sums = sums_[std::size_t(slice.index)];
      product.sums(slice, input, sums.data());
      images.finish(slice, scales, sums.data(), own.floats_of(slice));
      if (watches_) watch(index, slice, {sums.data(), own.elements(slice)});
    });
    plan_readers(i + 1);
  }

  void plan_float_product(const Product& product, StoredValue& input, StoredValue& own) {
    own.needs_floats = true;
    if (const int blocks = product.batch_blocks(); blocks > 0) {
      program_.blocks(blocks, [&product, &input, &own](int block) {
        product.floats(block, input, own.floats);
      });
    } else {
      per_slice([&product, &input, &own](const Slice& slice) {
        product.floats(slice, input, own.floats_of(slice).data());
      });
    }
  }

  // Of a value whose floats lie stored: what reads it element by element, if anything.
  void plan_readers(std::size_t v) {
    Pipeline& pipeline = pipelines_.emplace_back(values_[v].shape);
    pipeline.from_floats(values_[v]);
    if (!extend(v, pipeline)) return;
    values_[v].needs_floats = true;
    add_before();
    per_slice([&pipeline](const Slice& slice) { pipeline.run(slice, nullptr); });
  }

  void plan_elementwise(std::size_t i) {
    done_[i] = false;
    plan_readers(std::size_t(all_.graph.nodes[i].inputs.front()));
    ensure(done_[i], "a pipeline takes the first of its operations");
  }

  // Takes the readers of value v into the pipeline, and theirs: all quantizers, and one
  // other. False: there were none.
  bool extend(std::size_t v, Pipeline& pipeline) {
    for (auto next = take_readers(v, pipeline); next;
         next = take_readers(*next + 1, pipeline)) {
    }
    return !std::exchange(unfinished_, {}).empty();
  }

  // The other one.
  std::optional<std::size_t> take_readers(std::size_t v, Pipeline& pipeline) {
    std::optional<std::size_t> next;
    for (const int reader : all_.consumers[v]) {
      const auto r = std::size_t(reader);
      const GraphNode& node = all_.graph.nodes[r];
      const bool first = node.inputs.front() == int(v);
      if (done_[r] || !first || !is_elementwise(r)) continue;
      if (node.operation == Operation::kQuantize) {
        if (goes_on_behind(r)) {
          next = r;
          break;
        }
        pipeline.quantize(*form_of(reader + 1), values_[r + 1]);
        done_[r] = true;
        unfinished_.insert(reader + 1);
      } else if (!next && is_ready(r)) {
        next = r;
      }
    }
    if (!next) return next;
    done_[*next] = true;
    unfinished_.insert(int(*next) + 1);
    add_operation(*next, pipeline);
    if (!is_quantize(*next)) pipeline.store_floats(values_[*next + 1]);
    return next;
  }

  bool is_quantize(std::size_t i) const {
    return all_.graph.nodes[i].operation == Operation::kQuantize;
  }

  // Whether quantize node i alone reads its value, and its own is read element by
  // element: then the pipeline goes on with that.
  bool goes_on_behind(std::size_t i) const {
    const auto reads_on = [&](int reader) {
      const GraphNode& node = all_.graph.nodes[std::size_t(reader)];
      return node.inputs.front() == int(i) + 1 && is_elementwise(std::size_t(reader));
    };
    const auto& readers = all_.consumers[i + 1];
    const int value = all_.graph.nodes[i].inputs.front();
    return all_.consumers[std::size_t(value)].size() == 1 &&
           std::any_of(readers.begin(), readers.end(), reads_on);
  }

  // Whether what else the node reads is there: block by block, or before its pipeline.
  bool is_ready(std::size_t i) const {
    const GraphNode& node = all_.graph.nodes[i];
    if (node.inputs.size() == 1) return true;
    const int other = node.inputs[1];
    if (node.operation == Operation::kPixelScale && unfinished_.contains(other)) {
      return false;
    }
    return other == 0 || done_[std::size_t(other - 1)];
  }

  void add_operation(std::size_t i, Pipeline& pipeline) {
    const GraphNode& node = all_.graph.nodes[i];
    switch (node.operation) {
      case Operation::kAffine:
        return pipeline.affine(node.constants.at("scale"), node.constants.at("shift"));
      case Operation::kRelu:
        return pipeline.relu();
      case Operation::kRelu6:
        return pipeline.relu6();
      case Operation::kHardTanh:
        return pipeline.hard_tanh();
      case Operation::kAdd:
        value(node.inputs[1]).needs_floats = true;
        return pipeline.add(value(node.inputs[1]));
      case Operation::kQuantize:
        return pipeline.quantize_block(*form_of(int(i) + 1), value(int(i) + 1));
      default:
        return pipeline.scale_pixels(pixel_scales(node));
    }
  }

  // K, made where the pipeline is run: the step goes before it.
  const Buffer& pixel_scales(const GraphNode& node) {
    StoredValue& input = value(node.inputs[1]);
    input.needs_floats = true;
    const auto geometry = pixel_scale_geometry(node, input.shape);
    Buffer& a =
        scales_.emplace_back(std::size_t(options_.batch) * geometry.input.pixels());
    Buffer& k = scales_.emplace_back(std::size_t(options_.batch) * node.output.pixels());
    before_.push_back([&input, &a, &k, geometry](const Slice& slice) {
      const auto part = [&](Buffer& all, std::size_t pixels) {
        return all.span().subspan(std::size_t(slice.begin) * pixels,
                                  std::size_t(slice.images) * pixels);
      };
      const auto own = part(a, geometry.input.pixels());
      kernels::mean_magnitudes(input.floats_of(slice), own);
      kernels::window_means(geometry, slice.images, own,
                            part(k, geometry.output.pixels()));
    });
    return k;
  }

  void add_before() {
    for (auto& work : std::exchange(before_, {})) per_slice(std::move(work));
  }

  void plan_code_pool(std::size_t i) {
    const GraphNode& node = all_.graph.nodes[i];
    StoredValue &from = value(node.inputs.front()), &to = values_[i + 1];
    const CodeForm& form = *form_of(int(i) + 1);
    from.needs_bytes = to.needs_bytes = true;
    per_slice(code_pool_work(pool_of(node, from.shape), from, form, to));
  }

  void watch(std::size_t product, const Slice& slice,
             std::span<const std::int32_t> sums) {
    SumRange& range = ranges_[product * slices_.size() + std::size_t(slice.index)];
    const auto [least, most] = std::minmax_element(sums.begin(), sums.end());
    range.least = std::min(range.least, *least);
    range.most = std::max(range.most, *most);
  }

  std::vector<bool> done_;
  std::set<int> unfinished_;  // values that the pipeline being planned makes
  std::set<int> unmade_;      // values between sums and their codes
  std::deque<Pipeline> pipelines_;
  std::deque<Buffer> scales_;
  std::map<int, ImageScales> image_scales_;  // by value
  std::deque<BatchCodes> batch_codes_;
  std::vector<SliceWork> before_;
  std::vector<AlignedVector<std::int32_t>> sums_;  // one a slice
  std::vector<AlignedVector<std::int32_t>> pooled_;
  std::size_t largest_sums_ = 0, largest_pooled_ = 0;  // of an image
};

Executor::Executor(const PackedModel& model, const ExecutorOptions& options) {
  check_memory(model, options);
  try {
    plan_ = std::make_unique<Plan>(model, options);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {  // the engine's own
    throw RunError(fmt::format("the model cannot be run: {}", error.what()));
  }
}
Executor::~Executor() = default;
Executor::Executor(Executor&&) noexcept = default;

int Executor::batch() const { return plan_->options_.batch; }

const std::vector<ProductPlan>& Executor::products() const {
  return plan_->product_plans_;
}

std::span<float> Executor::image(int index) {
  StoredValue& image = plan_->values_.front();
  return image.floats.span().subspan(std::size_t(index) * image.shape.elements(),
                                     image.shape.elements());
}

void Executor::run(int count) {
  plan_->count_ = count;
  plan_->program_.run(count);
}

std::span<const float> Executor::logits() const {
  return std::as_const(plan_->values_.back().floats).span();
}

const ExecutionGraph& Executor::graph() const { return plan_->all_; }

std::span<const float> Executor::value(int index) const {
  return std::as_const(plan_->values_[std::size_t(index)].floats).span();
}

void Executor::watch_sums(bool on) { plan_->watches_ = on; }

std::vector<SumRange> Executor::sum_ranges() const {
  const std::size_t slices = plan_->slices_.size();
  std::vector<SumRange> ranges(plan_->products_.size());
  for (std::size_t i = 0; i < plan_->ranges_.size(); ++i) {
    SumRange& range = ranges[i / slices];
    range.least = std::min(range.least, plan_->ranges_[i].least);
    range.most = std::max(range.most, plan_->ranges_[i].most);
  }
  return ranges;
}

}  // namespace bitsweep

#include "framework/pack/execution_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "framework/core/error.h"
#include "framework/engine/pooling.h"
#include "framework/pack/float_operations.h"
#include "framework/pack/requantization.h"

namespace bitsweep {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Goes through the graph once, and adds to the program what each node needs.
class Planner {
 public:
  Planner(const PackedModel& model, ExecutionPlan& plan)
      : model_(model), plan_(plan), all_(plan.graph), values_(plan.values) {}

  void run() {
    for (std::size_t v = 0; v < values_.size(); ++v) {
      values_[v].shape = all_.graph.shape_of(int(v));
    }
    for (const GraphNode& node : model_.graph.nodes) {  // as the quantizers are ordered
      if (node.operation != Operation::kQuantize) continue;
      plan_.forms.emplace_back(model_.quantizers[plan_.forms.size()], node.name);
    }
    values_.front().needs_floats = true;
    values_.back().needs_floats = true;
    make_products();
    plan_.ranges.resize(plan_.products.size() * plan_.slices.size());
    done_.assign(all_.graph.nodes.size(), false);
    for (std::size_t i = 0; i < all_.graph.nodes.size(); ++i) {
      if (!done_[i]) plan(i);
    }
    if (plan_.options.keeps_codes) keep_codes();
    allocate();  // now every reader has said what it wants
  }

 private:
  StoredValue& value(int index) { return values_[std::size_t(index)]; }
  const CodeForm* form_of(int value) const {
    const int quantizer = all_.grid_of[std::size_t(value)];
    return quantizer < 0 ? nullptr : &plan_.forms[std::size_t(quantizer)];
  }

  void make_products() {
    for (const GraphNode& node : all_.graph.nodes) {
      product_of_.push_back(is_product(node) ? int(plan_.products.size()) : -1);
      if (!is_product(node)) continue;
      const int input = node.inputs.front();
      plan_.products.push_back(std::make_unique<Product>(
          ProductContext{.node = node,
                         .input_shape = all_.graph.shape_of(input),
                         .weight = *model_.tensor(node.name + "/weight"),
                         .bias = model_.tensor(node.name + "/bias"),
                         .input = form_of(input),
                         .options = plan_.options,
                         .slices = plan_.slices}));
      plan_.product_plans.push_back(plan_.products.back()->plan());
      const std::size_t sums = plan_.products.back()->adds_halves() ? 2 : 1;
      largest_sums_ = std::max(largest_sums_, sums * node.output.elements());
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
    per_slice(float_work(node, inputs, to, plan_.slices));
    const CodeForm* const form = form_of(int(i) + 1);  // of pooled codes
    if (form != nullptr && form->split()) per_slice(split_work(*form, to));
  }

  void per_slice(SliceWork work) { plan_.program.per_slice(std::move(work)); }

  // A product, and all that follows it element by element.
  void plan_product(std::size_t i) {
    const GraphNode& node = all_.graph.nodes[i];
    const auto index = std::size_t(product_of_[i]);
    const Product& product = *plan_.products[index];
    StoredValue &input = value(node.inputs.front()), &own = values_[i + 1];
    product.claim(input);
    if (product.gives_floats()) {
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
    per_slice(
        [&plan = plan_, &product, &input, &pipeline, &own, index](const Slice& slice) {
          auto& sums = plan.sums[std::size_t(slice.index)];
          product.sums(slice, input, sums.data());
          if (plan.watches) plan.watch(index, slice, {sums.data(), own.elements(slice)});
          pipeline.run(slice, sums.data());
        });
  }

  // All that follows value v, which is made of a product's sums.
  Pipeline& pipeline_of_sums(std::size_t v, const Product& product) {
    Pipeline& pipeline = plan_.pipelines.emplace_back(values_[v].shape);
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
    if (plan_.options.requantize != Requantize::kFixedPoint ||
        !all_.consumers[v].empty()) {
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
    const auto factors = plan_.products[std::size_t(product_of_[i])]->factors();
    const auto is_finite = [](float factor) { return factor >= 0 && factor < kInfinity; };
    if (!std::all_of(factors.begin(), factors.end(), is_finite)) return std::nullopt;
    return pool;
  }

  void plan_pooled_product(std::size_t i, std::size_t pool_node) {
    const auto index = std::size_t(product_of_[i]);
    const Product& product = *plan_.products[index];
    const GraphNode& node = all_.graph.nodes[pool_node];
    StoredValue &input = value(all_.graph.nodes[i].inputs.front()), &own = values_[i + 1];
    done_[pool_node] = true;
    Pipeline& pipeline = pipeline_of_sums(pool_node + 1, product);
    largest_pooled_ = std::max(largest_pooled_, node.output.elements());
    per_slice([&plan = plan_, &product, &input, &pipeline, &own, index,
               out = node.output.elements(),
               pool = pool_of(node, own.shape)](const Slice& slice) {
      const auto s = std::size_t(slice.index);
      const std::span sums(plan.sums[s].data(), own.elements(slice));
      const std::span pooled(plan.pooled[s].data(), std::size_t(slice.images) * out);
      product.sums(slice, input, sums.data());
      if (plan.watches) plan.watch(index, slice, sums);
      kernels::max_pool(pool, slice.images, std::span<const std::int32_t>(sums), pooled);
      pipeline.run(slice, pooled.data());
    });
  }

  // The codes behind product node i straight from its sums, where that was asked for and
  // is possible.
  bool plan_requantized_product(std::size_t i, const Product& product) {
    if (plan_.options.requantize == Requantize::kAsTrained) return false;
    ProductPlan& plan = plan_.product_plans[std::size_t(product_of_[i])];
    const int input = all_.graph.nodes[i].inputs.front();
    const auto found =
        find_requantization(plan_.options.requantize, model_, all_, i,
                            *product.integers(), *form_of(input), plan.why_not);
    if (!found) return false;
    plan.is_requantized = true;
    for (std::size_t node = i; node != found->quantize;) {
      unmade_.insert(int(node) + 1);
      node = std::size_t(all_.consumers[node + 1].front());
      done_[node] = true;
    }
    const std::size_t codes = found->quantize + 1;
    Pipeline& pipeline = plan_.pipelines.emplace_back(all_.graph.nodes[i].output);
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
    auto& scales = plan_.image_scales[int(i) + 1];
    scales.resize(std::size_t(plan_.options.batch));
    if (!form.is_of_batch()) return per_slice(encode_images_work(from, form, to, scales));
    BatchCodes& codes =
        plan_.batch_codes.emplace_back(from, form, to, scales, plan_.slices, plan_.count);
    per_slice([&codes](const Slice& slice) { codes.measure(slice); });
    plan_.program.once([&codes] { codes.choose(); });
    per_slice([&codes](const Slice& slice) { codes.encode(slice); });
  }

  void plan_dynamic_product(std::size_t i) {
    const auto index = std::size_t(product_of_[i]);
    const Product& product = *plan_.products[index];
    const int from = all_.graph.nodes[i].inputs.front();
    StoredValue &input = value(from), &own = values_[i + 1];
    own.needs_floats = true;
    per_slice([&plan = plan_, &product, &input, &own, index,
               &scales = plan_.image_scales.at(from),
               images = ImageProduct{.ones = sums_of_ones(product, input.shape, own.shape,
                                                          plan_.slices.front()),
                                     .factors = product.factors(),
                                     .bias = product.offsets()}](const Slice& slice) {
      auto& sums = plan.sums[std::size_t(slice.index)];
      product.sums(slice, input, sums.data());
      images.finish(slice, scales, sums.data(), own.floats_of(slice));
      if (plan.watches) plan.watch(index, slice, {sums.data(), own.elements(slice)});
    });
    plan_readers(i + 1);
  }

  void plan_float_product(const Product& product, StoredValue& input, StoredValue& own) {
    own.needs_floats = true;
    if (const int blocks = product.batch_blocks(); blocks > 0) {
      plan_.program.blocks(blocks, [&product, &input, &own](int block) {
        product.floats(block, input, own.floats);
      });
    } else {
      per_slice([&plan = plan_, &product, &input, &own](const Slice& slice) {
        product.floats(slice, input, plan.sums[std::size_t(slice.index)],
                       own.floats_of(slice).data());
      });
    }
  }

  // Of a value whose floats lie stored: what reads it element by element, if anything.
  void plan_readers(std::size_t v) {
    Pipeline& pipeline = plan_.pipelines.emplace_back(values_[v].shape);
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
    Buffer& a = plan_.pixel_scales.emplace_back(std::size_t(plan_.options.batch) *
                                                geometry.input.pixels());
    Buffer& k = plan_.pixel_scales.emplace_back(std::size_t(plan_.options.batch) *
                                                node.output.pixels());
    before_.push_back(pixel_scale_work(geometry, input, a, k));
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

  void allocate() {
    for (StoredValue& value : values_) value.allocate(plan_.options.batch);
    const auto of_slices = [&](auto& all, std::size_t largest) {
      all.resize(plan_.slices.size());
      for (auto& sums : all) sums.resize(largest * std::size_t(plan_.slices[0].images));
    };
    of_slices(plan_.sums, largest_sums_);
    of_slices(plan_.pooled, largest_pooled_);
  }

  const PackedModel& model_;
  ExecutionPlan& plan_;
  const ExecutionGraph& all_;
  std::vector<StoredValue>& values_;
  std::vector<bool> done_;
  std::vector<int> product_of_;  // by node; -1: none
  std::set<int> unfinished_;     // values that the pipeline being planned makes
  std::set<int> unmade_;         // values between sums and their codes
  std::vector<SliceWork> before_;
  std::size_t largest_sums_ = 0, largest_pooled_ = 0;  // of an image
};

}  // namespace

ExecutionPlan::ExecutionPlan(const PackedModel& model, const ExecutorOptions& its_options)
    : options(its_options),
      graph(execution_graph(model)),
      slices(slice_batch(options.batch)),
      values(graph.graph.nodes.size() + 1),
      program(slices) {
  Planner(model, *this).run();
}

void ExecutionPlan::watch(std::size_t product, const Slice& slice,
                          std::span<const std::int32_t> watched) {
  SumRange& range = ranges[product * slices.size() + std::size_t(slice.index)];
  const auto [least, most] = std::minmax_element(watched.begin(), watched.end());
  range.least = std::min(range.least, *least);
  range.most = std::max(range.most, *most);
}

}  // namespace bitsweep

#include "framework/eval/parting.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "framework/core/counted.h"
#include "framework/core/parallel.h"
#include "framework/quant/affine_loops.h"

namespace bitsweep {
namespace {

struct Quantized {
  const PackedQuantizer& quantizer;
  std::vector<float> thresholds;

  explicit Quantized(const PackedQuantizer& q)
      : quantizer(q),
        thresholds(q.rule.is_dynamic() ? std::vector<float>()
                                       : thresholds_of(q.rule, q.grid)) {}

  // Of values that the quantizer gave.
  std::vector<std::int32_t> codes(std::span<const float> values) const {
    std::vector<std::int32_t> codes(values.size());
    quantizer.grid.nearest_codes(values, codes);
    return codes;
  }
  double ruled(float x) const {
    return quantizer.rule.of_magnitude ? std::fabs(double(x)) : double(x);
  }
};

// What two values lie around that were given other codes.
struct Boundary {
  double executed = 0, simulated = 0;  // the values, as they were compared with it
  double at = 0;
  double steps = 0;  // from it to the farther of the two
};

// Between two codes; of several boundaries the one that the values are nearest to.
Boundary boundary_of(const Quantized& by, std::int32_t a, std::int32_t b, float executed,
                     float simulated) {
  const auto [low, high] = std::minmax(a, b);
  const Grid& grid = by.quantizer.grid;
  const double step = std::fabs(double(grid.value(high, 0)) - double(grid.value(low, 0)));
  Boundary found{.executed = by.ruled(executed), .simulated = by.ruled(simulated)};
  for (std::int32_t code = low; code < high; ++code) {
    const double at = by.thresholds[std::size_t(code - grid.low_code())];
    const double farther =
        std::max(std::fabs(found.executed - at), std::fabs(found.simulated - at));
    const double steps = farther * double(high - low) / (step > 0 ? step : 1);
    if (code > low && steps >= found.steps) continue;
    found.at = at;
    found.steps = steps;
  }
  return found;
}

// Of ranges found at run time: where the upper of the two codes begins, halfway between
// their values.
Boundary boundary_in(const UniformQuantization& q, std::int32_t upper, float executed,
                     float simulated) {
  const double at = double(q.scale) * (double(upper) - 0.5 - double(q.zero_point));
  const double farther = std::max(std::fabs(executed - at), std::fabs(simulated - at));
  return {.executed = executed,
          .simulated = simulated,
          .at = at,
          .steps = farther / double(q.scale)};
}

// Whether codes differ: then how many, and of them the farthest boundary, where
// `boundary(e)` is what element e's values lie around.
template <class BoundaryOf>
bool compare_codes(std::span<const std::int32_t> a, std::span<const std::int32_t> b,
                   BoundaryOf boundary, Parting& parting) {
  for (std::size_t e = 0; e < a.size(); ++e) {
    if (a[e] == b[e]) continue;
    ++parting.codes;
    parting.codes_apart = std::max(parting.codes_apart, std::abs(a[e] - b[e]));
    const Boundary own = boundary(e);
    if (parting.codes > 1 && own.steps <= parting.steps_to_boundary) continue;
    parting.executed_value = own.executed;
    parting.simulated_value = own.simulated;
    parting.boundary = own.at;
    parting.steps_to_boundary = own.steps;
  }
  if (parting.codes > 0) parting.of_codes = a.size();
  return parting.codes > 0;
}

class Tracer {
 public:
  Tracer(const PackedModel& model, const ExecutorOptions& options)
      : options_(kept(options)),
        integers_(model, options_),
        floats_(model, in_float(options_)) {
    for (const auto& quantizer : model.quantizers) quantizers_.emplace_back(quantizer);
  }

  void run(const Batches& images, std::size_t begin, int count) {
    count_ = std::size_t(count);
    for (Executor* executor : {&integers_, &floats_}) {
      parallel_blocks(
          count, [&](int i) { images.load(begin + std::size_t(i), executor->image(i)); });
      executor->run(count);
    }
  }

  // Image `index` of the batch that was run.
  void trace(std::size_t index, Parting& parting) const {
    const ExecutionGraph& all = integers_.graph();
    for (std::size_t i = 0; i < all.graph.nodes.size(); ++i) {
      if (all.quantizer_of[i] < 0) continue;
      if (!differs_at(i, index, parting)) continue;
      parting.site = all.graph.nodes[i].name;
      return;
    }
    compare_logits(index, parting);
  }

 private:
  static ExecutorOptions kept(ExecutorOptions options) {
    options.keeps_codes = true;
    return options;
  }
  static ExecutorOptions in_float(ExecutorOptions options) {
    options.integer = false;
    options.requantize = Requantize::kAsTrained;
    return options;
  }
  static std::span<const float> part(const Executor& executor, int value,
                                     std::size_t index) {
    const std::size_t size = executor.graph().graph.shape_of(value).elements();
    const auto all = executor.value(value);
    return all.empty() ? all : all.subspan(index * size, size);
  }

  bool differs_at(std::size_t node, std::size_t index, Parting& parting) const {
    const ExecutionGraph& all = integers_.graph();
    const Quantized& at = quantizers_[std::size_t(all.quantizer_of[node])];
    const int behind = int(node) + 1, before = all.graph.nodes[node].inputs.front();
    if (at.quantizer.rule.is_dynamic()) {
      return differs_in_range(node, index, parting);
    }
    const auto a = at.codes(part(integers_, behind, index));
    const auto b = at.codes(part(floats_, behind, index));
    const auto x = part(integers_, before, index), y = part(floats_, before, index);
    // Where sums become codes at once, the float value alone is there.
    const auto boundary = [&](std::size_t e) {
      return boundary_of(at, a[e], b[e], x.empty() ? y[e] : x[e], y[e]);
    };
    return compare_codes(a, b, boundary, parting);
  }

  // What the values of one image, or of all that were run, are coded in.
  UniformQuantization quantization(const Executor& executor, int value, std::size_t index,
                                   const CodeRule& rule) const {
    const std::size_t size = executor.graph().graph.shape_of(value).elements();
    const auto own = rule.kind == CodeRule::Kind::kOfBatch
                         ? executor.value(value).first(count_ * size)
                         : part(executor, value, index);
    return affine_quantization_of(own, rule.affine);
  }

  bool differs_in_range(std::size_t node, std::size_t index, Parting& parting) const {
    const ExecutionGraph& all = integers_.graph();
    const CodeRule& rule =
        quantizers_[std::size_t(all.quantizer_of[node])].quantizer.rule;
    const int before = all.graph.nodes[node].inputs.front();
    const auto x = part(integers_, before, index), y = part(floats_, before, index);
    const auto q = quantization(integers_, before, index, rule);
    std::vector<std::int32_t> a(x.size()), b(y.size());
    encode_affine(x, a, rule.affine, q);
    encode_affine(y, b, rule.affine, quantization(floats_, before, index, rule));
    const auto boundary = [&](std::size_t e) {
      return boundary_in(q, std::max(a[e], b[e]), x[e], y[e]);
    };
    return compare_codes(a, b, boundary, parting);
  }

  void compare_logits(std::size_t index, Parting& parting) const {
    const auto classes = std::size_t(integers_.graph().graph.classes);
    const auto a = integers_.logits().subspan(index * classes, classes);
    parting.executed_value = a[std::size_t(parting.executed)];
    parting.simulated_value = a[std::size_t(parting.simulated)];
    parting.steps_to_boundary = parting.executed_value - parting.simulated_value;
  }

  ExecutorOptions options_;
  Executor integers_, floats_;
  std::size_t count_ = 0;  // images of the last run
  std::vector<Quantized> quantizers_;
};

}  // namespace

std::vector<Parting> find_partings(const PackedModel& model,
                                   const ExecutorOptions& options, const Batches& images,
                                   const PackedScore& executed,
                                   const PackedScore& simulated) {
  std::vector<Parting> partings;
  for (std::size_t i = 0; i < executed.predictions.size(); ++i) {
    if (executed.predictions[i] == simulated.predictions[i]) continue;
    partings.push_back({.image = i,
                        .executed = executed.predictions[i],
                        .simulated = simulated.predictions[i]});
  }
  if (partings.empty()) return partings;
  // Batches as they were scored: a kernel may round otherwise on other numbers of images.
  Tracer tracer(model, options);
  const auto batch = std::size_t(options.batch);
  const std::size_t count = executed.predictions.size();
  std::size_t begin = count;
  for (Parting& parting : partings) {
    const std::size_t own = parting.image / batch * batch;
    if (own != begin) {
      begin = own;
      tracer.run(images, begin, int(std::min(batch, count - begin)));
    }
    tracer.trace(parting.image - begin, parting);
  }
  return partings;
}

std::string parting_text(const Parting& p) {
  const std::string head = fmt::format("image {}: {} executed, {} simulated; ", p.image,
                                       p.executed, p.simulated);
  if (p.site.empty()) {
    return head + fmt::format("no code differs, the two logits are {:.2g} apart",
                              p.steps_to_boundary);
  }
  return head + fmt::format(
                    "from {} on, where {} of {} codes differ{}: {:.9g} executed, "
                    "{:.9g} simulated, {:.1e} steps from the boundary {:.9g}",
                    p.site, p.codes, p.of_codes,
                    p.codes_apart > 1 ? fmt::format(", by up to {}", p.codes_apart)
                                      : std::string(" by 1"),
                    p.executed_value, p.simulated_value, p.steps_to_boundary, p.boundary);
}

std::vector<std::string> parting_summary(std::span<const Parting> partings) {
  struct Group {
    std::size_t images = 0;
    double farthest = 0;
  };
  std::map<std::string, Group> groups;
  for (const Parting& parting : partings) {
    Group& group = groups[parting.site];
    ++group.images;
    group.farthest = std::max(group.farthest, parting.steps_to_boundary);
  }
  std::vector<std::string> lines;
  for (const auto& [site, group] : groups) {
    lines.push_back(
        site.empty()
            ? fmt::format("{}: no code differs, two logits are at most {:.1e} apart",
                          counted(group.images, "image"), group.farthest)
            : fmt::format("{}: {}; values at most {:.1e} steps from the boundary of two "
                          "codes",
                          site, counted(group.images, "image"), group.farthest));
  }
  return lines;
}

}  // namespace bitsweep

#include "framework/pack/executor.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/pack/execution_memory.h"
#include "framework/pack/execution_plan.h"

namespace bitsweep {

Executor::Executor(const PackedModel& model, const ExecutorOptions& options) {
  check_memory(model, options);
  try {
    plan_ = std::make_unique<ExecutionPlan>(model, options);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {  // the engine's own
    throw RunError(fmt::format("the model cannot be run: {}", error.what()));
  }
}
Executor::~Executor() = default;
Executor::Executor(Executor&&) noexcept = default;

int Executor::batch() const { return plan_->options.batch; }

const std::vector<ProductPlan>& Executor::products() const {
  return plan_->product_plans;
}

std::span<float> Executor::image(int index) {
  StoredValue& image = plan_->values.front();
  return image.floats.span().subspan(std::size_t(index) * image.shape.elements(),
                                     image.shape.elements());
}

void Executor::run(int count) {
  plan_->count = count;
  plan_->program.run(count);
}

std::span<const float> Executor::logits() const {
  return std::as_const(plan_->values.back().floats).span();
}

const ExecutionGraph& Executor::graph() const { return plan_->graph; }

std::span<const float> Executor::value(int index) const {
  return std::as_const(plan_->values[std::size_t(index)].floats).span();
}

void Executor::watch_sums(bool on) { plan_->watches = on; }

std::vector<SumRange> Executor::sum_ranges() const {
  const std::size_t slices = plan_->slices.size();
  std::vector<SumRange> ranges(plan_->products.size());
  for (std::size_t i = 0; i < plan_->ranges.size(); ++i) {
    SumRange& range = ranges[i / slices];
    range.least = std::min(range.least, plan_->ranges[i].least);
    range.most = std::max(range.most, plan_->ranges[i].most);
  }
  return ranges;
}

}  // namespace bitsweep

#include "framework/eval/packed_score.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "framework/core/error.h"
#include "framework/core/parallel.h"

namespace bitsweep {

PackedScore score_packed(Executor& executor, const Batches& images, std::size_t limit,
                         const std::function<void()>& between) {
  using Clock = std::chrono::steady_clock;
  const std::size_t count = limit == 0 ? images.count() : std::min(limit, images.count());
  const auto batch = std::size_t(executor.batch());
  PackedScore score{.images = std::int64_t(count)};
  for (std::size_t begin = 0; begin < count; begin += batch) {
    if (between) between();
    const int own = int(std::min(batch, count - begin));
    parallel_blocks(
        own, [&](int i) { images.load(begin + std::size_t(i), executor.image(i)); });
    const auto start = Clock::now();
    executor.run(own);
    score.seconds += std::chrono::duration<double>(Clock::now() - start).count();
    const auto logits = executor.logits();
    const std::size_t classes = logits.size() / batch;
    for (int i = 0; i < own; ++i) {
      const auto row = logits.subspan(std::size_t(i) * classes, classes);
      const auto best = std::max_element(row.begin(), row.end()) - row.begin();
      score.predictions.push_back(std::int32_t(best));
      score.logits.insert(score.logits.end(), row.begin(), row.end());
      score.correct += best == images.label(begin + std::size_t(i));
    }
  }
  return score;
}

Agreement agreement_of(const PackedScore& a, const PackedScore& b) {
  ensure(a.images == b.images && a.logits.size() == b.logits.size(),
         "two scores of the same images");
  Agreement agreement{.images = a.images};
  for (std::size_t i = 0; i < a.predictions.size(); ++i) {
    agreement.same_predictions += a.predictions[i] == b.predictions[i];
  }
  for (std::size_t i = 0; i < a.logits.size(); ++i) {
    agreement.largest_logit_difference = std::max(
        agreement.largest_logit_difference, double(std::fabs(a.logits[i] - b.logits[i])));
  }
  return agreement;
}

double bit_operations(const ProductEntry& product) {
  return double(product.multiply_accumulates) * product.weight_bits * product.input_bits;
}

double picojoules(const ProductEntry& product) {
  constexpr double kFloatProduct = 3.7, kFloatSum = 0.9;
  constexpr double kByteProduct = 0.2, kIntegerSum = 0.1;
  const bool has_float = product.weight_bits == 32 || product.input_bits == 32;
  double each =
      kByteProduct * product.weight_bits * product.input_bits / 64 + kIntegerSum;
  if (has_float) each = kFloatSum + (product.weight_bits <= 2 ? 0 : kFloatProduct);
  return double(product.multiply_accumulates) * each;
}

std::vector<ProductEntry> product_entries(const Executor& executor) {
  std::vector<ProductEntry> entries;
  for (const ProductPlan& plan : executor.products()) {
    entries.push_back({plan.layer, plan.kernel, plan.multiply_accumulates,
                       plan.weight_bits, plan.input_bits});
  }
  return entries;
}

}  // namespace bitsweep

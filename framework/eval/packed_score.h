// Scores of a packed model, and what running it costs.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "framework/data/batches.h"
#include "framework/pack/executor.h"
#include "framework/results/record.h"

namespace bitsweep {

struct PackedScore {
  std::int64_t images = 0;
  std::int64_t correct = 0;
  std::vector<std::int32_t> predictions;  // one an image; the first of equal logits
  std::vector<float> logits;              // [images, classes]
  double seconds = 0;                     // of the executor alone, images already loaded

  double accuracy() const { return double(correct) / double(images); }
  double images_per_second() const { return double(images) / seconds; }
};

/// The first `limit` images (all of them for 0). `between` is called before each batch.
PackedScore score_packed(Executor& executor, const Batches& images, std::size_t limit = 0,
                         const std::function<void()>& between = {});

/// How far two scores of the same images are apart.
struct Agreement {
  std::int64_t images = 0;
  std::int64_t same_predictions = 0;
  double largest_logit_difference = 0;
};
Agreement agreement_of(const PackedScore& a, const PackedScore& b);

/// Bit operations of one image: multiply-accumulates times both widths (Baskin et al.
/// 2021, arXiv:1804.10969, without its accumulator term).
double bit_operations(const ProductEntry& product);

/// Picojoules of one image in a 45 nm process, of arithmetic alone: float multiplication
/// 3.7 and addition 0.9, 8-bit multiplication 0.2, 32-bit integer addition 0.1 (Horowitz,
/// "Computing's Energy Problem", ISSCC 2014, figure 1.1.9). Products of w and a bits
/// count as w a / 64 of an 8-bit one; where one side is float, weights of one or two bits
/// cost an addition, others a float multiplication besides.
double picojoules(const ProductEntry& product);

std::vector<ProductEntry> product_entries(const Executor& executor);

}  // namespace bitsweep

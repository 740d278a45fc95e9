#include "framework/nn/program.h"

#include <algorithm>
#include <utility>

#include "framework/core/parallel.h"

namespace bitsweep {

std::vector<Slice> slice_batch(int batch_size) {
  // Eight slices share well between up to eight threads; slices above 16 images would not
  // stay in a second-level cache, so larger batches have more of them.
  const int wanted = std::max(8, (batch_size + 15) / 16);
  const int images = std::max(1, (batch_size + wanted - 1) / wanted);
  std::vector<Slice> slices;
  for (int begin = 0; begin < batch_size; begin += images) {
    slices.push_back({int(slices.size()), begin, std::min(images, batch_size - begin)});
  }
  return slices;
}

void Program::per_slice(std::function<void(const Slice&)> work) {
  if (phases_.empty() || phases_.back().kind != Phase::Kind::kSlices) {
    phases_.push_back({.kind = Phase::Kind::kSlices});
  }
  phases_.back().slice_work.push_back(std::move(work));
}

void Program::blocks(int count, std::function<void(int)> work) {
  phases_.push_back(
      {.kind = Phase::Kind::kBlocks, .block_work = std::move(work), .count = count});
}

void Program::once(std::function<void()> work) {
  phases_.push_back({.kind = Phase::Kind::kOnce, .once_work = std::move(work)});
}

void Program::run(int images) const {
  const auto beyond = std::find_if(slices_.begin(), slices_.end(),
                                   [=](const Slice& s) { return s.begin >= images; });
  const int active = int(beyond - slices_.begin());
  for (const auto& phase : phases_) {
    switch (phase.kind) {
      case Phase::Kind::kSlices:
        parallel_blocks(active, [&](int index) {
          for (const auto& work : phase.slice_work) work(slices_[std::size_t(index)]);
        });
        break;
      case Phase::Kind::kBlocks:
        parallel_blocks(phase.count, phase.block_work);
        break;
      case Phase::Kind::kOnce:
        phase.once_work();
        break;
    }
  }
}

}  // namespace bitsweep

// A pass over the network, as a list of phases made once when the network is built.
//
// Most work needs only some whole images of the batch: it is written per slice, and
// neighbouring per-slice phases run as one, a thread taking its slices through all of
// them while their activations are still in its cache. What couples the images of a batch
// (statistics, matrix products of the whole batch) ends such a run of phases.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace bitsweep {

/// Some whole images of the batch; the unit of work of one thread. How a batch is cut
/// depends on its size alone, never on the number of threads.
struct Slice {
  int index = 0;
  int begin = 0;  // first image
  int images = 0;
};

/// The slices of a batch: about eight to sixteen, of equal size but for the last.
std::vector<Slice> slice_batch(int batch_size);

class Program {
 public:
  explicit Program(std::vector<Slice> slices) : slices_(std::move(slices)) {}

  /// `work` for each slice, in any order, on any thread.
  void per_slice(std::function<void(const Slice&)> work);
  /// `work(block)` for each block in [0, count), in any order, on any thread.
  void blocks(int count, std::function<void(int)> work);
  /// `work` on the calling thread; it may run parallel loops of its own.
  void once(std::function<void()> work);

  /// Runs all phases. `images` below the batch size leaves out the slices beyond it.
  void run(int images) const;

 private:
  struct Phase {
    enum class Kind { kSlices, kBlocks, kOnce } kind;
    std::vector<std::function<void(const Slice&)>> slice_work;
    std::function<void(int)> block_work;
    std::function<void()> once_work;
    int count = 0;
  };

  std::vector<Slice> slices_;
  std::vector<Phase> phases_;
};

}  // namespace bitsweep

// A small run in one piece and in many: what `bitsweep check` asks of methods, and the
// tests of stages, is that both end alike.
#pragma once

#include "framework/core/saved_state.h"
#include "framework/nn/attachment.h"
#include "framework/nn/network.h"
#include "framework/quant/registry.h"
#include "framework/train/staged_training.h"

namespace bitsweep {

/// Of a small network on drawn images: batch normalisation, shuffling, augmentation,
/// momentum, a schedule; five steps an epoch.
RunSpec run_to_cut(const MethodSpec& method);
/// Its images.
const Dataset& data_to_cut();

/// All that a process has of a run. `run`, `data` and `observer` must outlive it.
struct RunProcess {
  RunProcess(const RunSpec& run, const Dataset& data, const MethodRegistry& registry,
             TrainingObserver& observer);

  /// After training: scores the network, and gives all that can still tell.
  SavedState end();

  const Dataset& data;
  Preprocessing preprocessing;
  Network network;
  MethodList methods;
  StagedTraining training;
};

struct CutRun {
  SavedState state;  // as `RunProcess::end` gives it
  int cuts = 0;
};

/// Cut after every `batches` batches, 0: never; and continued each time from its saved
/// state alone, by objects that know nothing of the run.
CutRun train_in_pieces(const RunSpec& run, const Dataset& data,
                       const MethodRegistry& registry, int batches);

}  // namespace bitsweep

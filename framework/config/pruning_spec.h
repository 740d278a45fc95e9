// `pruning:` of a row: which weights are taken away, and when.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "framework/config/problems.h"
#include "framework/schema/schema.h"

namespace bitsweep {

class MappingReader;

/// `conv*: 0.66`: an amount for the layers whose name the pattern matches.
struct LayerAmount {
  std::string match;
  double amount = 1;
};

/// `pruning: {keep: {conv1: 0.66, "*": 0.08}}`. Positions are shares of the fine-tuning.
struct PruningSpec {
  std::string schedule = "one_shot";  // one_shot, gradual, iterative
  std::string scope = "layer";        // layer, global
  double begin = 0;
  double end = 0.5;   // of gradual and iterative: no weight is pruned later
  int updates = 100;  // of gradual
  int rounds = 3;     // of iterative
  bool scale_dropout = false;
  std::string measure = "keep";  // keep: a share; quality: standard deviations
  /// The first match counts; layers without one are not pruned.
  std::vector<LayerAmount> amounts;
  /// The fields outside `keep`, `sparsity` and `quality`, one of which is given.
  static Schema<PruningSpec> schema();
};

/// `over` put over `base`, key by key; amounts are one fact, so `sparsity` takes the place
/// of `keep`. Of two maps of amounts, layers that `over` alone names come first: the first
/// match counts.
Node pruning_over(const Node& base, const Node& over);

/// "gradual, iterative": the schedules that read a field which others have no use for; ""
/// where `schedule` reads it.
std::string pruning_schedules_with(const std::string& field, const std::string& schedule);

PruningSpec read_pruning(const Node& node, Problems& problems);

/// What `read_pruning` reads; fields that the schedule has no use for are left out.
Node pruning_node(const PruningSpec& pruning);

}  // namespace bitsweep

// Prunes a network's weights while it trains.
#pragma once

#include <string>
#include <vector>

#include "framework/config/pruning_spec.h"
#include "framework/core/saved_state.h"
#include "framework/nn/attachment.h"
#include "framework/nn/network.h"
#include "framework/quant/pruning.h"

namespace bitsweep {

class DropoutLayer;

/// Follows the run's schedule, or, where the run has none, what its methods ask for: that
/// at once. What is pruned stays 0: the network sees to it (`set_kept`).
class Pruner {
 public:
  /// Throws ConfigError when a pattern of `spec` (may be null) matches no layer, or when
  /// it scales the dropout of a network without.
  Pruner(Network& network, const PruningSpec* spec, const MethodList& methods);

  /// Prunes as far as is due at a share of the fine-tuning; 1 at its end.
  void advance(double position);

  /// How far it has come; the masks are the sites', and are read before.
  void visit_state(SavedStateVisitor& visitor);

 private:
  struct Target {
    BoundSite* site;
    Pruning whole;
  };
  using Group = std::vector<Target>;  // compared with each other
  struct Step {
    double position;
    double progress;  // of the way, or
    int round = 0;    // of the rounds
  };

  void add_targets(const PruningSpec& spec);
  void add_wishes(const MethodList& methods);
  void plan(const PruningSpec& spec);
  Pruning due(const Pruning& whole, const Step& step) const;
  static void prune_group(const Group& group, const Pruning& pruning);
  void find_dropouts();
  void scale_dropout();

  Network& network_;
  std::vector<Group> groups_;
  std::vector<Step> steps_;  // still to come, in order
  std::size_t next_ = 0;
  int rounds_ = 0;
  std::vector<DropoutLayer*> dropouts_;  // that follow the pruning
};

}  // namespace bitsweep

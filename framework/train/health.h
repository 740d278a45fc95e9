// How the quantizers of a network fare while it trains: figures for each epoch, and a
// warning where one has gone wrong.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "framework/nn/network.h"
#include "framework/train/trainer.h"

namespace bitsweep {

/// Looks at every quantizer of weights, biases, inputs and outputs; changes no number of
/// the training. Weights and biases are measured whole, as the epoch leaves them,
/// activations by the first images of its last batch. Gradients are left out.
///
/// x is a value before the quantizer, y the real number of its code on the grid, and u
/// what the quantizer rounds: x itself, or, where the grid is that of a transformed value
/// (`TransformsValues`: DoReFa's tanh, APoT's normalised weights), that value. Curves are
/// named after the site, "health/conv1/weight/clipped":
///
///   clipped         Share of u that take the grid's lowest or highest level and lie
///                   beyond its ends by more than half the step there: what rounding
///                   alone would not do to them.
///   unused_levels   Levels of the grid that no x takes, in any channel. Tensors with
///                   fewer values than levels must leave some.
///   levels          How many the grid has.
///   sqnr_db         10 log10(sum u^2 / sum (u - y)^2); infinite where nothing is lost.
///                   Low by design where only a sign is kept.
///   sign_flips      Of weights: share whose y has another sign (-, 0 or +) than an epoch
///                   before.
///   <name>_drift    Of a learned parameter p, "step": |p - p0| / |p0|, p0 its value when
///                   training began; |p - p0| where that was 0.
///
/// A quantizer that evaluates in float has no figures of the grid. A network without
/// training is observed once: it has no flips and no drifts.
class QuantizerHealth {
 public:
  using Warn = std::function<void(const std::string&)>;

  /// Of a network that is built and outlives it. `warn` hears each site's trouble of a
  /// kind once, when it appears: a sentence with site, epoch, value and the likely cause.
  QuantizerHealth(Network& network, Warn warn);
  ~QuantizerHealth();

  /// Before the first step: what flips and drifts are counted from.
  void begin();

  /// After an epoch (or, in a network that is not trained, after a pass): adds a value to
  /// each curve.
  void observe(Curves& curves);

  /// After the last epoch: looks at the grids as they are left, and for learned
  /// parameters that never moved in two epochs or more.
  void finish();

  /// A site's values as its grid meets them (u, above), and their codes.
  using Look =
      std::function<void(const std::string& site, const Grid& grid,
                         std::span<const float> u, std::span<const std::int32_t> codes)>;
  /// Shows weights and activations as they are now, in network order.
  void show(const Look& look);

  std::int64_t epochs() const { return epoch_; }

  /// What is remembered of each quantizer.
  void visit_state(SavedStateVisitor& visitor);

 private:
  struct Learned;
  struct Watch;
  struct View;

  std::optional<View> look(Watch& watch);
  std::span<const float> before_grid(const Watch& watch, std::span<const float> x);
  static View encoded_view(const Watch& watch, std::span<const float> x,
                           std::span<std::int32_t> codes, std::span<float> y);
  void measure(Watch& watch, const std::optional<View>& view, Curves& curves);
  static void refuse_foreign_codes(const View& view);
  static std::size_t used_levels(const View& view);
  static double follow_signs(Watch& watch, const View& view);
  bool check_finite(Watch& watch, std::span<const float> x);
  void check_scales(Watch& watch, const Grid& grid);
  void check_one_level(Watch& watch, const View& view);
  void check_minimum(Learned& learned);
  std::string when() const;

  Network& network_;
  Warn warn_;
  std::vector<Watch> watches_;
  std::vector<std::int32_t> codes_;  // of the tensor looked at; room for the largest
  std::vector<float> values_;        // of those codes
  std::vector<float> transformed_;   // what they were made of, if not the tensor itself
  bool has_begun_ = false;
  std::int64_t epoch_ = 0;  // observed
};

}  // namespace bitsweep

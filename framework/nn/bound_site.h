// A site of a network, and what a method has put on it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "framework/core/error.h"
#include "framework/core/parameter.h"
#include "framework/nn/activation.h"
#include "framework/quant/quantizer.h"

namespace bitsweep {

/// One tensor that may be quantized, as one of its readers names it. Sites of one
/// activation whom the rules of the run give the same quantizer share it: the first one,
/// in network order, has it, and the others follow that one.
struct BoundSite {
  Site site;
  std::string method;    // whose quantizer: its id, or "edges"
  int owner = 0;         // which of the run's lists of stages is its
  bool is_awake = true;  // false: in float until it is calibrated
  bool is_on = true;     // the site's switch: quantized, or float (see `set_switch`)
  std::unique_ptr<Quantizer> quantizer;       // null: float, or another site's serves
  BoundSite* leader = nullptr;                // the other site
  std::vector<const BoundSite*> followers;    // of a leader
  const PixelScaled* pixel_scaled = nullptr;  // the quantizer, where it is one
  FollowsBatches* follows_batches = nullptr;  // the same
  FollowsProduct* follows_product = nullptr;  // the same, of biases
  SeesInputs* sees_inputs = nullptr;          // the same, of weights
  const BoundSite* product_inputs = nullptr;  // whose grids that one follows
  const BoundSite* product_weights = nullptr;
  bool evaluates_float = false;      // as the quantizer says
  Parameter* latent = nullptr;       // of weights and biases
  Activation* activation = nullptr;  // of activations; what an output site gives
  std::vector<float> kept;           // of weights: 0 where pruned; or empty
  Buffer from_source;            // of weights: what the quantizer sees, where that is not
                                 // the latent values (see WeightSource); or empty
  Buffer raw;                    // of outputs: the values before the quantizer
  Buffer quantized;              // of all others: the values behind it
  Buffer pixel_scales;           // batch x pixels, where there are such scales
  std::vector<double> sums;      // of parameter gradients, one row a slice
  std::size_t sum_count = 0;     // values of a row
  std::vector<double> measures;  // of batches to follow, one row a slice
  /// Of a leader: where its readers' gradients meet before they pass the quantizer.
  std::unique_ptr<Activation> meeting;

  bool is_quantized() const { return quantizer != nullptr; }
  bool is_active() const { return is_quantized() && is_awake && is_on; }
  /// The site whose quantizer serves this one: its leader, or itself.
  BoundSite& source() { return leader != nullptr ? *leader : *this; }
  const BoundSite& source() const { return leader != nullptr ? *leader : *this; }
  bool is_parameter() const { return latent != nullptr; }
  bool is_activation() const { return activation != nullptr; }

  std::span<double> slice_sums(int slice) {
    return {sums.data() + std::size_t(slice) * sum_count, sum_count};
  }

  /// What the quantizer was given in the last pass, a whole batch of it; of a parameter,
  /// the latent values or their source. Not kept for gradients.
  std::span<const float> before() const;
  /// What the quantizer made of it.
  std::span<const float> behind() const;

  /// Shows the quantizer its weights or bias, behind what it follows. Throws RunError for
  /// a bias that is no number of its step.
  void prepare(std::span<const float> values);

  /// Room for the quantizer's sums, over `slices` slices.
  void size_sums(std::size_t slices);
  /// Adds up the slices' sums in their order and hands the total to the quantizer.
  void finish_sums();
  /// Quantizes from now on, or lets values and gradients pass.
  void set_switch(bool on);
};

/// Throws RunError, naming site, image and value, for the first of a site's values that is
/// no finite number. x: of whole images, from image `first` of the batch on; `when`:
/// "in calibration".
void refuse_lost_values(const BoundSite& bound, std::span<const float> x, int first,
                        const char* when);

/// `work()` with a site's quantizer: a method's mistake is told with site and method.
template <class Work>
auto at_site(const BoundSite& bound, Work work) {
  try {
    return work();
  } catch (const MethodError& error) {
    throw RunError(bound.site.name + ": method '" + bound.method + "': " + error.what());
  }
}

}  // namespace bitsweep

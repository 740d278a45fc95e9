// A site that a method's parameters do not fit.
#pragma once

#include <string>
#include <vector>

#include "framework/core/error.h"

namespace bitsweep {

/// What `Method::quantizer` throws where others of the network may not fit either: all of
/// them are then named in one sentence.
class UnfitSite : public ConfigError {
 public:
  /// "filters do not divide into blocks of 64: conv1/weight (27 weights); take a divisor":
  /// `what` before the colon, `which` the site and what it has, `way_out` behind all.
  UnfitSite(std::string what, std::string which, std::string way_out);

  /// A sentence for each kind of misfit, a line each.
  static std::string text_of(const std::vector<UnfitSite>& all);

 private:
  std::string what_, which_, way_out_;
};

}  // namespace bitsweep

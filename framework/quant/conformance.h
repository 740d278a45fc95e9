// Whether a method is sound: what every quantizer promises, asked of those that the
// method makes for made-up sites, at each legal width. `bitsweep check` prints it, and
// the tests ask it of all registered methods.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "framework/quant/registry.h"

namespace bitsweep {

/// One promise, and how it was kept.
struct CheckResult {
  std::string name;     // "law"
  std::string promise;  // "outside training, forward is exactly what the grid decodes"
  std::string asked_of = "quantizer";
  int asked = 0;
  int unclaimed = 0;  // quantizers whose method does not claim it
  int broken = 0;
  std::string example;  // the first broken one: which, on what, what came, what should

  bool holds() const { return broken == 0; }
};

/// Nanoseconds a value, on the calling thread; the least of some rounds.
struct QuantizerSpeed {
  std::string quantizer;  // "weight, 4 bits"
  double forward_ns = 0;
  double backward_ns = 0;
};

struct Conformance {
  std::vector<CheckResult> checks;
  std::vector<QuantizerSpeed> speeds;  // empty unless asked for

  bool sound() const;
};

/// `settings` are parameters to fix. Widths that are not among them are gone through; so
/// are choices (yes or no, one of some words), one at a time and at the usual width.
/// `begins` hears the name of each check before it is made: a method may end the program.
Conformance check_conformance(const MethodEntry& entry, const RawParams& settings = {},
                              bool with_speeds = false,
                              const std::function<void(const std::string&)>& begins = {});

/// A line a check, the speeds where there are any, and a closing line.
std::string conformance_text(const MethodEntry& entry, const Conformance& found);

/// The lines of what is broken, and the closing line.
std::string broken_text(const MethodEntry& entry, const Conformance& found);

}  // namespace bitsweep

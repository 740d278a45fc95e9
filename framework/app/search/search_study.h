// The run that gives parts of a network their widths, and the study that it becomes.
#pragma once

#include <string>
#include <vector>

#include "framework/app/search/bit_search.h"
#include "framework/config/run_spec.h"
#include "framework/quant/registry.h"

namespace bitsweep {

/// `run` without fine-tuning, the sites that its method would quantize given the widths
/// of their parts, by a rule each. Sites that the run's edges or own rules see to stay
/// so.
RunSpec run_with_bits(const RunSpec& run, const PartBits& bits,
                      const MethodRegistry& methods);

/// Which parts the method quantizes in the run's network.
struct SearchedParts {
  bool convolutions = false;
  bool fully_connected = false;
  bool activations = false;
};
SearchedParts searched_parts(const RunSpec& run, const MethodRegistry& methods);

/// The widths of `weight_bits` or `activation_bits` that the method's schema lets
/// through, of those given.
std::vector<int> legal_widths(const MethodSpec& method, const std::string& parameter,
                              const std::vector<int>& widths,
                              const MethodRegistry& methods);

/// A study file of one row that runs `run`'s network, data and training with these
/// widths. `remarks` become comments at its head.
std::string study_text(const std::string& name, const RunSpec& run, const PartBits& bits,
                       const MethodRegistry& methods,
                       const std::vector<std::string>& remarks);

/// The row of that study, to paste into one of the same network.
std::string row_text(const RunSpec& run, const PartBits& bits,
                     const MethodRegistry& methods);

}  // namespace bitsweep

// The optimizers there are: a row each, which validation, help, a run's canonical text,
// the estimate of its memory and training read. The steps themselves are beside
// `Optimizer`.
#pragma once

#include <string>
#include <vector>

namespace bitsweep {

struct OptimizerKind {
  std::string id;
  std::string summary;
  std::vector<std::string> fields;   // of OptimizerSpec, that it alone reads
  std::vector<std::string> moments;  // numbers beside each value: names of their state

  bool reads(const std::string& field) const;
};

/// In the order of help.
const std::vector<OptimizerKind>& optimizer_kinds();
/// `id` has been validated.
const OptimizerKind& optimizer_kind(const std::string& id);

/// "sgd": the optimizer that alone reads a field.
std::string optimizer_with(const std::string& field);

}  // namespace bitsweep

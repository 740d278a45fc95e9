#include "framework/config/optimizers.h"

#include <algorithm>

#include "framework/core/error.h"

namespace bitsweep {

bool OptimizerKind::reads(const std::string& field) const {
  return std::find(fields.begin(), fields.end(), field) != fields.end();
}

const std::vector<OptimizerKind>& optimizer_kinds() {
  static const std::vector<OptimizerKind> kinds = {
      {.id = "sgd",
       .summary = "stochastic gradient descent with momentum",
       .fields = {"momentum", "nesterov", "form"},
       .moments = {"momentum"}},
      {.id = "adam",
       .summary = "steps divided by the root of the squared gradients' running mean",
       .fields = {"beta1", "beta2", "epsilon"},
       .moments = {"momentum", "square"}}};
  return kinds;
}

const OptimizerKind& optimizer_kind(const std::string& id) {
  const auto& kinds = optimizer_kinds();
  const auto found = std::find_if(kinds.begin(), kinds.end(),
                                  [&](const auto& kind) { return kind.id == id; });
  ensure(found != kinds.end(), "optimizer names are checked by the schema");
  return *found;
}

std::string optimizer_with(const std::string& field) {
  for (const auto& kind : optimizer_kinds()) {
    if (kind.reads(field)) return kind.id;
  }
  ensure(false, "a field of one optimizer");
  return "";
}

}  // namespace bitsweep

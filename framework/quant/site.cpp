#include "framework/quant/site.h"

#include "framework/core/error.h"

namespace bitsweep {

const char* role_name(Role role) {
  switch (role) {
    case Role::kWeight:
      return "weight";
    case Role::kInput:
      return "input";
    case Role::kOutput:
      return "output";
    case Role::kGradient:
      return "gradient";
    case Role::kBias:
      return "bias";
    case Role::kOperand:
      return "operand";
  }
  ensure(false, "a role has a name");
  return "";
}

}  // namespace bitsweep

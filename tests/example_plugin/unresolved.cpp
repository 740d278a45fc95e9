// A plugin that calls what the program does not have.
#include "framework/quant/plugin.h"

namespace bitsweep {
void function_of_a_later_version();
}

extern "C" const char* bitsweep_plugin_abi() {
  bitsweep::function_of_a_later_version();
  return BITSWEEP_PLUGIN_ABI;
}

// A plugin that lacks its second symbol.
#include "framework/quant/plugin.h"

extern "C" const char* bitsweep_plugin_abi() { return BITSWEEP_PLUGIN_ABI; }

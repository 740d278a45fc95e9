// A library that ends the process which loads it.
#include <cstdlib>

#include "framework/quant/plugin.h"

namespace {
const int ended = (std::abort(), 0);
}

extern "C" const char* bitsweep_plugin_abi() { return ended ? "" : BITSWEEP_PLUGIN_ABI; }

// A plugin that does not say which program it was built for.

extern "C" const char* bitsweep_plugin_abi() { return nullptr; }

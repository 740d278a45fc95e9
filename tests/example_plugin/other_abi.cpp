// A plugin that another version of the program was built with.

extern "C" const char* bitsweep_plugin_abi() { return "bitsweep-0 3.4.6 i386"; }

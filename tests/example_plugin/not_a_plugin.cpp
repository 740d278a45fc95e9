// A shared library that knows nothing of bitsweep.

extern "C" int answer() { return 42; }

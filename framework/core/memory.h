// How much memory this process may have.
#pragma once

#include <string>

namespace bitsweep {

/// Bytes: the least of the machine's memory, the limits of the control groups around this
/// process and BITSWEEP_MEMORY_MB where it is set. What others use is not subtracted.
/// Throws ConfigError where that variable is no number above 0.
double memory_limit();

/// "850 MB", "3.1 TB": of `bytes`, in powers of 1000.
std::string memory_text(double bytes);

}  // namespace bitsweep

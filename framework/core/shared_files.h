// The files that the program brings along: configs, datasets.
#pragma once

#include <filesystem>

namespace bitsweep {

/// share/bitsweep beside the folder of the running program: PREFIX/share/bitsweep where
/// it is installed as PREFIX/bin/bitsweep. In a build folder that is a link to the source
/// tree, and followed.
std::filesystem::path shared_files();

}  // namespace bitsweep

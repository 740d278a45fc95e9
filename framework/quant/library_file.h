// What a shared library's file says of itself, read before the loader maps it.
#pragma once

#include <filesystem>
#include <string>

namespace bitsweep {

/// Why the file is no whole ELF library for this machine ("invalid ELF header", "cut off:
/// 1024 bytes, its headers tell of 4096"); "" when it is one. A mapped file that is cut
/// off would end the program where its missing bytes are touched.
std::string broken_library(const std::filesystem::path& path);

}  // namespace bitsweep

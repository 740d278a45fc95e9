// What all fuzz targets share: a folder for the input as a file, and the errors that a
// reader may throw.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <unistd.h>

#include "framework/core/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

namespace bitsweep::fuzz {

/// A folder of this process, gone with it.
inline const std::filesystem::path& folder() {
  struct Folder {
    Folder()
        : path(std::filesystem::temp_directory_path() /
               ("bitsweep-fuzz-" + std::to_string(getpid()))) {
      std::filesystem::create_directories(path);
    }
    ~Folder() {
      std::error_code gone;
      std::filesystem::remove_all(path, gone);
    }
    std::filesystem::path path;
  };
  static const Folder made;
  return made.path;
}

inline std::filesystem::path write_file(const std::string& name, std::string_view text) {
  const auto file = folder() / name;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary).write(text.data(), std::streamsize(text.size()));
  return file;
}

/// `read()`; a refusal is the right answer to most inputs, anything else is a find.
template <class Read>
int refusing(Read read) {
  try {
    read();
  } catch (const Error&) {
  }
  return 0;
}

inline std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace bitsweep::fuzz

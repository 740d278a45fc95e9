// One image from a PNG, JPEG, PPM or PGM file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "framework/core/tensor.h"

namespace bitsweep {

struct Image {
  ImageShape shape;  // one channel: grey; three: red, green, blue
  std::vector<std::uint8_t> pixels;
};

/// Whether the name's ending is one that `read_image` knows.
bool is_image_name(const std::filesystem::path& file);

/// Throws DataError for what is damaged, has an alpha channel or more than eight bits a
/// value.
Image read_image(const std::filesystem::path& file);

}  // namespace bitsweep

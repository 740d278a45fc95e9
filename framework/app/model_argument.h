// A packed model that a command is given: a file of its own, or a run's record.
#pragma once

#include <filesystem>
#include <vector>

#include "framework/pack/model_file.h"

namespace bitsweep {

/// The bytes of the model in `path`: of a packed model itself, or the one that a run's
/// record keeps. Throws DataError, naming the path, for anything else.
std::vector<std::uint8_t> model_bytes_of(const std::filesystem::path& path);

/// The model in `path`; its errors name the path.
PackedModel model_of(const std::filesystem::path& path);

}  // namespace bitsweep

// Arrays of a file, as datasets are made of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "framework/data/own_dataset.h"

namespace bitsweep {

/// Bytes with a shape; the last extent varies fastest.
struct PixelArray {
  std::vector<std::uint64_t> shape;
  std::vector<std::uint8_t> values;
};

/// A file of named arrays; each throws DataError where the array is damaged or of another
/// type, and gives nothing where there is none of that name.
struct ArrayFile {
  std::filesystem::path path;
  std::function<std::optional<PixelArray>(const std::string& name)> pixels;
  /// Integers of any width, [n] or [n, 1].
  std::function<std::optional<std::vector<std::int64_t>>(const std::string& name)> labels;
};

/// x_train and y_train, and x_test and y_test where there are both.
OwnFiles read_arrays(const ArrayFile& file);

/// Throws DataError "<file>: <array>: <problem>".
[[noreturn]] void refuse_array(const std::filesystem::path& file, const std::string& name,
                               const std::string& problem);

/// The product of the extents times `bytes`. Throws DataError when it does not fit into
/// this machine's memory.
std::size_t array_bytes(const std::filesystem::path& file, const std::string& name,
                        const std::vector<std::uint64_t>& shape, std::size_t bytes);

}  // namespace bitsweep

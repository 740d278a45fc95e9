#include "framework/app/model_argument.h"

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/results/record.h"
#include "framework/results/whole_file.h"

namespace bitsweep {

std::vector<std::uint8_t> model_bytes_of(const std::filesystem::path& path) {
  if (path.extension() != ".h5") {
    const std::string text = read_whole_file(path);
    return {text.begin(), text.end()};
  }
  RunRecord record = read_record(path);
  if (record.status != "done") {
    throw DataError(fmt::format("{}: the run failed ({}); it has no packed model",
                                path.string(), record.failure));
  }
  if (record.model.empty()) {
    throw DataError(
        fmt::format("{}: its packed model was not kept; run its study again with `keep: "
                    "model` and --force",
                    path.string()));
  }
  return std::move(record.model);
}

PackedModel model_of(const std::filesystem::path& path) {
  const auto bytes = model_bytes_of(path);
  try {
    return parse_model(bytes);
  } catch (const DataError& error) {
    throw DataError(fmt::format("{}: {}", path.string(), error.what()));
  }
}

}  // namespace bitsweep

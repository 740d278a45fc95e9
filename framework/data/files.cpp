#include "framework/data/files.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "framework/core/digest.h"
#include "framework/core/error.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> find_file(const fs::path& folder, const DataFile& file) {
  for (const auto& name : file.names) {
    for (const auto* ending : {"", ".gz"}) {
      std::error_code none;  // an unreadable folder has no files for us
      auto path = folder / (name + ending);
      if (fs::is_regular_file(path, none)) return path;
    }
  }
  return std::nullopt;
}

// Empty when the folder has none of the files.
std::vector<fs::path> files_in(const fs::path& folder, const FileSet& set,
                               const DatasetInfo& info) {
  std::vector<fs::path> found;
  std::vector<std::string> missing;
  for (const auto& file : set.files) {
    if (auto path = find_file(folder, file)) {
      found.push_back(std::move(*path));
    } else {
      missing.push_back(file.names.front());
    }
  }
  if (!found.empty() && !missing.empty()) {
    refuse_file(folder,
                fmt::format("{} is missing beside {}", fmt::join(missing, ", "),
                            found.front().filename().string()),
                info);
  }
  return found;
}

}  // namespace

void refuse_file(const fs::path& path, const std::string& problem,
                 const DatasetInfo& info) {
  throw DataError(fmt::format("{}: {}; {}", path.string(), problem, info.hint));
}

std::vector<fs::path> find_files(const FileSet& set, const DatasetInfo& info,
                                 const std::vector<fs::path>& folders) {
  for (const auto& folder : folders) {
    for (const auto& subfolder : set.subfolders) {
      auto found = files_in(subfolder.empty() ? folder : folder / subfolder, set, info);
      if (!found.empty()) return found;
    }
  }
  std::vector<std::string> looked_in;
  for (const auto& folder : folders) looked_in.push_back(folder.string());
  std::vector<std::string> names;
  for (const auto& name : set.subfolders) {
    if (!name.empty()) names.push_back(name + "/");
  }
  throw DataError(fmt::format(
      "dataset '{}': no files of {} found in {}, nor there in {}; {}", info.id,
      info.title, fmt::join(looked_in, ", "), fmt::join(names, ", "), info.hint));
}

std::string title_of(const DatasetInfo& info, const FileSet& set,
                     const std::vector<std::string>& sums) {
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const auto& original = set.files[i].original;
    if (!original.empty() && original != sums[i])
      return info.title + " (unrecognised copy)";
  }
  return info.title;
}

std::string combined_checksum(const std::vector<std::string>& sums) {
  return sha256_hex(fmt::format("{}", fmt::join(sums, "")));
}

void check_labels(const std::vector<std::uint8_t>& labels, const fs::path& path,
                  const DatasetInfo& info) {
  const auto wrong = std::find_if(labels.begin(), labels.end(),
                                  [&](int label) { return label >= info.classes; });
  if (wrong == labels.end()) return;
  refuse_file(path,
              fmt::format("label {} at index {}, expected 0 to {}", *wrong,
                          wrong - labels.begin(), info.classes - 1),
              info);
}

}  // namespace bitsweep

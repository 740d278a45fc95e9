#include "framework/config/config_folders.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include <fmt/format.h>

#include "framework/core/shared_files.h"
#include "framework/schema/schema.h"

namespace bitsweep {
namespace fs = std::filesystem;

ConfigFolders::ConfigFolders(const fs::path& study_file)
    : beside_(study_file.parent_path()) {
  std::vector<fs::path> candidates;
  if (const char* named = std::getenv("BITSWEEP_CONFIGS")) candidates.emplace_back(named);
  if (!study_file.empty()) {
    const fs::path file = fs::absolute(study_file).lexically_normal();
    for (fs::path folder = file.parent_path(); folder != folder.root_path();
         folder = folder.parent_path()) {
      candidates.push_back(folder / "configs");
    }
  }
  candidates.push_back(fs::current_path() / "configs");
  candidates.push_back(shared_files() / "configs");
  for (const auto& folder : candidates) {
    const bool known =
        std::find(folders_.begin(), folders_.end(), folder) != folders_.end();
    if (!known && fs::is_directory(folder)) folders_.push_back(folder);
  }
}

std::optional<fs::path> ConfigFolders::find(const std::string& kind,
                                            const std::string& id) const {
  if (id.ends_with(".yaml")) return beside_ / id;
  if (id.find('/') != std::string::npos) return std::nullopt;  // a path, and no name
  for (const auto& folder : folders_) {
    const fs::path file = folder / kind / (id + ".yaml");
    if (fs::is_regular_file(file)) return file;
  }
  return std::nullopt;
}

std::vector<fs::path> ConfigFolders::files(const std::string& kind) const {
  std::vector<fs::path> all;
  std::set<std::string> ids;
  for (const auto& folder : folders_) {
    std::vector<fs::path> here;
    if (fs::is_directory(folder / kind)) {
      for (const auto& entry : fs::directory_iterator(folder / kind)) {
        const bool is_ours = entry.path().extension() == ".yaml";
        if (is_ours && ids.insert(entry.path().stem()).second)
          here.push_back(entry.path());
      }
    }
    std::sort(here.begin(), here.end(),
              [](const fs::path& a, const fs::path& b) { return a.stem() < b.stem(); });
    all.insert(all.end(), here.begin(), here.end());
  }
  return all;
}

std::string ConfigFolders::unknown(const std::string& noun, const std::string& id,
                                   const std::vector<std::string>& known) const {
  const std::string sentence = fmt::format("'{}': {}", id, unknown_text(noun, id, known));
  if (!known.empty()) return sentence;
  std::vector<std::string> searched;
  for (const auto& folder : folders_) searched.push_back(folder.string());
  if (searched.empty()) searched.push_back("no folder, for there is no configs/");
  return fmt::format(
      "{}; looked in {}; BITSWEEP_CONFIGS=FOLDER names the folder that has {}s/",
      sentence, fmt::join(searched, ", "), noun);
}

}  // namespace bitsweep

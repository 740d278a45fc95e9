// Where model and recipe files are looked for.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace bitsweep {

/// The `configs` folders that a study may draw on, in the order in which they are searched:
/// the one BITSWEEP_CONFIGS names, those in the folders above the study, the working
/// folder's, the program's own (`shared_files`).
class ConfigFolders {
 public:
  explicit ConfigFolders(const std::filesystem::path& study_file = {});

  /// The file of kind "models", "recipes" or "schemes": a path beside the study when `id`
  /// ends in .yaml, else the first <folder>/<kind>/<id>.yaml there is.
  std::optional<std::filesystem::path> find(const std::string& kind,
                                            const std::string& id) const;

  /// Every file of a kind, sorted by id within a folder; an id that an earlier folder has
  /// hides a later one.
  std::vector<std::filesystem::path> files(const std::string& kind) const;

  /// The sentence about an `id` that is none of the `known` ones; where none are known,
  /// with the folders that were searched. `noun`: "model", "recipe" or "scheme".
  std::string unknown(const std::string& noun, const std::string& id,
                      const std::vector<std::string>& known) const;

 private:
  std::filesystem::path beside_;
  std::vector<std::filesystem::path> folders_;
};

}  // namespace bitsweep

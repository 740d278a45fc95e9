// A run from what a row says: methods resolved, recipes taken, files found.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "framework/config/config_folders.h"
#include "framework/config/study_file.h"
#include "framework/config/study_rows.h"

namespace bitsweep {

class RunReader {
 public:
  /// Of the study in `file`, beside which a row's files are looked for; `place` is where
  /// it begins.
  RunReader(const std::filesystem::path& file, Place place, const MethodCatalog& methods,
            const ConfigFolders& folders, Problems& problems)
      : file_(file),
        place_(std::move(place)),
        methods_(methods),
        folders_(folders),
        problems_(problems) {}

  /// Of seed 1; what is wrong is added to the problems.
  RunSpec read(const DatasetSpec& dataset, const ModelSpec& network, const Row& row);

 private:
  MethodSpec resolve_method(const Node& node);
  MethodSpec method_of_rule(const Node& node);
  std::string beside_study(const std::string& table) const;
  Node empty_training() const;

  std::filesystem::path file_;
  Place place_;
  const MethodCatalog& methods_;
  const ConfigFolders& folders_;
  Problems& problems_;
};

}  // namespace bitsweep

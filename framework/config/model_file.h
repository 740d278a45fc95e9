// Model files: a network as a list of layers, with whole-number parameters, repetitions
// and named variants.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "framework/config/config_folders.h"
#include "framework/config/model_spec.h"
#include "framework/config/problems.h"

namespace bitsweep {

/// The model called `id` (a model file's, one of its variants', or a path ending in .yaml
/// beside `study_file`) with parameters put in. Throws ConfigError.
ModelSpec load_model(const std::string& id, const RawParams& params = {},
                     const std::filesystem::path& study_file = {});

/// The same for a study's `network: {id: resnet, depth: 20}`.
ModelSpec read_network(const Node& network, const ConfigFolders& folders,
                       Problems& problems);

/// What a list of models shows.
struct ModelInfo {
  std::string id;
  std::string summary;
  std::string recipe;
  std::vector<FieldInfo> parameters;
  std::vector<std::string> variants;
  std::filesystem::path file;
};
std::vector<ModelInfo> known_models(const ConfigFolders& folders);

}  // namespace bitsweep

// Recipe files, and how a study's `training` and `fine_tuning` build on them.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "framework/config/config_folders.h"
#include "framework/config/problems.h"
#include "framework/config/run_spec.h"

namespace bitsweep {

std::vector<std::string> known_recipes(const ConfigFolders& folders);

/// A whole training spec as it stands, without recipes.
TrainingSpec read_training(const Node& training, Problems& problems);

/// `over` put over `base`, key by key; the length of training is one fact, so `epochs`
/// takes the place of `iterations` and the other way round. An `over` that names a recipe
/// starts anew.
Node training_over(const Node& base, const Node& over);

/// `training` with the recipe it names, or `default_recipe` where it names none, below
/// it.
Node with_recipe(const Node& training, const std::string& default_recipe,
                 const ConfigFolders& folders, Problems& problems);

/// A run's `fine_tuning`: `training` changed by the keys given; nothing for `none` and
/// for no epochs. Images are always prepared as for `training` (both come from
/// `with_recipe`).
std::optional<TrainingSpec> read_fine_tuning(const Node* fine_tuning,
                                             const Node& training,
                                             const ConfigFolders& folders,
                                             Problems& problems);

}  // namespace bitsweep

#include "framework/config/training_file.h"

#include "framework/config/mapping_reader.h"
#include "framework/config/schedules.h"
#include "framework/config/yaml.h"

namespace bitsweep {
namespace {

Node read_recipe(const Node& id, const ConfigFolders& folders, Problems& problems) {
  const auto path = folders.find("recipes", id.word);
  if (!path) {
    problems.add(id, folders.unknown("recipe", id.word, known_recipes(folders)));
    return Node::of_mapping();
  }
  Node recipe = read_yaml(*path, problems);
  if (recipe.is_null()) recipe.kind = Node::Kind::kMapping;
  if (const Node* base = recipe.find("recipe")) {
    problems.add(*base, "a recipe cannot start from another one");
  }
  return recipe;
}

void check_schedule(const Node& node, const ScheduleSpec& schedule, Problems& problems) {
  const ScheduleKind& kind = schedule_kind(schedule.id);
  if (kind.problems == nullptr) return;
  for (const auto& problem : kind.problems(schedule)) problems.add(node, problem);
}

}  // namespace

TrainingSpec read_training(const Node& training, Problems& problems) {
  MappingReader reader(training, problems);
  TrainingSpec spec = reader.fields<TrainingSpec>();
  spec.optimizer = reader.group<OptimizerSpec>("optimizer");
  spec.schedule = reader.group<ScheduleSpec>("schedule");
  spec.multipliers = reader.groups<MultiplierRule>("multipliers");
  spec.preprocessing = reader.group<PreprocessingSpec>("preprocessing");
  spec.augmentation = reader.group<AugmentationSpec>("augmentation");
  if (training.find("distillation")) {
    spec.distillation = reader.group<DistillationSpec>("distillation");
  }
  reader.refuse_others();
  if (const Node* iterations = training.find("iterations")) {
    if (training.find("epochs")) {
      problems.add(*iterations, "given beside 'epochs'; keep one of them");
    }
    if (spec.iterations == 0) spec.epochs = 0;
  }
  if (const Node* schedule = training.find("schedule")) {
    check_schedule(*schedule, spec.schedule, problems);
  }
  return spec;
}

Node training_over(const Node& base, const Node& over) {
  if (!base.is_mapping() || over.find("recipe")) return over;
  Node kept = base;
  if (over.find("epochs")) kept.erase("iterations");
  if (over.find("iterations")) kept.erase("epochs");
  return merged(std::move(kept), over);
}

Node with_recipe(const Node& training, const std::string& default_recipe,
                 const ConfigFolders& folders, Problems& problems) {
  const Node* named = training.find("recipe");
  Node id = named ? *named : Node::of_word(default_recipe);
  if (!named) id.place = training.place;
  if (!id.is_word() || id.word.empty()) return training;
  Node over = training;
  over.erase("recipe");
  Node whole = training_over(read_recipe(id, folders, problems), over);
  if (whole.is_mapping()) whole.set("recipe", std::move(id));
  return whole;
}

std::optional<TrainingSpec> read_fine_tuning(const Node* fine_tuning,
                                             const Node& training,
                                             const ConfigFolders& folders,
                                             Problems& problems) {
  if (fine_tuning && fine_tuning->is_word("none")) return std::nullopt;
  Node whole = training;
  if (fine_tuning) {
    if (const Node* own = fine_tuning->find("preprocessing")) {
      problems.add(*own, "set it in 'training': both see the same images");
    }
    whole = training_over(training, with_recipe(*fine_tuning, "", folders, problems));
    if (const Node* images = training.find("preprocessing")) {
      whole.set("preprocessing", *images);
    } else {
      whole.erase("preprocessing");
    }
  }
  TrainingSpec spec = read_training(whole, problems);
  if (spec.epochs == 0 && spec.iterations == 0) return std::nullopt;
  return spec;
}

std::vector<std::string> known_recipes(const ConfigFolders& folders) {
  std::vector<std::string> ids;
  for (const auto& path : folders.files("recipes")) ids.push_back(path.stem());
  return ids;
}

}  // namespace bitsweep

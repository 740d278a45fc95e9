#include "framework/config/run_reader.h"

#include <filesystem>

#include <fmt/format.h>

#include "framework/config/mapping_reader.h"
#include "framework/config/method_bits.h"
#include "framework/config/pruning_spec.h"
#include "framework/config/run_text.h"
#include "framework/config/training_file.h"

namespace bitsweep {
namespace {

void note_former_names(const Node& method, const std::vector<FieldInfo>& fields,
                       Problems& problems) {
  for (const FieldInfo& field : fields) {
    for (const auto& former : field.former_names) {
      if (const Node* value = method.find(former)) {
        problems.note(*value, fmt::format("is called '{}' now", field.name));
      }
    }
  }
}

void check_calibration(const Node& row, const RunSpec& run, Problems& problems) {
  const CalibrationSpec& own = run.calibration;
  if (own.table.empty() || (own.images == 0 && own.seed == 0)) return;
  problems.add(*row.find("calibration"),
               "a table takes the place of images; leave out either");
}

}  // namespace

RunSpec RunReader::read(const DatasetSpec& dataset, const ModelSpec& network,
                        const Row& row) {
  MappingReader reader(*row.node, problems_);
  RunSpec run = reader.fields<RunSpec>();
  run.dataset = dataset;
  run.network = network;
  run.edges = reader.group<EdgesSpec>("edges");
  run.compared = reader.group<BaselineSpec>("baseline");
  run.calibration = reader.group<CalibrationSpec>("calibration");
  check_calibration(*row.node, run, problems_);
  run.calibration.table = beside_study(run.calibration.table);
  if (const Node* method = reader.get("method")) run.method = resolve_method(*method);
  if (const Node* sites = reader.get("sites")) {
    const auto method_of = [this](const Node& node) { return method_of_rule(node); };
    run.sites = read_sites(*sites, method_of, problems_);
  }
  if (const Node* pruning = reader.get("pruning"); pruning && !pruning->is_word("none")) {
    run.pruning = read_pruning(*pruning, problems_);
  }
  const Node* given = reader.get("training");
  const Node training =
      with_recipe(given ? *given : empty_training(), network.recipe, folders_, problems_);
  run.training = read_training(training, problems_);
  if (const Node* distillation = training.find("distillation")) {
    problems_.add(*distillation,
                  "set it in 'fine_tuning': the teacher is the float network that "
                  "'training' makes");
  }
  run.fine_tuning =
      run.start == "scratch"
          ? run.training
          : read_fine_tuning(reader.get("fine_tuning"), training, folders_, problems_);
  return run;
}

MethodSpec RunReader::resolve_method(const Node& node) {
  const Node mapping = with_long_bits(with_id(node), methods_, problems_);
  MethodSpec method = read_method(mapping, problems_);
  const Node* id = mapping.find("id");
  if (!id || !id->is_word()) return method;
  if (!methods_.fields(method.id)) {
    problems_.add(*id, methods_.unknown_message(method.id));
    return method;
  }
  method.plugin = methods_.plugin(method.id);
  method.version = methods_.version(method.id);
  std::vector<ParamProblem> found;
  note_former_names(mapping, *methods_.fields(method.id), problems_);
  method.params = methods_.resolve(method.id, method.params, found);
  MappingReader reader(mapping, problems_);
  for (const auto& problem : found) reader.report(problem);
  return method;
}

MethodSpec RunReader::method_of_rule(const Node& node) {
  const Node* scheme = node.find("scheme");
  if (!scheme) return resolve_method(node);
  problems_.add(*scheme,
                "a scheme is for a whole row, whose edges it sets too: {method: "
                "{scheme: ...}} of a row; a rule of sites takes {id: ...}");
  return {};
}

// As files of schemes and models are, where there is one; else from the working folder.
std::string RunReader::beside_study(const std::string& table) const {
  const auto path = file_.parent_path() / table;
  std::error_code unknown;
  return !table.empty() && std::filesystem::is_regular_file(path, unknown) ? path.string()
                                                                           : table;
}

Node RunReader::empty_training() const {
  Node node = Node::of_mapping();
  node.place = place_;
  node.path = "training";
  return node;
}

}  // namespace bitsweep

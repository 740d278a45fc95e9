#include "framework/config/run_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "framework/config/layer_reader.h"
#include "framework/config/mapping_reader.h"
#include "framework/config/optimizers.h"
#include "framework/config/schedules.h"
#include "framework/config/training_file.h"
#include "framework/config/yaml.h"
#include "framework/core/digest.h"
#include "framework/core/error.h"
#include "framework/schema/schema_of.h"

namespace bitsweep {
namespace {

using Names = std::vector<std::string>;

// No study's keys, so that a parameter may have their names.
constexpr auto kPlugin = "plugin sha256";
constexpr auto kVersion = "method version";
constexpr auto kData = "files sha256";
constexpr auto kTable = "table sha256";

bool contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Node node_of(const RawValue& value) {
  if (!value.is_list) return Node::of_word(value.text());
  Node list = Node::of_list();
  for (const auto& word : value.words) list.items.push_back(Node::of_word(word));
  return list;
}

Node node_of(const RawParams& params) {
  Node node = Node::of_mapping();
  for (const auto& [name, value] : params) node.set(name, node_of(value));
  return node;
}

// The fields of a struct but for those left out, in the schema's order.
template <class T>
Node fields_node(const T& value, const Names& left_out = {}) {
  const auto& schema = schema_of<T>();
  const RawParams raw = schema.write(value);
  Node node = Node::of_mapping();
  for (const auto& field : schema.fields()) {
    if (!contains(left_out, field.name))
      node.set(field.name, node_of(raw.at(field.name)));
  }
  return node;
}

Node layers_node(const std::vector<LayerSpec>& layers) {
  Node list = Node::of_list();
  for (const auto& layer : layers) {
    Node params = node_of(layer.params);
    if (layer.kind == "concat") {
      Node branches = Node::of_list();
      for (const auto& branch : layer.body) {
        branches.items.push_back(layers_node(branch.body));
      }
      params.set("branches", std::move(branches));
    } else if (!layer.body.empty()) {
      params.set("body", layers_node(layer.body));
    }
    Node item = Node::of_mapping();
    item.set("name", Node::of_word(layer.name));
    item.set(layer.kind, std::move(params));
    list.items.push_back(std::move(item));
  }
  return list;
}

Node network_node(const ModelSpec& network) {
  Node node = Node::of_mapping();
  node.set("id", Node::of_word(network.id));
  node.set("parameters", node_of(network.params));
  node.set("layers", layers_node(network.layers));
  return node;
}

Node optimizer_node(const OptimizerSpec& optimizer) {
  Names left_out;
  for (const OptimizerKind& kind : optimizer_kinds()) {
    if (kind.id == optimizer.id) continue;
    left_out.insert(left_out.end(), kind.fields.begin(), kind.fields.end());
  }
  if (optimizer.quantizer_learning_rate == 1)
    left_out.push_back("quantizer_learning_rate");
  if (optimizer.quantizer_weight_decay == 1) left_out.push_back("quantizer_weight_decay");
  return fields_node(optimizer, left_out);
}

Node schedule_node(const ScheduleSpec& schedule) {
  Names used = schedule_kind(schedule.id).fields;
  used.push_back("id");
  if (schedule.warmup > 0) used.insert(used.end(), {"unit", "warmup"});
  Names left_out = ScheduleSpec::schema().names();
  std::erase_if(left_out, [&](const std::string& name) { return contains(used, name); });
  return fields_node(schedule, left_out);
}

Node training_node(const TrainingSpec& training) {
  Node node = fields_node(training,
                          {"recipe", training.iterations == 0 ? "iterations" : "epochs"});
  node.set("optimizer", optimizer_node(training.optimizer));
  node.set("schedule", schedule_node(training.schedule));
  if (!training.multipliers.empty()) {
    Node rules = Node::of_list();
    for (const auto& rule : training.multipliers) {
      rules.items.push_back(fields_node(rule));
    }
    node.set("multipliers", std::move(rules));
  }
  node.set("preprocessing", fields_node(training.preprocessing));
  node.set("augmentation", fields_node(training.augmentation));
  if (training.distillation) {
    node.set("distillation", fields_node(*training.distillation));
  }
  return node;
}

// Images are prepared as `training` says; it is not said twice.
Node fine_tuning_node(const std::optional<TrainingSpec>& fine_tuning) {
  if (!fine_tuning) return Node::of_word("none");
  Node node = training_node(*fine_tuning);
  node.erase("preprocessing");
  return node;
}

Node method_node(const MethodSpec& method) {
  Node node = Node::of_mapping();
  node.set("id", Node::of_word(method.id));
  if (!method.plugin.empty()) node.set(kPlugin, Node::of_word(method.plugin));
  if (method.version != 1) {
    node.set(kVersion, Node::of_word(fmt::format("{}", method.version)));
  }
  return merged(std::move(node), node_of(method.params));
}

Node sites_node(const std::vector<SiteRule>& sites) {
  Node list = Node::of_list();
  for (const auto& rule : sites) {
    Node node = Node::of_mapping();
    node.set("match", Node::of_word(rule.match));
    node.set("method", method_node(rule.method));
    list.items.push_back(std::move(node));
  }
  return list;
}

Node calibration_node(const CalibrationSpec& calibration) {
  Names left_out;
  if (calibration.images == 0) left_out.push_back("images");
  if (calibration.seed == 0) left_out.push_back("seed");
  if (calibration.table.empty()) left_out.push_back("table");
  Node node = fields_node(calibration, left_out);
  if (!calibration.table_checksum.empty()) {
    node.set(kTable, Node::of_word(calibration.table_checksum));
  }
  return node;
}

CalibrationSpec parse_calibration(Node node, Problems& problems) {
  std::string sum;
  if (const Node* found = node.find(kTable)) sum = found->word;
  node.erase(kTable);
  auto calibration = read_fields<CalibrationSpec>(node, problems);
  calibration.table_checksum = sum;
  return calibration;
}

void add_quantization(Node& node, const RunSpec& run) {
  node.set("edges",
           fields_node(run.edges, run.edges.first == "float" ? Names{"image"} : Names{}));
  if (!run.sites.empty()) node.set("sites", sites_node(run.sites));
  if (run.pruning) node.set("pruning", pruning_node(*run.pruning));
  node.set("start", Node::of_word(run.start));
  node.set("calibration_batches",
           Node::of_word(fmt::format("{}", run.calibration_batches)));
  if (!(run.calibration == CalibrationSpec{})) {
    node.set("calibration", calibration_node(run.calibration));
  }
  if (run.start == "baseline") node.set("fine_tuning", fine_tuning_node(run.fine_tuning));
}

// Keys of a user's own dataset stand where it is one: other runs keep their texts.
Node dataset_node(const RunSpec& run) {
  const DatasetSpec& dataset = run.dataset;
  Names left_out;
  if (dataset.folder.empty()) left_out.push_back("folder");
  if (dataset.npz.empty()) left_out.push_back("npz");
  if (dataset.hdf5.empty()) left_out.push_back("hdf5");
  if (dataset.test_share == 0) left_out.push_back("test_share");
  Node node = fields_node(dataset, left_out);
  if (!run.data_checksum.empty()) node.set(kData, Node::of_word(run.data_checksum));
  return node;
}

void parse_dataset(Node node, RunSpec& run, Problems& problems) {
  if (const Node* sum = node.find(kData)) run.data_checksum = sum->word;
  node.erase(kData);
  run.dataset = read_fields<DatasetSpec>(node, problems);
}

// A method's parameters without what stands beside them for its identity.
MethodSpec parse_method(Node node, Problems& problems) {
  struct Identity {
    std::string plugin;
    int version = 1;
    static Schema<Identity> schema() {
      return Schema<Identity>{}
          .field(kPlugin, &Identity::plugin, "Of the library.")
          .field(kVersion, &Identity::version, "Of the numbers.", at_least(1));
    }
  };
  Node identity = Node::of_mapping();
  for (const char* key : {kPlugin, kVersion}) {
    if (const Node* value = node.find(key)) identity.set(key, *value);
    node.erase(key);
  }
  const auto found = read_fields<Identity>(identity, problems);
  MethodSpec method = read_method(node, problems);
  method.plugin = found.plugin;
  method.version = found.version;
  return method;
}

// A float network has none.
void forget_quantizers(OptimizerSpec& optimizer) {
  optimizer.quantizer_learning_rate = 1;
  optimizer.quantizer_weight_decay = 1;
}

ModelSpec parse_network(const Node& node, Problems& problems) {
  ModelSpec network;
  MappingReader reader(node, problems);
  if (const Node* id = reader.get("id")) network.id = id->word;
  if (const Node* params = reader.get("parameters")) {
    network.params = MappingReader(*params, problems).others();
  }
  if (const Node* layers = reader.get("layers")) {
    network.layers = read_layers(*layers, {}, problems);
  }
  reader.refuse_others();
  return network;
}

std::optional<TrainingSpec> parse_fine_tuning(const Node& node, const RunSpec& run,
                                              Problems& problems) {
  if (node.is_word("none")) return std::nullopt;
  TrainingSpec fine_tuning = read_training(node, problems);
  fine_tuning.preprocessing = run.training.preprocessing;
  return fine_tuning;
}

}  // namespace

Node run_node(const RunSpec& run) {
  Node node = Node::of_mapping();
  node.set("dataset", dataset_node(run));
  node.set("network", network_node(run.network));
  node.set("method", method_node(run.method));
  if (!run.is_float()) {
    add_quantization(node, run);
  } else if (run.fine_tuning) {
    node.set("fine_tuning", fine_tuning_node(run.fine_tuning));
  }
  node.set("training", training_node(run.training));
  node.set("seed", Node::of_word(fmt::format("{}", run.seed)));
  return node;
}

MethodSpec read_method(const Node& method, Problems& problems) {
  MappingReader reader(method, problems);
  const Node* id = reader.get("id");
  if (id && id->is_word()) return {id->word, reader.others()};
  problems.add(method, "a method needs an id: {id: twn}");
  return {};
}

std::vector<SiteRule> read_sites(const Node& sites, const ReadMethod& method_of,
                                 Problems& problems) {
  std::vector<SiteRule> rules;
  if (!sites.is_list()) problems.add(sites, "not a list of {match: ..., method: {...}}");
  for (const Node& item : sites.items) {
    MappingReader reader(item, problems);
    const Node* match = reader.get("match");
    const Node* method = reader.get("method");
    reader.refuse_others();
    if (match && match->is_word() && method) {
      rules.push_back({match->word, method_of(*method), item.place});
    } else {
      problems.add(item, "a site rule needs 'match' and 'method'");
    }
  }
  return rules;
}

RunSpec RunSpec::baseline() const {
  RunSpec run;
  run.dataset = dataset;
  run.data_checksum = data_checksum;
  run.network = network;
  run.training = training;
  forget_quantizers(run.training.optimizer);
  run.seed = seed;
  return run;
}

RunSpec RunSpec::control() const {
  RunSpec run = baseline();
  if (is_float() || !compared.fine_tuned || start != "baseline") return run;
  run.fine_tuning = fine_tuning;
  if (run.fine_tuning) forget_quantizers(run.fine_tuning->optimizer);
  return run;
}

std::string RunSpec::canonical_text() const { return write_yaml(run_node(*this)); }

RunSpec parse_run(const std::string& canonical_text) {
  Problems problems;
  const Node root = parse_yaml(canonical_text, "run", problems);
  const auto method_of = [&](const Node& node) { return parse_method(node, problems); };
  MappingReader reader(root, problems);
  RunSpec run = reader.fields<RunSpec>();
  if (const Node* node = reader.get("dataset")) parse_dataset(*node, run, problems);
  run.edges = reader.group<EdgesSpec>("edges");
  if (const Node* node = reader.get("network"))
    run.network = parse_network(*node, problems);
  if (const Node* node = reader.get("training")) {
    run.training = read_training(*node, problems);
  }
  if (const Node* node = reader.get("method")) run.method = method_of(*node);
  if (const Node* node = reader.get("sites")) {
    run.sites = read_sites(*node, method_of, problems);
  }
  if (const Node* node = reader.get("pruning")) {
    run.pruning = read_pruning(*node, problems);
  }
  if (const Node* node = reader.get("calibration")) {
    run.calibration = parse_calibration(*node, problems);
  }
  if (run.start == "scratch") run.fine_tuning = run.training;
  if (const Node* node = reader.get("fine_tuning")) {
    run.fine_tuning = parse_fine_tuning(*node, run, problems);
  }
  reader.refuse_others();
  problems.throw_if_any();
  return run;
}

namespace {

std::string digest_of(const std::string& text, int results_version) {
  return sha256_hex(fmt::format("{}results_version: {}\n", text, results_version))
      .substr(0, 16);
}

std::string seed_line(std::int64_t seed) { return fmt::format("seed: {}\n", seed); }

}  // namespace

std::string digest(const RunSpec& run, int results_version) {
  return digest_of(run.canonical_text(), results_version);
}

SeedDigests::SeedDigests(const RunSpec& run, int results_version)
    : text_(run.canonical_text()), results_version_(results_version) {
  const std::string last = seed_line(run.seed);
  ensure(text_.ends_with(last), "the seed is the last key of a run's text");
  text_.resize(text_.size() - last.size());
}

std::string SeedDigests::of(std::int64_t seed) const {
  return digest_of(text_ + seed_line(seed), results_version_);
}

}  // namespace bitsweep

#include "framework/config/model_file.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "framework/config/layer_reader.h"
#include "framework/config/mapping_reader.h"
#include "framework/config/yaml.h"
#include "framework/core/error.h"

namespace bitsweep {
namespace {

struct Parameter {
  int default_value = 0;
  std::string help;
  static Schema<Parameter> schema() {
    return Schema<Parameter>{}
        .field("default", &Parameter::default_value, "Its value where none is given.",
               at_least(1))
        .field("help", &Parameter::help, "What it changes.");
  }
};

struct Heading {
  std::string summary;
  std::string recipe;
  static Schema<Heading> schema() {
    return Schema<Heading>{}
        .field("summary", &Heading::summary, "The network in a few words.")
        .field("recipe", &Heading::recipe, "Trained with, where a study names no other.");
  }
};

struct Variant {
  std::string id;
  RawParams params;
  Node node;
};

/// A model file as it stands, before parameters are put in.
struct ModelFile {
  std::string id;
  std::filesystem::path path;
  Heading heading;
  std::vector<FieldInfo> parameters;
  std::vector<Variant> variants;
  std::optional<Node> layers;

  const Variant* variant(const std::string& name) const {
    const auto found = std::find_if(variants.begin(), variants.end(),
                                    [&](const Variant& v) { return v.id == name; });
    return found == variants.end() ? nullptr : &*found;
  }
};

std::vector<FieldInfo> read_parameters(const Node& node, Problems& problems) {
  std::vector<FieldInfo> infos;
  MappingReader check(node, problems);
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    const auto parameter = read_fields<Parameter>(node.items[i], problems);
    if (!node.items[i].find("default")) problems.add(node.items[i], "needs a default");
    infos.push_back({node.keys[i], "int", fmt::format("{}", parameter.default_value),
                     "at least 1", parameter.help});
  }
  return infos;
}

std::vector<Variant> read_variants(const Node& node, Problems& problems) {
  std::vector<Variant> variants;
  MappingReader check(node, problems);
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    MappingReader reader(node.items[i], problems);
    variants.push_back({node.keys[i], reader.others(), node.items[i]});
  }
  return variants;
}

ModelFile read_model_file(const std::filesystem::path& path, Problems& problems) {
  const Node root = read_yaml(path, problems);
  MappingReader reader(root, problems);
  ModelFile file{path.stem(), path, reader.fields<Heading>(), {}, {}, {}};
  if (const Node* node = reader.get("parameters")) {
    file.parameters = read_parameters(*node, problems);
  }
  if (const Node* node = reader.get("variants")) {
    file.variants = read_variants(*node, problems);
  }
  if (const Node* node = reader.get("layers")) {
    file.layers = *node;
  } else {
    problems.add(root, "a model file needs 'layers'");
  }
  reader.refuse_others();
  return file;
}

std::optional<ModelFile> find_model(const Node& id, const ConfigFolders& folders,
                                    Problems& problems) {
  if (const auto path = folders.find("models", id.word)) {
    return read_model_file(*path, problems);
  }
  std::vector<std::string> known;
  for (const auto& path : folders.files("models")) {
    Problems of_another_model;
    auto file = read_model_file(path, of_another_model);
    if (file.variant(id.word)) return read_model_file(path, problems);
    known.push_back(file.id);
    for (const auto& variant : file.variants) known.push_back(variant.id);
  }
  problems.add(id, folders.unknown("model", id.word, known));
  return std::nullopt;
}

// The values of a model file's parameters; later settings win.
class Parameters {
 public:
  Parameters(const std::vector<FieldInfo>& infos, Problems& problems)
      : infos_(infos), problems_(problems) {
    for (const auto& info : infos) values_[info.name] = number(info.default_value);
  }

  void set(const Node& node, const std::string& name, const RawValue& value) {
    if (!values_.count(name)) {
      std::vector<std::string> known;
      for (const auto& info : infos_) known.push_back(info.name);
      problems_.add(node, unknown_text("parameter", name, known));
    } else if (number(value.text()) < 1) {
      problems_.add(
          node, fmt::format("'{}' is not a whole number of at least 1", value.text()));
    } else {
      values_[name] = number(value.text());
    }
  }

  const Variables& values() const { return values_; }

  RawParams canonical() const {
    RawParams raw;
    for (const auto& [name, value] : values_) {
      raw[name] = RawValue::scalar(fmt::format("{}", value));
    }
    return raw;
  }

 private:
  // -1 for what is not a whole number.
  static std::int64_t number(const std::string& word) {
    std::int32_t value = 0;
    const char* end = word.data() + word.size();
    const auto [stop, failure] = std::from_chars(word.data(), end, value);
    return failure == std::errc{} && stop == end ? value : -1;
  }

  const std::vector<FieldInfo>& infos_;
  Problems& problems_;
  Variables values_;
};

// A variant's name promises its parameters, so a study may not change them.
void set_study_parameters(const Node& network, const RawParams& given,
                          const Variant* variant, Parameters& parameters,
                          Problems& problems) {
  for (const auto& [name, value] : given) {
    const Node& node = *network.find(name);
    if (variant && variant->params.count(name)) {
      problems.add(node, fmt::format("'{}' has {} {}; name the model itself to change it",
                                     variant->id, name, variant->params.at(name).text()));
    } else {
      parameters.set(node, name, value);
    }
  }
}

}  // namespace

ModelSpec read_network(const Node& network, const ConfigFolders& folders,
                       Problems& problems) {
  MappingReader reader(network, problems);
  const Node* id = reader.get("id");
  if (!id || !id->is_word()) {
    problems.add(network, "a network needs an id: {id: lenet}");
    return {};
  }
  const RawParams given = reader.others();
  const auto file = find_model(*id, folders, problems);
  if (!file) return {};

  Parameters parameters(file->parameters, problems);
  const Variant* variant = file->variant(id->word);
  if (variant) {
    for (const auto& [name, value] : variant->params) {
      parameters.set(*variant->node.find(name), name, value);
    }
  }
  set_study_parameters(network, given, variant, parameters, problems);
  return {variant ? variant->id : file->id, parameters.canonical(), file->heading.summary,
          file->heading.recipe,
          file->layers ? read_layers(*file->layers, parameters.values(), problems)
                       : std::vector<LayerSpec>{}};
}

ModelSpec load_model(const std::string& id, const RawParams& params,
                     const std::filesystem::path& study_file) {
  Node network = Node::of_mapping();
  network.set("id", Node::of_word(id));  // without a place: it comes from no file
  for (const auto& [name, value] : params) {
    Node node = Node::of_word(value.text());
    node.place = {"network", 0};
    node.path = name;
    network.set(name, std::move(node));
  }
  Problems problems;
  ModelSpec model = read_network(network, ConfigFolders(study_file), problems);
  problems.throw_if_any();
  return model;
}

std::vector<ModelInfo> known_models(const ConfigFolders& folders) {
  std::vector<ModelInfo> models;
  Problems problems;
  for (const auto& path : folders.files("models")) {
    const auto file = read_model_file(path, problems);
    ModelInfo info{
        file.id,  file.heading.summary, file.heading.recipe, file.parameters, {},
        file.path};
    for (const auto& variant : file.variants) info.variants.push_back(variant.id);
    models.push_back(std::move(info));
  }
  problems.throw_if_any();
  return models;
}

}  // namespace bitsweep

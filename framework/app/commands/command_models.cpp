// bitsweep models: the networks that can be named, and the layers of one.

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/config/model_file.h"
#include "framework/data/dataset.h"
#include "framework/nn/network.h"

namespace bitsweep {
namespace {

std::string params_text(const RawParams& params) {
  std::vector<std::string> words;
  for (const auto& [name, value] : params) {
    words.push_back(fmt::format("{} {}", name, value.text()));
  }
  return fmt::format("{}", fmt::join(words, ", "));
}

// What the network makes of images of a dataset.
class Shapes {
 public:
  Shapes(const ModelSpec& model, const DatasetInfo& dataset)
      : network_(model, {.image = dataset.shape, .classes = dataset.classes}) {
    for (const auto& layer : network_.layers()) layers_[layer->name()] = layer.get();
  }

  // "24 x 24 x 32   800   460800": output, parameters, multiplications. Nothing where
  // another layer does the work in its own pass.
  std::string of(const std::string& name) const {
    const auto found = layers_.find(name);
    if (found == layers_.end()) return "";
    const Layer& layer = *found->second;
    const ImageShape& shape = layer.output().shape;
    const auto count = parameters_of(*found->second);
    return fmt::format(
        "{:<14}{:>9}{:>11}",
        fmt::format("{} x {} x {}", shape.height, shape.width, shape.channels),
        count == 0 ? "" : std::to_string(count),
        layer.multiplications() == 0 ? "" : std::to_string(layer.multiplications()));
  }

  std::string total() const {
    std::size_t parameters = 0;
    std::int64_t multiplications = 0;
    for (const auto& layer : network_.layers()) {
      parameters += parameters_of(*layer);
      multiplications += layer->multiplications();
    }
    return fmt::format("{} parameters; {} multiplications an image", parameters,
                       multiplications);
  }

 private:
  static std::size_t parameters_of(Layer& layer) {
    std::size_t count = 0;
    for (const Parameter* parameter : layer.parameters()) {
      count += parameter->size();
    }
    return count;
  }

  Network network_;
  std::map<std::string, Layer*> layers_;
};

// One line a layer, those of a block below it.
std::string layer_lines(const std::vector<LayerSpec>& layers, const Shapes& shapes,
                        int indent) {
  std::string text;
  for (const auto& layer : layers) {
    text += fmt::format("{:<26}{:<21}{:<36}{}",
                        fmt::format("{:{}}{}", "", indent, layer.name), layer.kind,
                        shapes.of(layer.name), params_text(layer.params));
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n' + layer_lines(layer.body, shapes, indent + 2);
  }
  return text;
}

// Of the file that defines `id`, itself or as a variant.
const ModelInfo* info_of(const std::vector<ModelInfo>& models, const std::string& id) {
  const auto found = std::find_if(models.begin(), models.end(), [&](const ModelInfo& m) {
    return m.id == id ||
           std::find(m.variants.begin(), m.variants.end(), id) != m.variants.end();
  });
  return found == models.end() ? nullptr : &*found;
}

std::string file_lines(const ModelInfo& info) {
  std::string text = fmt::format("  file      {}\n", info.file.string());
  if (!info.variants.empty()) {
    text += fmt::format("  variants  {}\n", fmt::join(info.variants, ", "));
  }
  for (const auto& field : info.parameters) {
    text += fmt::format("  parameter {} ({}, default {}) {}\n", field.name, field.type,
                        field.default_value, field.help);
  }
  return text;
}

std::string model_card(const std::string& id, const DatasetInfo& dataset,
                       const std::vector<ModelInfo>& models) {
  const ModelSpec model = load_model(id);
  std::string text = fmt::format("{}: {}\n", model.id, model.summary);
  if (const auto* info = info_of(models, id)) text += file_lines(*info);
  if (!model.recipe.empty()) text += fmt::format("  recipe    {}\n", model.recipe);
  if (!model.params.empty()) {
    text += fmt::format("  with      {}\n", params_text(model.params));
  }
  const Shapes shapes(model, dataset);
  text += fmt::format("  on {}: {}\n", dataset.id, shapes.total());
  return text +
         fmt::format("{:<26}{:<21}{:<14}{:>9}{:>11}\n", "layers:", "", "output", "values",
                     "multiplied") +
         layer_lines(model.layers, shapes, 2);
}

std::string model_list(const std::vector<ModelInfo>& models) {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const auto& model : models) {
    lines.emplace_back(model.id, model.variants.empty()
                                     ? model.summary
                                     : fmt::format("{} Variants: {}.", model.summary,
                                                   fmt::join(model.variants, ", ")));
  }
  return two_columns(lines);
}

int list_models(const Arguments& arguments, Session&) {
  const auto models = known_models(ConfigFolders());
  const std::string id = arguments.positional(0);
  const auto& dataset = dataset_info(arguments.text("dataset", "fashion-mnist"));
  print_out(id.empty() ? model_list(models) : model_card(id, dataset, models));
  return 0;
}

}  // namespace

Command models_command() {
  return {{.command = "models",
           .summary = "List the networks, or show the layers of one.",
           .positionals = {{"NAME", "The network to show.", /*required=*/false}},
           .options = {{.name = "dataset",
                        .value = "ID",
                        .help = "Whose image shape and classes to show it for "
                                "(fashion-mnist)."}}},
          list_models};
}

}  // namespace bitsweep

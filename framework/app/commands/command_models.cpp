// bitsweep models: the networks that can be named, and the layers of one.

#include <algorithm>

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/config/model_file.h"

namespace bitsweep {
namespace {

std::string params_text(const RawParams& params) {
  std::vector<std::string> words;
  for (const auto& [name, value] : params) {
    words.push_back(fmt::format("{} {}", name, value.text()));
  }
  return fmt::format("{}", fmt::join(words, ", "));
}

// One line a layer, those of a block below it.
std::string layer_lines(const std::vector<LayerSpec>& layers, int indent) {
  std::string text;
  for (const auto& layer : layers) {
    text += fmt::format("{:{}}{:<16} {:<16} {}", "", indent, layer.name, layer.kind,
                        params_text(layer.params));
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n' + layer_lines(layer.body, indent + 2);
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

std::string model_card(const std::string& id, const std::vector<ModelInfo>& models) {
  const ModelSpec model = load_model(id);
  std::string text = fmt::format("{}: {}\n", model.id, model.summary);
  if (const auto* info = info_of(models, id)) text += file_lines(*info);
  if (!model.recipe.empty()) text += fmt::format("  recipe    {}\n", model.recipe);
  if (!model.params.empty()) {
    text += fmt::format("  with      {}\n", params_text(model.params));
  }
  return text + "layers:\n" + layer_lines(model.layers, 2);
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
  print_out(id.empty() ? model_list(models) : model_card(id, models));
  return 0;
}

}  // namespace

Command models_command() {
  return {{.command = "models",
           .summary = "List the networks, or show the layers of one.",
           .positionals = {{"NAME", "The network to show.", /*required=*/false}},
           .options = {}},
          list_models};
}

}  // namespace bitsweep

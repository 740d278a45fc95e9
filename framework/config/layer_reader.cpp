#include "framework/config/layer_reader.h"

#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "framework/config/mapping_reader.h"
#include "framework/core/error.h"

namespace bitsweep {
namespace {

struct Times {
  int times = 0;
  static Schema<Times> schema() {
    return Schema<Times>{}.field("times", &Times::times, "Repetitions.",
                                 between(0, 1000));
  }
};

// Layers and repetitions that a model file may stand for.
constexpr int kMostLayers = 20'000;

class LayerReader {
 public:
  explicit LayerReader(Problems& problems) : problems_(problems) {}

  std::vector<LayerSpec> list(const Node& node, const Variables& variables) {
    std::vector<LayerSpec> layers;
    if (!node.is_list() || node.items.empty()) {
      problems_.add(node, "a list of layers is expected here");
      return layers;
    }
    for (const Node& item : node.items) {
      if (!count_one(item)) break;
      append_item(item, variables, layers);
    }
    return layers;
  }

 private:
  // Repetitions within repetitions multiply: false where there are too many.
  bool count_one(const Node& node) {
    if (++read_ <= kMostLayers) return true;
    problems_.add(node.place, "layers",
                  fmt::format("more than {} layers up to here, repetitions counted; a "
                              "network has at most that many",
                              kMostLayers));
    return false;
  }

  void append_item(const Node& item, const Variables& variables,
                   std::vector<LayerSpec>& layers) {
    if (item.is_word()) {
      layers.push_back({"", item.word, {}, {}, item.place});
    } else if (!item.is_mapping()) {
      problems_.add(item,
                    "not a layer; expected {name: conv1, convolution: {filters: 20}}");
    } else if (const Node* repeat = item.find("repeat")) {
      append_repeated(item, *repeat, variables, layers);
    } else if (auto layer = one_layer(item, variables)) {
      layers.push_back(std::move(*layer));
    }
  }

  void append_repeated(const Node& item, const Node& repeat, const Variables& variables,
                       std::vector<LayerSpec>& layers) {
    if (item.keys.size() > 1)
      problems_.add(item, "'repeat' stands alone, without a name");
    MappingReader reader(repeat, problems_);
    const int times = repetitions(reader.get("times"), repeat, variables);
    const Node* index = reader.get("index");
    const Node* body = reader.get("body");
    reader.refuse_others();
    if (!body) problems_.add(repeat, "'repeat' needs a body");
    if (index && variables.count(index->word)) {
      problems_.add(*index, fmt::format("'{}' is taken", index->word));
    }
    for (int i = 1; body && i <= times && count_one(item); ++i) {
      Variables inner = variables;
      if (index) inner[index->word] = i;
      for (auto& layer : list(*body, inner)) layers.push_back(std::move(layer));
    }
  }

  int repetitions(const Node* times, const Node& repeat, const Variables& variables) {
    if (!times) {
      problems_.add(repeat, "'repeat' needs a number of times");
      return 0;
    }
    const std::string word = text(*times, times->word, variables);
    std::vector<ParamProblem> found;
    const auto repeat_count =
        Times::schema().parse({{"times", RawValue::scalar(word)}}, found);
    for (const auto& problem : found) problems_.add(*times, problem.text);
    return repeat_count.times;
  }

  std::optional<LayerSpec> one_layer(const Node& item, const Variables& variables) {
    const auto kinds =
        std::count_if(item.keys.begin(), item.keys.end(),
                      [](const std::string& key) { return key != "name"; });
    if (kinds != 1) {
      problems_.add(
          item, fmt::format("a layer has one kind beside its name; found {}: {}", kinds,
                            fmt::join(item.keys, ", ")));
      return std::nullopt;
    }
    LayerSpec layer;
    layer.place = item.place;
    if (const Node* name = item.find("name")) {
      layer.name = text(*name, name->word, variables);
      check_name(*name, layer.name);
    }
    const std::size_t kind = item.keys[0] == "name" ? 1 : 0;
    layer.kind = item.keys[kind];
    read_params(item.items[kind], variables, layer);
    return layer;
  }

  void read_params(const Node& node, const Variables& variables, LayerSpec& layer) {
    MappingReader reader(node, problems_);
    if (layer.kind == "residual") {
      if (const Node* body = reader.get("body")) {
        layer.body = list(*body, variables);
      } else {
        problems_.add(node, "a residual block needs a body");
      }
    }
    if (layer.kind == "concat") {
      read_branches(reader.get("branches"), node, variables, layer);
    }
    layer.params = reader.others();
    for (auto& [name, value] : layer.params) {
      for (auto& word : value.words) word = text(*node.find(name), word, variables);
    }
  }

  void read_branches(const Node* branches, const Node& node, const Variables& variables,
                     LayerSpec& layer) {
    if (branches == nullptr || !branches->is_list() || branches->items.size() < 2) {
      problems_.add(branches == nullptr ? node : *branches,
                    "a concat needs `branches`, two lists of layers or more");
      return;
    }
    for (const Node& branch : branches->items) {
      LayerSpec own{
          .name = {}, .kind = "branch", .params = {}, .body = {}, .place = branch.place};
      if (!layer.name.empty()) {
        own.name = fmt::format("{}/branch{}", layer.name, layer.body.size() + 1);
      }
      own.body = list(branch, variables);
      layer.body.push_back(std::move(own));
    }
  }

  void check_name(const Node& node, const std::string& name) {
    const bool is_plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
      return std::isalnum(c) || c == '_' || c == '-' || c == '.' || c == '/';
    });
    if (name.empty() || !is_plain || name.front() == '/' || name.back() == '/') {
      problems_.add(node,
                    fmt::format("'{}' is no name for a layer; use letters, digits, _, "
                                "-, . and / inside",
                                name));
    }
  }

  std::string text(const Node& node, const std::string& word,
                   const Variables& variables) {
    try {
      return expanded(word, variables);
    } catch (const ConfigError& failure) {
      problems_.add(node, failure.what());
      return "1";
    }
  }

  Problems& problems_;
  int read_ = 0;
};

template <class Visit>
void for_each_layer(std::vector<LayerSpec>& layers, const Visit& visit) {
  for (auto& layer : layers) {
    visit(layer);
    for_each_layer(layer.body, visit);
  }
}

void check_names_differ(std::vector<LayerSpec>& layers, Problems& problems) {
  std::map<std::string, int> first_lines;
  for_each_layer(layers, [&](const LayerSpec& layer) {
    if (layer.name.empty()) return;
    const auto [first, is_new] = first_lines.emplace(layer.name, layer.place.line);
    if (!is_new) {
      problems.add(layer.place, "layers",
                   fmt::format("'{}' is already the name of a layer, on line {}",
                               layer.name, first->second));
    }
  });
}

// "relu1", "relu2", ... in the order of the network, past names that are taken.
void name_the_unnamed(std::vector<LayerSpec>& layers) {
  std::map<std::string, int> taken;
  for_each_layer(layers, [&](const LayerSpec& layer) { ++taken[layer.name]; });
  std::map<std::string, int> count;
  for_each_layer(layers, [&](LayerSpec& layer) {
    while (layer.name.empty()) {
      const std::string name = fmt::format("{}{}", layer.kind, ++count[layer.kind]);
      if (!taken.count(name)) layer.name = name;
    }
  });
}

}  // namespace

std::vector<LayerSpec> read_layers(const Node& list, const Variables& variables,
                                   Problems& problems) {
  auto layers = LayerReader(problems).list(list, variables);
  check_names_differ(layers, problems);
  name_the_unnamed(layers);
  return layers;
}

}  // namespace bitsweep

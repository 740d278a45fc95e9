#include "framework/app/named_data.h"

#include <array>
#include <filesystem>

#include "framework/config/mapping_reader.h"
#include "framework/config/yaml.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

// "folder=pets" as {folder: pets}; null for other words.
Node setting_node(const std::string& text) {
  constexpr std::array kPlaces = {"folder", "npz", "hdf5"};
  const auto equals = text.find('=');
  for (const std::string key : kPlaces) {
    if (equals == key.size() && text.starts_with(key)) {
      Node node = Node::of_mapping();
      node.set(key, Node::of_word(text.substr(equals + 1)));
      return node;
    }
  }
  return {};
}

Node node_of(const std::string& text, const Place& place, Problems& problems) {
  Node node = setting_node(text);
  if (!node.is_null()) return node;
  if (text.ends_with(".yaml") || text.ends_with(".yml")) return read_yaml(text, problems);
  return parse_yaml(text, place.file, problems);
}

// A study of its own has the mapping below `dataset`.
Node dataset_in(Node node) {
  if (const Node* below = node.find("dataset")) return Node(*below);
  return node;
}

void name(DatasetSpec& spec, const Node& node) {
  if (!spec.is_own() || node.find("id")) return;
  const std::string& place = !spec.folder.empty() ? spec.folder
                             : spec.npz.empty()   ? spec.hdf5
                                                  : spec.npz;
  const auto path = fs::path(place).lexically_normal();
  spec.id = path.filename().empty() ? path.parent_path().filename().string()
                                    : path.stem().string();
}

}  // namespace

DatasetSpec named_data(const std::string& text, const std::string& option) {
  Problems problems;
  const Place place{option, 0};
  Node node = dataset_in(node_of(text, place, problems));
  if (node.place.file.empty()) node.place = place;
  DatasetSpec spec;
  if (node.is_word()) {
    spec.id = node.word;
    spec.validation = 0;
  } else {
    spec = read_fields<DatasetSpec>(node, problems);
    if (!node.find("validation")) spec.validation = 0;
    const int places =
        int(!spec.folder.empty()) + int(!spec.npz.empty()) + int(!spec.hdf5.empty());
    if (places > 1) problems.add(node, "more than one of folder, npz and hdf5");
    if (places == 0 && !node.find("id") && problems.empty()) {
      problems.add(
          node,
          "no dataset: expected an id of `bitsweep datasets`, or one of your own: "
          "folder=PATH, npz=PATH or hdf5=PATH");
    }
    name(spec, node);
  }
  problems.throw_if_any();
  return spec;
}

}  // namespace bitsweep

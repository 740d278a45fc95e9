#include "framework/config/scheme_file.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "framework/config/mapping_reader.h"
#include "framework/config/method_bits.h"
#include "framework/config/run_text.h"
#include "framework/config/yaml.h"

namespace bitsweep {
namespace {

// Null where there is none that can be used.
Node read_scheme(const Node& id, const ConfigFolders& folders, Problems& problems) {
  if (!id.is_word()) {
    problems.add(id, "the name of a scheme is expected, or a list of names");
    return {};
  }
  const auto path = folders.find("schemes", id.word);
  if (!path) {
    problems.add(id, folders.unknown("scheme", id.word, known_schemes(folders)));
    return {};
  }
  Node scheme = read_yaml(*path, problems);
  MappingReader reader(scheme, problems);
  const Node* method = reader.get("method");
  reader.get("edges");
  reader.get("trained");
  reader.refuse_others();
  if (method && method->find("id") && !method->find("scheme")) return scheme;
  problems.add(scheme, "a scheme needs a method: {id: ...}");
  return {};
}

// The lines of "# text" that a file begins with, as one.
std::string opening_comment(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string text;
  for (std::string line; std::getline(file, line) && line.starts_with("#");) {
    const auto begin = line.find_first_not_of("# ");
    if (begin == std::string::npos) continue;
    text += (text.empty() ? "" : " ") + line.substr(begin);
  }
  return text;
}

bool is_list_of_lists(const Node* node) {
  return node && node->is_list() &&
         std::all_of(node->items.begin(), node->items.end(),
                     [](const Node& item) { return item.is_list(); });
}

// Takes out of `base` what `own` says by another name of the same parameter.
void erase_other_names(Node& base, const Node& own, const MethodCatalog& methods) {
  const auto* fields = methods.fields(base.find("id")->word);
  for (const std::string& key : own.keys) {
    const FieldInfo* field = fields ? find_field(*fields, key) : nullptr;
    if (!field) continue;
    for (const std::string& name : std::vector<std::string>(base.keys)) {
      if (name != key && find_field(*fields, name) == field) base.erase(name);
    }
  }
}

// Complete, but for those that the scheme itself gives a list of alternatives.
RawParams published_params(Node method, const MethodCatalog& methods) {
  const std::string id = method.find("id")->word;
  const auto* fields = methods.fields(id);
  if (!fields) return {};
  std::vector<std::string> varied;
  for (const std::string& key : std::vector<std::string>(method.keys)) {
    const FieldInfo* field = find_field(*fields, key);
    const Node& value = *method.find(key);
    const bool is_varied =
        value.is_list() && (!field || !field->is_list() || is_list_of_lists(&value));
    if (!is_varied) continue;
    if (field) varied.push_back(field->name);
    method.erase(key);
  }
  Problems told;  // with the row itself
  std::vector<ParamProblem> found;
  RawParams params = methods.resolve(id, read_method(method, told).params, found);
  for (const auto& name : varied) params.erase(name);
  return params;
}

}  // namespace

SchemeInfo scheme_info(const std::string& id, const ConfigFolders& folders) {
  Problems problems;
  const Node scheme = read_scheme(Node::of_word(id), folders, problems);
  problems.throw_if_any();
  const auto file = *folders.find("schemes", id);
  return {id, file, opening_comment(file), settings_of(scheme)};
}

std::shared_ptr<const Scheme> scheme_of(const Node& row, const MethodCatalog& methods,
                                        const ConfigFolders& folders,
                                        Problems& problems) {
  const Node* method = row.find("method");
  const Node* id = method ? method->find("scheme") : nullptr;
  if (!id) return nullptr;
  Node node = read_scheme(*id, folders, problems);
  if (node.is_null()) return nullptr;
  Node& own = *node.find("method");
  if (const Node* other = method->find("id")) {
    problems.add(*other, fmt::format("given beside 'scheme', which sets the method ({}); "
                                     "keep one of them",
                                     own.find("id")->word));
    return nullptr;
  }
  if (!is_list_of_lists(own.find("bits"))) {
    own = with_long_bits(std::move(own), methods, problems);
  }
  return std::make_shared<const Scheme>(Scheme{id->word, std::move(node)});
}

Node with_scheme(const Node& row, const Scheme* scheme, const MethodCatalog& methods) {
  const Node* method = row.find("method");
  if (!method || !method->find("scheme")) return row;
  Node whole = row;
  if (!scheme) {  // told; the rest of the row is still looked at
    Node any = Node::of_mapping();
    any.set("id", Node::of_word("float"));
    whole.set("method", any);
    return whole;
  }
  Node own = *method;
  own.erase("scheme");
  Node base = *scheme->node.find("method");
  erase_other_names(base, own, methods);
  whole.set("method", merged(std::move(base), own));
  if (const Node* edges = scheme->node.find("edges")) {
    const Node* over = row.find("edges");
    whole.set("edges", over ? merged(*edges, *over) : *edges);
  }
  return whole;
}

std::vector<SchemeChange> changes_of(const Scheme& scheme, const RunSpec& run,
                                     const MethodCatalog& methods) {
  std::vector<SchemeChange> changes;
  const auto compare = [&](const std::string& key, const std::string& published,
                           const std::string& own) {
    if (own != published) changes.push_back({key, published, own});
  };
  const RawParams published = published_params(*scheme.node.find("method"), methods);
  for (const auto& [name, value] : published) {
    const auto own = run.method.params.find(name);
    if (own == run.method.params.end()) continue;
    compare("method." + name, value.text(), own->second.text());
  }
  const Node* set = scheme.node.find("edges");
  const RawParams whole = EdgesSpec::schema().write(EdgesSpec{});
  for (const auto& [name, own] : EdgesSpec::schema().write(run.edges)) {
    const Node* value = set ? set->find(name) : nullptr;
    if (value && !value->is_word()) continue;  // alternatives of its own
    const std::string said = value ? value->word : whole.at(name).text();
    if (own.text() == said) continue;
    changes.push_back({"edges." + name, said, own.text(), /*is_unsaid=*/!value});
  }
  const Node* trained = scheme.node.find("trained");
  if (trained && trained->is_word("true") && !run.fine_tuning) {
    changes.push_back({"fine_tuning", "trained with its quantizers", "none"});
  }
  if (!run.sites.empty()) changes.push_back({"sites", "none", "rules"});
  return changes;
}

std::vector<std::string> known_schemes(const ConfigFolders& folders) {
  std::vector<std::string> ids;
  for (const auto& path : folders.files("schemes")) ids.push_back(path.stem());
  return ids;
}

}  // namespace bitsweep

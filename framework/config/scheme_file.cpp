#include "framework/config/scheme_file.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "framework/config/mapping_reader.h"
#include "framework/config/yaml.h"

namespace bitsweep {
namespace {

// Null where there is none that can be used.
Node read_scheme(const Node& id, const ConfigFolders& folders, Problems& problems) {
  if (!id.is_word()) {
    problems.add(id, "the name of one scheme is expected; give each a row of its own");
    return {};
  }
  const auto path = folders.find("schemes", id.word);
  if (!path) {
    problems.add(id,
                 fmt::format("'{}': {}", id.word,
                             unknown_text("scheme", id.word, known_schemes(folders))));
    return {};
  }
  Node scheme = read_yaml(*path, problems);
  MappingReader reader(scheme, problems);
  const Node* method = reader.get("method");
  reader.get("edges");
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

}  // namespace

SchemeInfo scheme_info(const std::string& id, const ConfigFolders& folders) {
  Problems problems;
  const Node scheme = read_scheme(Node::of_word(id), folders, problems);
  problems.throw_if_any();
  const auto file = *folders.find("schemes", id);
  return {id, file, opening_comment(file), settings_of(scheme)};
}

Node with_scheme(const Node& row, const ConfigFolders& folders, Problems& problems) {
  const Node* method = row.find("method");
  const Node* id = method ? method->find("scheme") : nullptr;
  if (!id) return row;
  Node whole = row;
  Node own = *method;
  own.erase("scheme");
  const Node scheme = read_scheme(*id, folders, problems);
  if (scheme.is_null()) {  // told; the rest of the row is still looked at
    Node any = Node::of_mapping();
    any.set("id", Node::of_word("float"));
    whole.set("method", any);
    return whole;
  }
  whole.set("method", merged(*scheme.find("method"), own));
  if (const Node* edges = scheme.find("edges")) {
    const Node* over = row.find("edges");
    whole.set("edges", over ? merged(*edges, *over) : *edges);
  }
  // What is chosen from lists stands behind a label; single changes would not be seen.
  const bool only_lists = std::all_of(own.items.begin(), own.items.end(),
                                      [](const Node& item) { return item.is_list(); });
  if (only_lists && !row.find("label") && !row.find("edges")) whole.set("label", *id);
  return whole;
}

std::vector<std::string> known_schemes(const ConfigFolders& folders) {
  std::vector<std::string> ids;
  for (const auto& path : folders.files("schemes")) ids.push_back(path.stem());
  return ids;
}

}  // namespace bitsweep

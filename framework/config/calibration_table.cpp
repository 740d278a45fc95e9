#include "framework/config/calibration_table.h"

#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "framework/config/mapping_reader.h"
#include "framework/config/yaml.h"
#include "framework/core/digest.h"
#include "framework/core/error.h"

namespace bitsweep {
namespace {

constexpr auto kSites = "sites";

Node word(const std::string& text) { return Node::of_word(text); }
Node word(float value) { return Node::of_word(fmt::format("{:.9g}", value)); }

Node site_node(const CalibratedSite& site) {
  Node node = Node::of_mapping();
  node.set("method", word(site.method));
  if (!site.estimator.empty()) node.set("estimator", word(site.estimator));
  node.set("bits", word(std::to_string(site.bits)));
  node.set("low", word(site.low));
  node.set("high", word(site.high));
  for (const auto& [name, values] : site.state) {
    Node list = Node::of_list();
    for (const float value : values) list.items.push_back(word(value));
    node.set(name, list.items.size() == 1 ? list.items.front() : std::move(list));
  }
  return node;
}

std::optional<float> number(const Node& node) {
  float value = 0;
  const char* const end = node.word.data() + node.word.size();
  const auto read = std::from_chars(node.word.data(), end, value);
  if (!node.is_word() || read.ec != std::errc() || read.ptr != end) return {};
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

class TableReader {
 public:
  explicit TableReader(Problems& problems) : problems_(problems) {}

  CalibratedSite read(const std::string& name, const Node& node) {
    CalibratedSite site{
        .site = name, .method = {}, .estimator = {}, .state = {}, .written = node};
    if (!node.is_mapping())
      problems_.add(node, "not a mapping: {method: ..., scale: ...}");
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
      const std::string& key = node.keys[i];
      const Node& value = node.items[i];
      if (key == "method") {
        site.method = value.word;
      } else if (key == "estimator") {
        site.estimator = value.word;
      } else {
        read_numbers(key, value, site);
      }
    }
    if (site.method.empty()) problems_.add(node, "a site needs its method");
    return site;
  }

 private:
  // Ends and bits are for reading; the state says all.
  void read_numbers(const std::string& key, const Node& value, CalibratedSite& site) {
    std::vector<float> values;
    for (const Node& item : value.is_list() ? value.items : std::vector<Node>{value}) {
      const auto own = number(item);
      if (!own) problems_.add(item, fmt::format("'{}' is no number", item.word));
      values.push_back(own.value_or(0));
    }
    if (values.empty()) problems_.add(value, "an empty list; a number is expected");
    if (key == "bits" && !values.empty()) {
      site.bits = int(values.front());
    } else if (key == "low" && !values.empty()) {
      site.low = values.front();
    } else if (key == "high" && !values.empty()) {
      site.high = values.front();
    } else {
      site.state[key] = std::move(values);
    }
  }

  Problems& problems_;
};

}  // namespace

std::string calibration_table_text(const std::vector<CalibratedSite>& sites,
                                   const std::vector<std::string>& comments) {
  std::string text;
  for (const auto& line : comments) text += "# " + line + "\n";
  text += std::string(kSites) + ":\n";
  for (const auto& site : sites) {
    Node one = Node::of_mapping();
    one.set(site.site, site_node(site));
    // A line each, however long it is.
    std::string line = write_yaml(one);
    std::string indented = "  ";
    for (const char c : line) {
      indented += c;
      if (c == '\n') indented += "  ";
    }
    indented.erase(indented.find_last_not_of(" \n") + 1);
    text += indented + "\n";
  }
  return text;
}

std::vector<CalibratedSite> read_calibration_table(const std::filesystem::path& file) {
  Problems problems;
  const Node root = read_yaml(file, problems);
  MappingReader reader(root, problems);
  const Node* const sites = reader.get(kSites);
  reader.refuse_others();
  if (sites == nullptr || !sites->is_mapping()) {
    problems.add(root, "a calibration table needs sites: {conv1/input: {...}}");
  }
  std::vector<CalibratedSite> all;
  for (std::size_t i = 0; sites != nullptr && i < sites->keys.size(); ++i) {
    all.push_back(TableReader(problems).read(sites->keys[i], sites->items[i]));
  }
  problems.throw_if_any();
  return all;
}

std::string calibration_table_checksum(const std::filesystem::path& file) {
  read_calibration_table(file);  // with a sentence for what is wrong with it
  std::ifstream in(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (!in) throw ConfigError(file.string() + ": cannot be read");
  return sha256_hex(bytes);
}

void identify_calibration_tables(StudySpec& study) {
  std::map<std::string, std::string> known;
  for (RowSpec& row : study.rows) {
    for (RunSpec& run : row.runs) {
      const std::string& table = run.calibration.table;
      if (table.empty()) continue;
      if (!known.contains(table)) known[table] = calibration_table_checksum(table);
      run.calibration.table_checksum = known[table];
    }
  }
}

}  // namespace bitsweep

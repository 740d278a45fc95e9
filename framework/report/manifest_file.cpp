// The manifest as YAML behind a seal of two lines: what the file is, and the SHA-256 of
// all that follows. Fields that have their default are left out.

#include <algorithm>

#include <fmt/format.h>

#include "framework/config/mapping_reader.h"
#include "framework/config/yaml.h"
#include "framework/core/digest.h"
#include "framework/core/error.h"
#include "framework/report/manifest.h"
#include "framework/results/whole_file.h"
#include "framework/schema/schema_of.h"

namespace bitsweep {
namespace {

constexpr auto kKind = "bitsweep study ";
constexpr auto kFirstLine = "bitsweep study 2";

std::string sealed(std::string_view body) {
  return fmt::format("{}\nsha256 {}\n{}", kFirstLine, sha256_hex(body), body);
}

// ---- Writing ----

Node node_of(const RawValue& value) {
  if (!value.is_list) return Node::of_word(value.text());
  Node list = Node::of_list();
  for (const auto& word : value.words) list.items.push_back(Node::of_word(word));
  return list;
}

template <class T>
Node node_of(const T& value) {
  const auto& schema = schema_of<T>();
  static const RawParams defaults = schema.write(T{});
  const RawParams fields = schema.write(value);
  Node node = Node::of_mapping();
  for (const auto& field : schema.fields()) {
    const RawValue& own = fields.at(field.name);
    if (own != defaults.at(field.name)) node.set(field.name, node_of(own));
  }
  return node;
}

template <class T>
Node list_of(const std::vector<T>& values) {
  Node list = Node::of_list();
  for (const auto& value : values) list.items.push_back(node_of(value));
  return list;
}

struct BitsField {
  int bits = 0;
  static Schema<BitsField> schema() {
    return Schema<BitsField>{}.field("bits", &BitsField::bits, "0: see the records.",
                                     between(0, 32));
  }
};

struct RunFields {
  std::int64_t seed = 1;
  std::string digest;
  std::string baseline;
  std::string record;
  static Schema<RunFields> schema() {
    return Schema<RunFields>{}
        .field("seed", &RunFields::seed, "Of the run.")
        .field("digest", &RunFields::digest, "Of the run.")
        .field("baseline", &RunFields::baseline, "Digest of its float run.")
        .field("record", &RunFields::record, "Its file.");
  }
};

Node bits_node(const RowBits& bits) {
  Node node = node_of(BitsField{bits.bits});
  if (!bits.others.empty()) node.set("others", list_of(bits.others));
  return node;
}

Node row_node(const ManifestRow& row) {
  Node node = node_of(row);
  node.set("weight_bits", bits_node(row.weight_bits));
  node.set("activation_bits", bits_node(row.activation_bits));
  if (row.gradient_bits.any_below_float()) {
    node.set("gradient_bits", bits_node(row.gradient_bits));
  }
  node.set("edges", node_of(row.edges));
  node.set("published", node_of(row.published));
  std::vector<RunFields> runs;
  for (const auto& run : row.runs) {
    runs.push_back({run.seed, run.name.digest, run.name.baseline, run.name.record});
  }
  node.set("runs", list_of(runs));
  return node;
}

constexpr std::string_view kRows = "rows:\n";
constexpr std::string_view kRow = "  - ";  // begins a row's first line, and no other

Node rows_node(std::vector<Node> rows) {
  Node node = Node::of_mapping();
  node.set("rows", Node::of_list(std::move(rows)));
  return node;
}

// A row at a time: the nodes of ten thousand would take a hundred megabytes.
std::string body_of(const StudyManifest& manifest) {
  const Node fields = node_of(manifest);
  std::string text = fields.items.empty() ? "" : write_yaml(fields);
  if (manifest.rows.empty()) return text + write_yaml(rows_node({}));
  text += kRows;
  for (const auto& row : manifest.rows) {
    const std::string lines = write_yaml(rows_node({row_node(row)}));
    const bool is_one = !lines.starts_with(kRows);  // "rows: [{...}]"
    text += is_one ? fmt::format("{}{}\n", kRow, lines.substr(7, lines.size() - 9))
                   : lines.substr(kRows.size());
  }
  return text;
}

// ---- Reading ----

// What stands behind the seal, once it is seen to be what was written.
std::string_view body_in(std::string_view text, const std::string& place) {
  const std::string_view first = text.substr(0, text.find('\n'));
  if (!text.starts_with(kKind)) throw DataError(place + ": is not a study manifest");
  if (first != kFirstLine && first.size() <= std::string_view(kFirstLine).size() + 1) {
    throw DataError(fmt::format(
        "{}: '{}', this program reads '{}'; use the program that wrote it, or delete the "
        "file and run the study again",
        place, first, kFirstLine));
  }
  const std::size_t seal = sealed("").size();
  const std::string_view body = text.substr(std::min(seal, text.size()));
  if (text == sealed(body)) return body;
  throw DataError(
      place +
      ": its lines do not match its checksum: the file is damaged; delete it and run the "
      "study again, which keeps all finished runs");
}

RowBits read_bits(const Node* node, Problems& problems) {
  if (!node) return {};
  MappingReader reader(*node, problems);
  RowBits bits{reader.fields<BitsField>().bits, reader.groups<LayerBits>("others")};
  reader.refuse_others();
  return bits;
}

ManifestRow read_row(const Node& node, Problems& problems) {
  MappingReader reader(node, problems);
  ManifestRow row = reader.fields<ManifestRow>();
  row.weight_bits = read_bits(reader.get("weight_bits"), problems);
  row.activation_bits = read_bits(reader.get("activation_bits"), problems);
  if (const Node* bits = reader.get("gradient_bits")) {
    row.gradient_bits = read_bits(bits, problems);
  }
  row.edges = reader.group<EdgesSpec>("edges");
  row.published = reader.group<PublishedSpec>("published");
  for (auto& run : reader.groups<RunFields>("runs")) {
    row.runs.push_back({run.seed, {run.digest, run.baseline, run.record}});
  }
  reader.refuse_others();
  return row;
}

void read_rows(const Node* rows, Problems& problems, StudyManifest& manifest) {
  if (rows == nullptr) return;
  for (const Node& row : rows->items) manifest.rows.push_back(read_row(row, problems));
}

// The lines of each row, where a body has the form that it is written in.
std::vector<std::string_view> row_lines(std::string_view rows) {
  std::vector<std::string_view> lines;
  while (!rows.empty()) {
    const auto next = rows.find(fmt::format("\n{}", kRow));
    const auto size = next == rows.npos ? rows.size() : next + 1;
    lines.push_back(rows.substr(0, size));
    rows.remove_prefix(size);
  }
  return lines;
}

StudyManifest read_body(std::string_view body, const std::string& place) {
  Problems problems;
  const std::string begin_of_rows = fmt::format("{}{}", kRows, kRow);
  const auto begin = body.starts_with(begin_of_rows)
                         ? 0
                         : std::min(body.find("\n" + begin_of_rows), body.size() - 1) + 1;
  const Node root = parse_yaml(std::string(body.substr(0, begin)), place, problems);
  MappingReader reader(root, problems);
  StudyManifest manifest = reader.fields<StudyManifest>();
  read_rows(reader.get("rows"), problems, manifest);
  reader.refuse_others();
  if (begin < body.size()) {
    for (const auto lines : row_lines(body.substr(begin + kRows.size()))) {
      const Node row = parse_yaml(
          fmt::format("{}{}", kRows, lines),
          fmt::format("{}, row {}", place, manifest.rows.size() + 1), problems);
      MappingReader of_row(row, problems);
      read_rows(of_row.get("rows"), problems, manifest);
      of_row.refuse_others();
    }
  }
  problems.throw_if_any();
  return manifest;
}

}  // namespace

Schema<LayerBits> LayerBits::schema() {
  return Schema<LayerBits>{}
      .field("layers", &LayerBits::layers, "Pattern of layers.")
      .field("method", &LayerBits::method, "Id.")
      .field("bits", &LayerBits::bits, "0: the method has no such width.",
             between(0, 32));
}

Schema<ManifestRow> ManifestRow::schema() {
  return Schema<ManifestRow>{}
      .field("label", &ManifestRow::label, "In tables.")
      .field("group", &ManifestRow::group, "In tables.")
      .field("method", &ManifestRow::method, "Id.")
      .field("plugin", &ManifestRow::plugin, "SHA-256.")
      .field("pruning", &ManifestRow::pruning, "In a line.")
      .field("network", &ManifestRow::network, "In tables.")
      .field("dataset", &ManifestRow::dataset, "In tables.")
      .field("training", &ManifestRow::training, "In a line.")
      .field("fine_tuning", &ManifestRow::fine_tuning, "In a line.")
      .field("fine_tuned_control", &ManifestRow::fine_tuned_control,
             "Compared with float fine-tuned alike.")
      .field("scheme_changes", &ManifestRow::scheme_changes,
             "What it has otherwise than the scheme it names, in a line.");
}

Schema<StudyManifest> StudyManifest::schema() {
  return Schema<StudyManifest>{}
      .field("name", &StudyManifest::name, "Of the study.")
      .field("title", &StudyManifest::title, "Of its table.")
      .field("file", &StudyManifest::file, "Of the study.")
      .field("options", &StudyManifest::options, "Of the command that ran it.");
}

std::filesystem::path manifest_path(const std::filesystem::path& folder) {
  return folder / "study.txt";
}

void write_manifest(const StudyManifest& manifest, const std::filesystem::path& folder) {
  write_whole_file(manifest_path(folder), sealed(body_of(manifest)));
}

StudyManifest read_manifest(const std::filesystem::path& folder) {
  const auto path = manifest_path(folder);
  std::error_code unknown;
  if (!std::filesystem::exists(path, unknown)) {
    throw DataError(
        std::filesystem::is_directory(folder, unknown)
            ? fmt::format("{}: no results of a study (there is no {}); expected the "
                          "folder that `bitsweep run` calls --out",
                          folder.string(), path.filename().string())
            : fmt::format("{}: there is no such folder", folder.string()));
  }
  const std::string text = read_whole_file(path);
  const std::string_view body = body_in(text, path.string());
  try {
    return read_body(body, path.string());
  } catch (const ConfigError& error) {
    throw DataError(error.what());
  }
}

}  // namespace bitsweep

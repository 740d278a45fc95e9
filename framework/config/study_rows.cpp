#include "framework/config/study_rows.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "framework/config/method_bits.h"
#include "framework/config/pruning_spec.h"
#include "framework/config/training_file.h"

namespace bitsweep {
namespace {

constexpr std::size_t kMostSeeds = 1000;

// Keys that a study gives for all its rows and a row may change.
constexpr std::array kShared = {
    "edges",       "training", "fine_tuning", "sites", "start", "calibration_batches",
    "calibration", "pruning",  "baseline",    "seeds", "seed"};

struct Seeds {
  std::vector<int> seeds = {1};
  static Schema<Seeds> schema() {
    return Schema<Seeds>{}.field(
        "seeds", &Seeds::seeds, "A run for each.",
        Allowed<std::vector<int>>{"different numbers of at least 0", are_seeds});
  }
  static bool are_seeds(const std::vector<int>& seeds) {
    const std::set<int> different(seeds.begin(), seeds.end());
    return !seeds.empty() && different.size() == seeds.size() && *different.begin() >= 0;
  }
};

bool holds_lists(const Node& node) {
  return std::all_of(node.items.begin(), node.items.end(),
                     [](const Node& item) { return item.is_list(); });
}

bool is_word_list(const Node& node) {
  return std::all_of(node.items.begin(), node.items.end(),
                     [](const Node& item) { return item.is_word(); });
}

class RowReader {
 public:
  RowReader(const Node& study, const MethodCatalog& methods, const ConfigFolders& folders,
            Problems& problems)
      : study_(study), methods_(methods), folders_(folders), problems_(problems) {}

  std::vector<Row> read(MappingReader& reader) {
    Node shared = Node::of_mapping();
    for (const char* key : kShared) {
      if (const Node* value = reader.get(key)) shared.set(key, *value);
    }
    const Node* rows = reader.get("rows");
    if (!rows) return read_single(reader, shared);
    std::vector<Row> all;
    if (!rows->is_list() || rows->items.empty()) {
      problems_.add(*rows, "a list of rows is expected: [{method: {id: twn}}]");
      return all;
    }
    for (const Node& row : rows->items) {
      append_rows(row, shared, all);
      if (all.size() > kMostRuns) {
        problems_.add(row, fmt::format("more than {} rows up to here; a study has at "
                                       "most that many",
                                       kMostRuns));
        break;
      }
    }
    return all;
  }

 private:
  std::vector<Row> read_single(MappingReader& reader, const Node& shared) {
    Node row = Node::of_mapping();
    row.place = study_.place;
    for (const char* key : {"method", "group", "label", "published"}) {
      if (const Node* value = reader.get(key)) row.set(key, *value);
    }
    // Its own, and so before those of a scheme.
    if (const Node* edges = shared.find("edges")) row.set("edges", *edges);
    std::vector<Row> all;
    if (row.find("method")) {
      append_rows(row, shared, all);
    } else {
      problems_.add(study_, "a study needs rows: [{method: {id: ...}}], or one method");
    }
    return all;
  }

  void append_rows(const Node& row, const Node& shared, std::vector<Row>& all) {
    const std::size_t mistakes = problems_.added();
    check_row(row);
    std::vector<Row> rows;
    for (const Variation& named : schemes_of(row)) append_variations(named, shared, rows);
    if (rows.empty()) return;
    const auto published = read_published(row.find("published"), rows.size());
    const auto own = std::make_shared<const Node>(row);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].own = own;
      rows[i].published = published[i];
      MappingReader reader(*rows[i].node, problems_);
      rows[i].heading = reader.fields<RowHeading>();
      rows[i].seeds = read_seeds(reader);
      rows[i].is_sound = problems_.added() == mistakes;
      all.push_back(std::move(rows[i]));
    }
  }

  // The row with each of its schemes, which decide what else is a list of alternatives.
  std::vector<Variation> schemes_of(const Node& row) {
    const auto is_scheme = [](const Node&, const auto& keys, const Node&) {
      return keys == std::vector<std::string>{"method", "scheme"};
    };
    return expand(row, is_scheme, problems_);
  }

  void append_variations(const Variation& named, const Node& shared,
                         std::vector<Row>& rows) {
    const auto scheme = scheme_of(named.node, methods_, folders_, problems_);
    Node whole = with_shared(with_scheme(named.node, scheme.get(), methods_), shared);
    for (const char* key : {"method", "network"}) {
      if (Node* given = whole.find(key)) *given = with_id(*given);
    }
    const auto is_alternatives = [this](const Node& root, const auto& keys,
                                        const Node& list) {
      return is_axis(root, keys, list);
    };
    for (auto& [node, choices] : expand(whole, is_alternatives, problems_)) {
      if (Node* method = node.find("method")) {
        *method = with_long_bits(std::move(*method), methods_, problems_,
                                 scheme ? scheme->node.place.file : "");
        choices = with_long_bits(choices, *method);
      }
      choices.insert(choices.begin(), named.choices.begin(), named.choices.end());
      rows.push_back({.node = std::make_shared<const Node>(std::move(node)),
                      .choices = std::move(choices),
                      .scheme = scheme});
    }
  }

  void check_row(const Node& row) {
    MappingReader reader(row, problems_);
    for (const char* key : kShared) reader.get(key);
    for (const char* key : {"group", "label", "published"}) reader.get(key);
    reader.get("network");
    if (!reader.get("method")) problems_.add(row, "a row needs a method: {id: ...}");
    reader.refuse_others();
    const Node* own = row.find("start");
    const Node* start = own ? own : study_.find("start");
    const Node* fine_tuning = row.find("fine_tuning");
    if (start && start->is_word("scratch") && fine_tuning) {
      problems_.add(*fine_tuning, "a run from scratch is trained as 'training' says");
    }
  }

  // The row's own keys come first, so that its lists vary in the order of the row.
  static Node with_shared(const Node& row, const Node& shared) {
    Node whole = row;
    for (std::size_t i = 0; i < shared.keys.size(); ++i) {
      const auto& key = shared.keys[i];
      const Node* own = row.find(key);
      const bool is_seed = key == "seed" || key == "seeds";
      if (is_seed && (row.find("seed") || row.find("seeds"))) continue;
      if (!own) {
        whole.set(key, shared.items[i]);
      } else if (key == "edges") {
        whole.set(key, merged(shared.items[i], *own));
      } else if (key == "training" || key == "fine_tuning") {
        whole.set(key, training_over(shared.items[i], *own));
      } else if (key == "pruning") {
        whole.set(key, pruning_over(shared.items[i], *own));
      }
    }
    return whole;
  }

  bool is_axis(const Node& row, const std::vector<std::string>& keys, const Node& list) {
    if (keys.empty()) return false;
    const std::string& group = keys.front();
    // `keep: [0.5, 0.1]` and `keep: {conv1: [0.5, 0.1]}`.
    if (group == "pruning") {
      return (keys.size() == 2 || keys.size() == 3) && is_word_list(list);
    }
    if (group == "start" || group == "calibration_batches") return true;
    if (keys.size() < 2) return false;
    if (group == "calibration") return true;
    if (group == "edges") return true;
    if (group == "network") return keys.size() == 2;
    if (group == "method") return is_method_axis(*row.find("method"), keys.back(), list);
    if (group != "training" && group != "fine_tuning") return false;
    if (keys.back() == "milestones") return holds_lists(list);
    return keys.back() != "multipliers";
  }

  bool is_method_axis(const Node& method, const std::string& key, const Node& list) {
    const Node* id = method.find("id");
    if (key == "id" || !id || !id->is_word()) return key == "id";
    const auto* fields = methods_.fields(id->word);
    if (!fields) return false;
    if (key == "bits" && has_short_bits(method, methods_)) return holds_lists(list);
    for (const auto& field : *fields) {
      if (field.name == key) return !field.is_list() || holds_lists(list);
    }
    return false;
  }

  std::vector<PublishedSpec> read_published(const Node* node, std::size_t rows) {
    std::vector<PublishedSpec> published(rows);
    if (!node) return published;
    if (node->is_list() && node->items.size() != rows) {
      problems_.add(*node,
                    fmt::format("{} figures for the {} rows that the lists of this "
                                "row stand for",
                                node->items.size(), rows));
      return published;
    }
    for (std::size_t i = 0; i < rows; ++i) {
      const Node& item = node->is_list() ? node->items[i] : *node;
      if (!item.is_word("none"))
        published[i] = read_fields<PublishedSpec>(item, problems_);
    }
    return published;
  }

  std::vector<std::int64_t> read_seeds(MappingReader& reader) {
    const std::int64_t seed = reader.fields<RunSpec>().seed;
    const Node* node = reader.get("seeds");
    if (!node) return {seed};
    if (const Node* single = reader.get("seed")) {
      problems_.add(*single, "given beside 'seeds'; keep one of them");
    }
    std::vector<ParamProblem> found;
    RawParams raw;
    if (node->items.size() > kMostSeeds) {
      problems_.add(*node, fmt::format("{} seeds; at most {} are expected",
                                       node->items.size(), kMostSeeds));
      return {seed};
    }
    if (auto value = raw_value(*node, problems_)) raw["seeds"] = std::move(*value);
    const auto seeds = Seeds::schema().parse(raw, found).seeds;
    for (const auto& problem : found) problems_.add(*node, problem.text);
    return {seeds.begin(), seeds.end()};
  }

  const Node& study_;
  const MethodCatalog& methods_;
  const ConfigFolders& folders_;
  Problems& problems_;
};

}  // namespace

std::vector<Variation> expand(const Node& node, const IsAxis& is_axis,
                              Problems& problems) {
  constexpr std::size_t kMostNodes = 1'000'000;
  const std::size_t nodes = node_count(node);
  const std::size_t most = std::min(kMostRuns, kMostNodes / nodes);
  auto all = variations(node, is_axis, most);
  if (all.size() > most) {
    problems.add(node, fmt::format("its {} values stand for more than {} combinations",
                                   nodes, most));
    all.clear();
  }
  return all;
}

Node with_id(const Node& node) {
  if (!node.is_word()) return node;
  Node mapping = Node::of_mapping();
  mapping.place = node.place;
  mapping.path = node.path;
  mapping.set("id", node);
  return mapping;
}

std::vector<Row> read_rows(const Node& study, MappingReader& reader,
                           const MethodCatalog& methods, const ConfigFolders& folders,
                           Problems& problems) {
  return RowReader(study, methods, folders, problems).read(reader);
}

}  // namespace bitsweep

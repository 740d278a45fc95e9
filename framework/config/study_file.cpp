#include "framework/config/study_file.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "framework/config/mapping_reader.h"
#include "framework/config/model_file.h"
#include "framework/config/row_labels.h"
#include "framework/config/run_text.h"
#include "framework/config/study_rows.h"
#include "framework/config/training_file.h"
#include "framework/config/yaml.h"

namespace bitsweep {
namespace {

struct Heading {
  std::string name;
  std::string title;
  static Schema<Heading> schema() {
    return Schema<Heading>{}
        .field(
            "name", &Heading::name, "Names the folder of its results.",
            Allowed<std::string>{"at most 100 letters, digits, _, - and .", is_file_name})
        .field("title", &Heading::title, "Stands above its tables.");
  }
  static bool is_file_name(const std::string& name) {
    return !name.empty() && name.size() <= 100 && name.front() != '.' &&
           std::all_of(name.begin(), name.end(), [](unsigned char c) {
             return std::isalnum(c) || c == '_' || c == '-' || c == '.';
           });
  }
};

class StudyReader {
 public:
  StudyReader(Node root, const std::filesystem::path& file, const MethodCatalog& methods,
              const std::vector<std::string>& datasets, Problems& problems)
      : root_(std::move(root)),
        file_(file),
        folders_(file),
        methods_(methods),
        known_datasets_(datasets),
        problems_(problems) {}

  StudySpec read() {
    MappingReader reader(root_, problems_);
    const auto heading = reader.fields<Heading>();
    if (!root_.find("name")) problems_.add(root_, "a study needs a name");
    const auto datasets = read_datasets(reader.get("dataset"));
    const auto networks = read_networks(reader.get("network"));
    const auto rows = read_rows(root_, reader, methods_, folders_, problems_);
    reader.refuse_others();

    StudySpec study{heading.name,
                    heading.title.empty() ? heading.name : heading.title,
                    shown_path(file_),
                    {}};
    for (const auto& dataset : datasets) {
      for (const Block& block : blocks_of(networks, rows)) {
        add_rows(dataset, block, study.rows);
      }
    }
    if (problems_.empty()) name_rows(study.rows);
    return study;
  }

 private:
  // A mapping, or a list of mappings, each of which may hold lists of alternatives.
  std::vector<Node> alternatives(const Node* node, const char* key) {
    if (!node) {
      problems_.add(root_, fmt::format("a study needs a {0}: {{id: ...}}", key));
      return {};
    }
    std::vector<Node> all;
    for (const Node& item : node->is_list() ? node->items : std::vector<Node>{*node}) {
      for (auto& variation :
           variations(with_id(item), [](const Node&, const auto&keys, const Node&) {
             return keys.size() == 1;
           })) {
        all.push_back(std::move(variation.node));
      }
    }
    if (all.empty()) problems_.add(*node, "an empty list");
    return all;
  }

  std::vector<DatasetSpec> read_datasets(const Node* node) {
    std::vector<DatasetSpec> datasets;
    for (const Node& item : alternatives(node, "dataset")) {
      datasets.push_back(read_fields<DatasetSpec>(item, problems_));
      const Node* id = item.find("id");
      if (!id) {
        problems_.add(item, "a dataset needs an id");
      } else if (!known_datasets_.empty() &&
                 std::find(known_datasets_.begin(), known_datasets_.end(), id->word) ==
                     known_datasets_.end()) {
        problems_.add(*id,
                      fmt::format("'{}': {}", id->word,
                                  unknown_text("dataset", id->word, known_datasets_)));
      }
    }
    return datasets;
  }

  std::vector<ModelSpec> read_networks(const Node* node) {
    std::vector<ModelSpec> networks;
    for (const Node& item : alternatives(node, "network")) {
      networks.push_back(read_network(item, folders_, problems_));
    }
    return networks;
  }

  struct NetworkRow {
    ModelSpec network;
    const Row* row;
  };
  using Block = std::vector<NetworkRow>;

  // A block for each of the study's networks, with the rows that name none; a row that
  // names a network of its own is in that network's block, or else in the first.
  std::vector<Block> blocks_of(const std::vector<ModelSpec>& networks,
                               const std::vector<Row>& rows) {
    std::vector<Block> blocks(std::max<std::size_t>(networks.size(), 1));
    for (const Row& row : rows) {
      const Node* named = row.node.find("network");
      if (!named) {
        for (std::size_t i = 0; i < networks.size(); ++i) {
          blocks[i].push_back({networks[i], &row});
        }
        continue;
      }
      const ModelSpec network = read_network(*named, folders_, problems_);
      const auto is_same = [&](const ModelSpec& other) {
        return other.id == network.id && other.params == network.params;
      };
      const auto found = std::find_if(networks.begin(), networks.end(), is_same);
      const auto place = found == networks.end() ? 0 : found - networks.begin();
      blocks[std::size_t(place)].push_back({network, &row});
    }
    return blocks;
  }

  MethodSpec resolve_method(const Node& node) {
    const Node mapping = with_id(node);
    MethodSpec method = read_method(mapping, problems_);
    const Node* id = mapping.find("id");
    if (!id || !id->is_word()) return method;
    if (!methods_.fields(method.id)) {
      problems_.add(*id, methods_.unknown_message(method.id));
      return method;
    }
    method.plugin = methods_.plugin(method.id);
    std::vector<ParamProblem> found;
    method.params = methods_.resolve(method.id, method.params, found);
    MappingReader reader(mapping, problems_);
    for (const auto& problem : found) reader.report(problem);
    return method;
  }

  RunSpec make_run(const DatasetSpec& dataset, const ModelSpec& network, const Row& row) {
    MappingReader reader(row.node, problems_);
    RunSpec run = reader.fields<RunSpec>();
    run.dataset = dataset;
    run.network = network;
    run.edges = reader.group<EdgesSpec>("edges");
    if (const Node* method = reader.get("method")) run.method = resolve_method(*method);
    if (const Node* sites = reader.get("sites")) {
      const auto method_of = [this](const Node& node) { return resolve_method(node); };
      run.sites = read_sites(*sites, method_of, problems_);
    }
    const Node* given = reader.get("training");
    const Node training = with_recipe(given ? *given : empty_training(), network.recipe,
                                      folders_, problems_);
    run.training = read_training(training, problems_);
    run.fine_tuning =
        run.start == "scratch"
            ? run.training
            : read_fine_tuning(reader.get("fine_tuning"), training, folders_, problems_);
    return run;
  }

  Node empty_training() const {
    Node node = Node::of_mapping();
    node.place = root_.place;
    node.path = "training";
    return node;
  }

  // Baselines in front, in the order in which rows ask for them.
  void add_rows(const DatasetSpec& dataset, const Block& block,
                std::vector<RowSpec>& all) {
    std::vector<RowSpec> baselines;
    std::vector<RowSpec> quantized;
    for (const auto& [network, row] : block) {
      const RunSpec run = make_run(dataset, network, *row);
      RowSpec& baseline = baseline_of(run, row->seeds, baselines);
      if (run.is_baseline()) {
        describe_baseline(baseline, *row);
      } else {
        quantized.push_back(make_row(run, *row));
      }
    }
    for (auto& row : baselines) all.push_back(std::move(row));
    for (auto& row : quantized) all.push_back(std::move(row));
  }

  static RowSpec& baseline_of(const RunSpec& run, const std::vector<std::int64_t>& seeds,
                              std::vector<RowSpec>& baselines) {
    RunSpec wanted = run.baseline();
    const auto is_same = [&](RowSpec& row) {
      wanted.seed = row.runs.front().seed;
      return row.runs.front().canonical_text() == wanted.canonical_text();
    };
    auto found = std::find_if(baselines.begin(), baselines.end(), is_same);
    if (found == baselines.end()) {
      found = baselines.insert(found, RowSpec{"baseline", "float", {}, {}});
    }
    for (const std::int64_t seed : seeds) {
      const bool known =
          std::any_of(found->runs.begin(), found->runs.end(),
                      [&](const RunSpec& other) { return other.seed == seed; });
      wanted.seed = seed;
      if (!known) found->runs.push_back(wanted);
    }
    return *found;
  }

  static void describe_baseline(RowSpec& baseline, const Row& row) {
    if (!row.heading.group.empty()) baseline.group = row.heading.group;
    if (!row.heading.label.empty()) baseline.label = row.heading.label;
    baseline.published = row.published;
  }

  RowSpec make_row(RunSpec run, const Row& row) const {
    const auto* fields = methods_.fields(run.method.id);
    const std::vector<FieldInfo> none;
    RowSpec spec{row.heading.group,
                 row_label(row.heading.label, run, fields ? *fields : none, row.choices),
                 row.published,
                 {}};
    for (const std::int64_t seed : row.seeds) {
      run.seed = seed;
      spec.runs.push_back(run);
    }
    return spec;
  }

  void name_rows(std::vector<RowSpec>& rows) {
    make_labels_differ(rows);
    std::set<std::string> labels;
    for (const auto& row : rows) {
      if (!labels.insert(row.label).second) {
        problems_.add(
            root_.find("rows") ? *root_.find("rows") : root_,
            fmt::format("two rows are '{}'; remove one, or give it a label", row.label));
      }
    }
  }

  Node root_;
  std::filesystem::path file_;
  ConfigFolders folders_;
  const MethodCatalog& methods_;
  const std::vector<std::string>& known_datasets_;
  Problems& problems_;
};

}  // namespace

StudySpec load_study(const std::filesystem::path& file,
                     const std::vector<std::string>& overrides,
                     const MethodCatalog& methods,
                     const std::vector<std::string>& datasets) {
  Problems problems;
  Node root = read_yaml(file, problems);
  for (const auto& setting : overrides) apply_override(root, setting, problems);
  StudySpec study =
      StudyReader(std::move(root), file, methods, datasets, problems).read();
  problems.throw_if_any();
  return study;
}

}  // namespace bitsweep

#include "framework/config/study_file.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "framework/config/float_rows.h"
#include "framework/config/mapping_reader.h"
#include "framework/config/model_file.h"
#include "framework/config/override.h"
#include "framework/config/row_labels.h"
#include "framework/config/run_reader.h"
#include "framework/config/study_rows.h"
#include "framework/config/written_row.h"
#include "framework/config/yaml.h"

namespace bitsweep {
namespace {

struct StudyHeading {
  std::string name;
  std::string title;
  std::string keep = "state";
  static Schema<StudyHeading> schema() {
    return Schema<StudyHeading>{}
        .field(
            "name", &StudyHeading::name, "Names the folder of its results.",
            Allowed<std::string>{"at most 100 letters, digits, _, - and .", is_file_name})
        .field("title", &StudyHeading::title, "Stands above its tables.")
        .field("keep", &StudyHeading::keep,
               "What the record of a finished run keeps: state (its weights, its packed "
               "model and its predictions), model (without the weights: it can still be "
               "exported and scored) or predictions alone.",
               one_of({"state", "model", "predictions"}));
  }
  static bool is_file_name(const std::string& name) {
    return !name.empty() && name.size() <= 100 && name.front() != '.' &&
           std::all_of(name.begin(), name.end(), [](unsigned char c) {
             return std::isalnum(c) || c == '_' || c == '-' || c == '.';
           });
  }
};

// Datasets, and networks: each is read from its file.
constexpr std::size_t kMostAlternatives = 200;

class StudyReader {
 public:
  StudyReader(Node root, const std::filesystem::path& file, const MethodCatalog& methods,
              const std::vector<std::string>& datasets, Problems& problems)
      : root_(std::move(root)),
        file_(file),
        folders_(file),
        methods_(methods),
        known_datasets_(datasets),
        problems_(problems),
        run_reader_(file, root_.place, methods, folders_, problems) {}

  StudySpec read() {
    MappingReader reader(root_, problems_);
    const auto heading = reader.fields<StudyHeading>();
    if (!root_.find("name")) problems_.add(root_, "a study needs a name");
    const auto datasets = read_datasets(reader.get("dataset"));
    const Node* network = reader.get("network");
    const auto networks =
        !network && rows_name_networks() ? std::vector<Net>{} : read_networks(network);
    const bool is_sound = problems_.empty();
    const auto rows = read_rows(root_, reader, methods_, folders_, problems_);
    reader.refuse_others();

    StudySpec study{heading.name,
                    heading.title.empty() ? heading.name : heading.title,
                    shown_path(file_),
                    {},
                    heading.keep};
    if (!is_bounded(datasets, networks, rows)) return study;
    for (const auto& dataset : datasets) {
      for (const Block& block : blocks_of(networks, rows)) {
        add_rows(dataset, block, study.rows);
      }
    }
    if (!is_sound) study.rows.clear();
    if (problems_.empty()) name_rows(study.rows);
    return study;
  }

 private:
  template <class Spec>
  struct Written {
    Spec spec;
    std::shared_ptr<const Node> node;
  };
  using Dataset = Written<DatasetSpec>;
  using Net = Written<ModelSpec>;

  static std::shared_ptr<const Node> shared(const Node& node) {
    return std::make_shared<const Node>(node);
  }

  // A mapping, or a list of mappings, each of which may hold lists of alternatives.
  std::vector<Node> alternatives(const Node* node, const char* key) {
    if (!node) {
      problems_.add(row_without(key),
                    fmt::format("a study needs a {0}: {{id: ...}}", key));
      return {};
    }
    std::vector<Node> all;
    for (const Node& item : node->is_list() ? node->items : std::vector<Node>{*node}) {
      const auto is_axis = [](const Node&, const auto& keys, const Node&) {
        return keys.size() == 1;
      };
      for (auto& variation : expand(with_id(item), is_axis, problems_)) {
        all.push_back(std::move(variation.node));
      }
    }
    if (all.size() > kMostAlternatives) {
      problems_.add(*node, fmt::format("{} of them; a study has at most {}", all.size(),
                                       kMostAlternatives));
      return {};
    }
    if (node->is_list() && node->items.empty()) problems_.add(*node, "an empty list");
    return all;
  }

  // One place, and a name in tables that is no other dataset's.
  void check_own(const Node& node, DatasetSpec& dataset) {
    const std::array places = {&dataset.folder, &dataset.npz, &dataset.hdf5};
    std::string given;
    for (std::string* place : places) {
      if (place->empty()) continue;
      if (!given.empty()) problems_.add(node, "more than one of folder, npz and hdf5");
      const auto path = std::filesystem::path(*place).lexically_normal();
      *place = path.string();
      given = path.filename().empty() ? path.parent_path().filename().string()
                                      : path.stem().string();
    }
    if (!node.find("id")) dataset.id = given;
    const bool is_taken = std::find(known_datasets_.begin(), known_datasets_.end(),
                                    dataset.id) != known_datasets_.end();
    if (is_taken) {
      problems_.add(node, fmt::format("'{}' is the name of a dataset that comes with the "
                                      "program; give yours another: id: my-{}",
                                      dataset.id, dataset.id));
    }
  }

  std::vector<Dataset> read_datasets(const Node* node) {
    std::vector<Dataset> datasets;
    for (const Node& item : alternatives(node, "dataset")) {
      datasets.push_back({read_fields<DatasetSpec>(item, problems_), shared(item)});
      DatasetSpec& dataset = datasets.back().spec;
      const Node* id = item.find("id");
      if (dataset.is_own()) {
        check_own(item, dataset);
        continue;
      }
      if (const Node* share = item.find("test_share")) {
        problems_.add(*share, "only datasets of your own (folder, npz, hdf5) are split");
      }
      if (!id) {
        problems_.add(item,
                      "a dataset needs an id, or a folder, npz or hdf5 of your own");
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

  // Where some rows say it themselves, the first that does not; or else the study.
  const Node& row_without(const char* key) const {
    const Node* rows = root_.find("rows");
    if (!rows || !rows->is_list()) return root_;
    const auto says = [&](const Node& row) { return row.find(key) != nullptr; };
    if (std::none_of(rows->items.begin(), rows->items.end(), says)) return root_;
    const auto found = std::find_if_not(rows->items.begin(), rows->items.end(), says);
    return found == rows->items.end() ? root_ : *found;
  }

  // Then the study itself need not.
  bool rows_name_networks() const {
    const Node* rows = root_.find("rows");
    return rows && rows->is_list() && !rows->items.empty() &&
           std::all_of(rows->items.begin(), rows->items.end(),
                       [](const Node& row) { return row.find("network") != nullptr; });
  }

  std::vector<Net> read_networks(const Node* node) {
    std::vector<Net> networks;
    for (const Node& item : alternatives(node, "network")) {
      networks.push_back({read_network(item, folders_, problems_), shared(item)});
    }
    return networks;
  }

  // A run is a value of its own, its network included.
  bool is_bounded(const std::vector<Dataset>& datasets, const std::vector<Net>& networks,
                  const std::vector<Row>& rows) {
    constexpr std::size_t kMostLayersInAll = 2'000'000;
    std::size_t runs = 0;
    std::size_t most_layers = 0;
    for (const auto& network : networks) {
      most_layers = std::max(most_layers, network.spec.layers.size());
    }
    for (const Row& row : rows) {
      const std::size_t of_row = row.node->find("network") ? 1 : networks.size();
      runs += datasets.size() * of_row * row.seeds.size();
    }
    const std::size_t most =
        std::min(kMostRuns, kMostLayersInAll / std::max<std::size_t>(most_layers, 1));
    if (runs <= most) return true;
    const Node* node = root_.find("rows");
    problems_.add(node ? *node : root_,
                  fmt::format("{} runs, with networks and seeds multiplied; a study of "
                              "these networks may have {}",
                              runs, most));
    return false;
  }

  struct NetworkRow {
    Net network;
    const Row* row;
  };
  using Block = std::vector<NetworkRow>;

  // A block for each of the study's networks, with the rows that name none; a row that
  // names a network of its own is in that network's block, or else in the first; in a
  // study that names none, each of its rows' networks has a block.
  std::vector<Block> blocks_of(std::vector<Net> networks, const std::vector<Row>& rows) {
    const bool is_by_row = networks.empty();
    std::vector<Block> blocks(networks.size());
    for (const Row& row : rows) {
      const Node* named = row.node->find("network");
      if (!named) {
        for (std::size_t i = 0; i < networks.size(); ++i) {
          blocks[i].push_back({networks[i], &row});
        }
        continue;
      }
      const Net network{read_network(*named, folders_, problems_), shared(*named)};
      const auto is_same = [&](const Net& other) {
        return other.spec.id == network.spec.id &&
               other.spec.params == network.spec.params;
      };
      const auto found = std::find_if(networks.begin(), networks.end(), is_same);
      auto place = std::size_t(found - networks.begin());
      if (place == networks.size() && is_by_row) {
        networks.push_back(network);
        blocks.emplace_back();
      } else if (place == networks.size()) {
        place = 0;
      }
      blocks[place].push_back({network, &row});
    }
    return blocks;
  }

  // Baselines in front, in the order in which rows ask for them.
  void add_rows(const Dataset& dataset, const Block& block, std::vector<RowSpec>& all) {
    FloatRows baselines(problems_);
    FloatRows controls(problems_);
    std::vector<RowSpec> quantized;
    for (const auto& [network, row] : block) {
      const std::size_t mistakes = problems_.added();
      const RunSpec run = run_reader_.read(dataset.spec, network.spec, *row);
      if (!row->is_sound || problems_.added() > mistakes) continue;
      const auto written = std::make_shared<const WrittenRow>(WrittenRow{
          row->node, dataset.node, network.node, row->scheme ? row->scheme->id : "",
          row->scheme ? changes_of(*row->scheme, run, methods_)
                      : std::vector<SchemeChange>()});
      const std::size_t baseline = baselines.add(run.baseline(), row->seeds, written);
      if (run.is_float()) {
        refuse_idle_of_float(*row, problems_);
        const bool is_tuned = run.fine_tuning && row->own->find("fine_tuning");
        if (is_tuned) {
          const RunSpec tuned = run.fine_tuned_float();
          controls.describe(controls.add(tuned, row->seeds, written), *row);
        } else {
          baselines.describe(baseline, *row);
        }
        continue;
      }
      const RunSpec control = run.control();
      if (!control.is_baseline()) controls.add(control, row->seeds, written);
      quantized.push_back(make_row(run, *row, written));
    }
    for (auto& row : std::move(baselines).rows()) all.push_back(std::move(row));
    for (auto& row : std::move(controls).rows()) all.push_back(std::move(row));
    for (auto& row : quantized) all.push_back(std::move(row));
  }

  RowSpec make_row(RunSpec run, const Row& row,
                   std::shared_ptr<const WrittenRow> written) const {
    const auto* fields = methods_.fields(run.method.id);
    const std::vector<FieldInfo> none;
    const RowName name{row.heading.label, written->scheme, written->scheme_changes};
    RowSpec spec{row.heading.group,
                 row_label(name, run, fields ? *fields : none, row.choices),
                 row.published,
                 {},
                 std::move(written)};
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
  RunReader run_reader_;
};

}  // namespace

StudySpec read_study(const std::filesystem::path& file,
                     const std::vector<std::string>& overrides,
                     const MethodCatalog& methods,
                     const std::vector<std::string>& datasets, Problems& problems) {
  Node root = read_yaml(file, problems);
  for (const auto& setting : overrides) apply_override(root, setting, problems);
  StudySpec study =
      StudyReader(std::move(root), file, methods, datasets, problems).read();
  study.notes = problems.notes();
  return study;
}

}  // namespace bitsweep

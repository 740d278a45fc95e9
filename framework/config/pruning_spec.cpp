#include "framework/config/pruning_spec.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "framework/config/mapping_reader.h"

namespace bitsweep {
namespace {

// One amount as a word of the file.
struct Share {
  double keep = 1;
  double sparsity = 0;
  double quality = 0;
  static Schema<Share> schema() {
    return Schema<Share>{}
        .field("keep", &Share::keep, "Share of the weights that stays.",
               Allowed<double>{"above 0, up to 1",
                               [](const double& v) { return 0 < v && v <= 1; }})
        .field("sparsity", &Share::sparsity, "Share of the weights that goes.",
               Allowed<double>{"from 0, below 1",
                               [](const double& v) { return 0 <= v && v < 1; }})
        .field("quality", &Share::quality, "Threshold in standard deviations.",
               at_least(0.0));
  }
};

double amount_of(const Node& node, const std::string& key, Problems& problems) {
  const auto raw = raw_value(node, problems);
  if (!raw) return 1;
  std::vector<ParamProblem> found;
  const Share share = Share::schema().parse({{key, *raw}}, found);
  for (const auto& problem : found) problems.add(node, problem.text);
  if (key == "quality") return share.quality;
  constexpr double kDigits = 1e12;  // so that 1 - 0.9 is 0.1
  return key == "keep" ? share.keep
                       : std::round((1 - share.sparsity) * kDigits) / kDigits;
}

std::vector<LayerAmount> amounts_of(const Node& node, const std::string& key,
                                    Problems& problems) {
  if (!node.is_mapping()) return {{"*", amount_of(node, key, problems)}};
  std::vector<LayerAmount> amounts;
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    amounts.push_back({node.keys[i], amount_of(node.items[i], key, problems)});
  }
  if (amounts.empty()) problems.add(node, "names no layer: {conv1: 0.66, \"*\": 0.08}");
  return amounts;
}

constexpr std::array kAmounts = {"keep", "sparsity", "quality"};

Node amounts_over(const Node& base, const Node& over) {
  if (!base.is_mapping() || !over.is_mapping()) return over;
  Node all = Node::of_mapping();
  all.place = over.place;
  all.path = over.path;
  for (std::size_t i = 0; i < over.keys.size(); ++i) {
    if (!base.find(over.keys[i])) all.set(over.keys[i], over.items[i]);
  }
  for (std::size_t i = 0; i < base.keys.size(); ++i) {
    const Node* own = over.find(base.keys[i]);
    all.set(base.keys[i], own ? *own : base.items[i]);
  }
  return all;
}

}  // namespace

Node pruning_over(const Node& base, const Node& over) {
  if (!base.is_mapping() || !over.is_mapping()) return over;
  Node kept = base;
  const bool has_amounts = std::any_of(kAmounts.begin(), kAmounts.end(),
                                       [&](const char* key) { return over.find(key); });
  Node own = over;
  for (const std::string key : kAmounts) {
    const Node* amounts = over.find(key);
    const Node* shared = base.find(key);
    if (amounts && shared) own.set(key, amounts_over(*shared, *amounts));
    if (has_amounts) kept.erase(key);
  }
  return merged(std::move(kept), own);
}

Schema<PruningSpec> PruningSpec::schema() {
  return Schema<PruningSpec>{}
      .field("schedule", &PruningSpec::schedule,
             "one_shot: all at pruning.begin; gradual: along a cubic curve from begin to "
             "end; iterative: in rounds, with training between them.",
             one_of({"one_shot", "gradual", "iterative"}))
      .field("scope", &PruningSpec::scope,
             "Compare magnitudes within each layer, or over the whole network.",
             one_of({"layer", "global"}))
      .field("begin", &PruningSpec::begin,
             "Fraction of the fine-tuning after which pruning starts.", between(0.0, 1.0))
      .field("end", &PruningSpec::end,
             "Fraction of the fine-tuning after which pruning is complete.",
             between(0.0, 1.0))
      .field("updates", &PruningSpec::updates, "Number of pruning steps (gradual).",
             between(1, 10000))
      .field("rounds", &PruningSpec::rounds, "Number of pruning rounds (iterative).",
             between(1, 1000))
      .field("scale_dropout", &PruningSpec::scale_dropout,
             "Multiply dropout rates by the square root of the share of weights kept in "
             "the layer whose outputs are dropped.");
}

PruningSpec read_pruning(const Node& node, Problems& problems) {
  MappingReader reader(node, problems);
  PruningSpec pruning = reader.fields<PruningSpec>();
  int given = 0;
  for (const std::string key : kAmounts) {
    const Node* amounts = reader.get(key);
    if (amounts == nullptr) continue;
    ++given;
    pruning.amounts = amounts_of(*amounts, key, problems);
    pruning.measure = key == "quality" ? "quality" : "keep";
  }
  reader.refuse_others();
  if (given != 1) {
    problems.add(node, "needs one of 'keep', 'sparsity' and 'quality': {keep: 0.1}");
  }
  if (pruning.schedule != "one_shot" && pruning.begin > pruning.end) {
    problems.add(node, fmt::format("begins at {} and ends before, at {}", pruning.begin,
                                   pruning.end));
  }
  const auto differs = [&](const LayerAmount& a) {
    return a.amount != pruning.amounts.front().amount;
  };
  if (pruning.scope == "global" &&
      std::any_of(pruning.amounts.begin(), pruning.amounts.end(), differs)) {
    problems.add(node, "has one amount for all layers where the scope is global");
  }
  return pruning;
}

namespace {

const std::map<std::string, std::vector<std::string>>& used_fields() {
  static const std::map<std::string, std::vector<std::string>> used = {
      {"one_shot", {"schedule", "scope", "begin"}},
      {"gradual", {"schedule", "scope", "begin", "end", "updates"}},
      {"iterative", {"schedule", "scope", "begin", "end", "rounds"}}};
  return used;
}

}  // namespace

std::string pruning_schedules_with(const std::string& field,
                                   const std::string& schedule) {
  std::vector<std::string> readers;
  for (const auto& [id, fields] : used_fields()) {
    if (std::find(fields.begin(), fields.end(), field) == fields.end()) continue;
    if (id == schedule) return "";
    readers.push_back(id);
  }
  return fmt::format("{}", fmt::join(readers, ", "));
}

Node pruning_node(const PruningSpec& pruning) {
  const RawParams raw = PruningSpec::schema().write(pruning);
  Node node = Node::of_mapping();
  for (const auto& name : used_fields().at(pruning.schedule)) {
    node.set(name, Node::of_word(raw.at(name).text()));
  }
  if (pruning.scale_dropout) node.set("scale_dropout", Node::of_word("true"));
  Node amounts = Node::of_mapping();
  for (const auto& [match, amount] : pruning.amounts) {
    const auto word = Share::schema().write({.keep = amount}).at("keep").text();
    amounts.set(match, Node::of_word(word));
  }
  node.set(pruning.measure, std::move(amounts));
  return node;
}

}  // namespace bitsweep

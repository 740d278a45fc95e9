#include "framework/app/search/search_study.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "framework/config/run_text.h"
#include "framework/config/yaml.h"
#include "framework/data/dataset.h"
#include "framework/nn/attachment.h"
#include "framework/nn/network.h"

namespace bitsweep {
namespace {

bool is_value(const Site& site) {
  return site.role == Role::kInput || site.role == Role::kOutput ||
         site.role == Role::kOperand;
}

int bits_of(const Site& site, const PartBits& bits) {
  if (is_value(site)) return bits.activations;
  return site.is_convolution ? bits.convolutions : bits.fully_connected;
}

// What a search chooses.
bool is_width(const std::string& parameter) {
  return parameter == "weight_bits" || parameter == "activation_bits";
}

MethodSpec with_bits(MethodSpec method, int bits, const MethodRegistry& methods) {
  const MethodEntry& entry = methods.at(method.id);
  for (const auto& field : entry.fields) {
    if (is_width(field.name))
      method.params[field.name] = RawValue::scalar(std::to_string(bits));
  }
  return method;
}

// Whose sites the search is about: those that the method itself quantizes.
std::vector<Site> searched_sites(const RunSpec& run, const MethodRegistry& methods) {
  const DatasetInfo info = dataset_info(run.dataset);
  Network network(run.network,
                  {.image = info.shape, .classes = info.classes, .batch = 1});
  EdgesSpec edges = run.edges;
  for (std::string* policy : {&edges.first, &edges.last, &edges.bias, &edges.image}) {
    if (*policy != "method") *policy = "float";
  }
  attach_quantizers(network, run.method, edges, {}, methods);
  std::vector<Site> sites;
  for (const BoundSite* bound : network.sites()) {
    if (bound->source().is_quantized()) sites.push_back(bound->site);
  }
  return sites;
}

// As a study writes it: its source is found anew, and defaults go without saying.
MethodSpec written_method(const MethodSpec& method, const MethodRegistry& methods) {
  std::vector<ParamProblem> problems;
  const RawParams defaults = methods.at(method.id).resolve({}, problems);
  MethodSpec written{method.id, method.params};
  std::erase_if(written.params, [&](const auto& param) {
    const auto& [name, value] = param;
    const auto found = defaults.find(name);
    return !is_width(name) && found != defaults.end() && found->second == value;
  });
  return written;
}

// A remark's own line breaks stay within the comment.
std::string comment(const std::vector<std::string>& remarks) {
  std::string text;
  for (const auto& remark : remarks) {
    text += "# ";
    for (const char c : remark) text += c == '\n' ? "\n# " : std::string(1, c);
    text += '\n';
  }
  return text;
}

}  // namespace

SearchedParts searched_parts(const RunSpec& run, const MethodRegistry& methods) {
  SearchedParts parts;
  for (const Site& site : searched_sites(run, methods)) {
    (is_value(site)        ? parts.activations
     : site.is_convolution ? parts.convolutions
                           : parts.fully_connected) = true;
  }
  return parts;
}

RunSpec run_with_bits(const RunSpec& run, const PartBits& bits,
                      const MethodRegistry& methods) {
  RunSpec narrow = run;
  narrow.fine_tuning.reset();
  for (const Site& site : searched_sites(run, methods)) {
    const int width = bits_of(site, bits);
    narrow.sites.push_back(
        {site.name,
         width == kFloatBits ? MethodSpec{} : with_bits(run.method, width, methods),
         {}});
  }
  return narrow;
}

std::vector<int> legal_widths(const MethodSpec& method, const std::string& parameter,
                              const std::vector<int>& widths,
                              const MethodRegistry& methods) {
  std::vector<int> legal;
  for (const int width : widths) {
    RawParams raw = method.params;
    raw[parameter] = RawValue::scalar(std::to_string(width));
    std::vector<ParamProblem> problems;
    methods.at(method.id).resolve(raw, problems);
    if (problems.empty()) legal.push_back(width);
  }
  return legal;
}

namespace {

// As a study writes it: what a run is beside its keys is found anew when it is read.
Node written_run(const RunSpec& run, const PartBits& bits,
                 const MethodRegistry& methods) {
  RunSpec narrow = run_with_bits(run, bits, methods);
  narrow.fine_tuning = run.fine_tuning;
  narrow.data_checksum.clear();
  narrow.method = written_method(narrow.method, methods);
  for (auto& rule : narrow.sites) rule.method = written_method(rule.method, methods);
  return run_node(narrow);
}

Node rows_of(const Node& whole, const std::string& method) {
  Node row = Node::of_mapping();
  row.set("label", Node::of_word(fmt::format("{} searched", method)));
  row.set("method", *whole.find("method"));
  if (const Node* sites = whole.find("sites")) row.set("sites", *sites);
  return Node::of_list({std::move(row)});
}

}  // namespace

std::string row_text(const RunSpec& run, const PartBits& bits,
                     const MethodRegistry& methods) {
  Node rows = Node::of_mapping();
  rows.set("rows", rows_of(written_run(run, bits, methods), run.method.id));
  return write_yaml(rows);
}

std::string study_text(const std::string& name, const RunSpec& run, const PartBits& bits,
                       const MethodRegistry& methods,
                       const std::vector<std::string>& remarks) {
  const Node whole = written_run(run, bits, methods);
  Node study = Node::of_mapping();
  study.set("name", Node::of_word(name));
  Node network = Node::of_mapping();
  network.set("id", Node::of_word(run.network.id));
  const Node* parameters = whole.find("network")->find("parameters");
  for (std::size_t i = 0; i < parameters->keys.size(); ++i) {
    network.set(parameters->keys[i], parameters->items[i]);
  }
  study.set("dataset", *whole.find("dataset"));
  study.set("network", std::move(network));
  study.set("seeds", Node::of_list({Node::of_word(std::to_string(run.seed))}));
  for (const char* key : {"edges", "start", "calibration_batches", "calibration",
                          "training", "fine_tuning"}) {
    if (const Node* value = whole.find(key)) study.set(key, *value);
  }
  study.set("rows", rows_of(whole, run.method.id));

  return comment(remarks) + write_yaml(study);
}

}  // namespace bitsweep

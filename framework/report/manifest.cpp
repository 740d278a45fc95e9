#include "framework/report/manifest.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include <fmt/format.h>

#include "framework/config/optimizers.h"
#include "framework/config/written_row.h"
#include "framework/core/counted.h"
#include "framework/core/error.h"

namespace bitsweep {
namespace {

std::string joined(const std::vector<std::string>& parts, const char* separator = ", ") {
  return fmt::format("{}", fmt::join(parts, separator));
}

std::string in_parentheses(const std::string& name,
                           const std::vector<std::string>& parts) {
  return parts.empty() ? name : fmt::format("{} ({})", name, joined(parts));
}

std::string optimizer_text(const OptimizerSpec& optimizer) {
  std::string text =
      fmt::format("{}, learning rate {}", optimizer.id, optimizer.learning_rate);
  if (optimizer_kind(optimizer.id).reads("momentum") && optimizer.momentum != 0) {
    text += fmt::format(", {}momentum {}", optimizer.nesterov ? "Nesterov " : "",
                        optimizer.momentum);
  }
  if (optimizer.weight_decay != 0) {
    text += fmt::format(", weight decay {}", optimizer.weight_decay);
  }
  return text;
}

std::string training_text(const TrainingSpec& training) {
  std::vector<std::string> parts;
  parts.push_back(training.iterations != 0 ? counted(training.iterations, "iteration")
                                           : counted(training.epochs, "epoch"));
  parts.push_back(fmt::format("batches of {}", training.batch_size));
  parts.push_back(optimizer_text(training.optimizer));
  if (training.schedule.id != "fixed")
    parts.push_back(training.schedule.id + " schedule");
  if (training.loss != "cross_entropy") parts.push_back(training.loss);
  if (training.augmentation.pad != 0) {
    parts.push_back(fmt::format("shifted by up to {}", training.augmentation.pad));
  }
  if (training.augmentation.flip) parts.push_back("flipped");
  if (training.distillation) {
    parts.push_back(
        fmt::format("distilled from its float network (weight {}, temperature {})",
                    training.distillation->weight, training.distillation->temperature));
  }
  return training.recipe.empty() ? joined(parts) : training.recipe + ": " + joined(parts);
}

std::string pruning_text(const RunSpec& run) {
  if (!run.pruning) return "";
  const PruningSpec& pruning = *run.pruning;
  std::vector<std::string> parts;
  for (const auto& [match, amount] : pruning.amounts) {
    parts.push_back(fmt::format("{} {}", match, amount));
  }
  parts.push_back(pruning.schedule);
  if (pruning.scope != "layer") parts.push_back(pruning.scope);
  if (pruning.scale_dropout) parts.push_back("dropout scaled");
  return pruning.measure + " " + joined(parts);
}

// "calibrated by FILE", "calibrated on 500 images, drawn by seed 3", ...
std::string calibration_text(const RunSpec& run) {
  const CalibrationSpec& own = run.calibration;
  if (!own.table.empty()) return "calibrated by " + own.table;
  const std::string drawn =
      own.seed > 0 ? fmt::format(", drawn by seed {}", own.seed) : "";
  const int batches = run.calibration_batches;
  const std::string set =
      own.images > 0 ? counted(own.images, "image")
                     : fmt::format("{} batch{}", batches, batches == 1 ? "" : "es");
  return fmt::format("calibrated on {}{}", set, drawn);
}

bool has_usual_calibration(const RunSpec& run) {
  const RunSpec usual;
  return run.calibration == usual.calibration &&
         run.calibration_batches == usual.calibration_batches;
}

std::string fine_tuning_text(const RunSpec& run) {
  if (run.is_baseline()) return "";
  const std::string calibrated =
      run.is_float() || has_usual_calibration(run) ? "" : "; " + calibration_text(run);
  if (run.start == "scratch") {
    return "none: trained from scratch, " + training_text(run.training) + calibrated;
  }
  const std::string pruned =
      run.pruning ? fmt::format("pruned ({}); ", pruning_text(run)) : "";
  if (run.fine_tuning) return pruned + training_text(*run.fine_tuning) + calibrated;
  return pruned + "none: " + calibration_text(run);
}

// 0 for a method without that parameter.
int width(const MethodSpec& method, const std::string& name) {
  if (method.id == "float") return 32;
  const auto found = method.params.find(name);
  if (found == method.params.end()) return 0;
  const std::string word = found->second.text();
  int bits = 0;
  std::from_chars(word.data(), word.data() + word.size(), bits);
  return bits;
}

// "fc*" of "fc*/weight", when the pattern may match sites of that role.
std::string layers_of(const std::string& pattern, const std::set<std::string>& roles) {
  const auto slash = pattern.rfind('/');
  if (slash == pattern.npos) return pattern;
  const auto role = pattern.substr(slash + 1);
  const bool matches = roles.contains(role) || role.find('*') != role.npos;
  return matches ? pattern.substr(0, slash) : "";
}

// The method's bits and those of the sites that have others. A method without the
// parameter does not quantize such sites by `otherwise`.
RowBits bits_of(const RunSpec& run, const std::string& name,
                const std::set<std::string>& roles, int otherwise) {
  RowBits row{width(run.method, name), {}};
  if (row.bits == 0) row.bits = otherwise;
  if (row.bits == 0) return row;
  for (const auto& rule : run.sites) {
    const auto layers = layers_of(rule.match, roles);
    if (layers.empty()) continue;
    row.others.push_back({layers, rule.method.id, width(rule.method, name)});
  }
  return row;
}

// A method without the parameter leaves gradients in float.
RowBits gradient_bits_of(const RunSpec& run) {
  RowBits row = bits_of(run, "gradient_bits", {"gradient"}, 32);
  for (auto& other : row.others) other.bits = other.bits == 0 ? 32 : other.bits;
  std::erase_if(row.others,
                [&](const LayerBits& other) { return other.bits == row.bits; });
  return row;
}

// A score on part of the data must not pass for one on all of it.
std::string dataset_text(const DatasetSpec& dataset) {
  std::vector<std::string> limits;
  if (dataset.train_limit != 0) {
    limits.push_back(fmt::format("training on {}", dataset.train_limit));
  }
  if (dataset.test_limit != 0) {
    limits.push_back(fmt::format("test on {}", dataset.test_limit));
  }
  return in_parentheses(dataset.id, limits);
}

std::vector<std::string> parameter_texts(const RawParams& params) {
  std::vector<std::string> texts;
  for (const auto& [name, value] : params) texts.push_back(name + " " + value.text());
  return texts;
}

/// Names networks by id, with their parameters where one id stands for several.
class NetworkNames {
 public:
  explicit NetworkNames(const StudySpec& study) {
    for (const auto& row : study.rows) {
      for (const auto& run : row.runs) {
        variants_[run.network.id].insert(joined(parameter_texts(run.network.params)));
      }
    }
  }
  std::string of(const ModelSpec& network) const {
    if (variants_.at(network.id).size() == 1) return network.id;
    return in_parentheses(network.id, parameter_texts(network.params));
  }

 private:
  std::map<std::string, std::set<std::string>> variants_;
};

ManifestRow row_of(const RowSpec& row, const NetworkNames& networks) {
  ensure(!row.runs.empty(), "a row has a run for each seed");
  const RunSpec& run = row.runs.front();
  return {
      .label = row.label,
      .group = row.group,
      .method = run.method.id,
      .plugin = run.method.plugin,
      .network = networks.of(run.network),
      .dataset = dataset_text(run.dataset),
      .weight_bits = bits_of(run, "weight_bits", {"weight"}, 0),
      .activation_bits = bits_of(run, "activation_bits", {"input", "output"}, 32),
      .gradient_bits = gradient_bits_of(run),
      .edges = run.edges,
      .pruning = pruning_text(run),
      .training = training_text(run.training),
      .fine_tuning = fine_tuning_text(run),
      .fine_tuned_control = !run.is_float() && !run.control().is_baseline(),
      .scheme_changes = row.written && !run.is_float() ? changes_text(*row.written) : "",
      .published = row.published,
      .runs = {}};
}

}  // namespace

int RowBits::widest() const {
  int widest = bits;
  for (const auto& other : others) widest = std::max(widest, other.bits);
  return widest;
}

bool RowBits::any_below_float() const {
  const auto is_below = [](int width) { return width > 0 && width < 32; };
  return is_below(bits) ||
         std::any_of(others.begin(), others.end(),
                     [&](const LayerBits& other) { return is_below(other.bits); });
}

std::string LayerBits::text() const {
  return fmt::format("{}: {}", layers, bits == 0 ? method : std::to_string(bits));
}

std::string RowBits::text() const {
  if (!is_known()) return "";
  std::vector<std::string> exceptions;
  for (const auto& other : others) exceptions.push_back(other.text());
  return in_parentheses(std::to_string(bits), exceptions);
}

StudyManifest make_manifest(const StudySpec& study,
                            const std::function<RunName(const RunSpec&)>& name_of) {
  const NetworkNames networks(study);
  StudyManifest manifest{study.name, study.title, study.file, {}, {}};
  for (const auto& row : study.rows) {
    auto& entry = manifest.rows.emplace_back(row_of(row, networks));
    for (const auto& run : row.runs) entry.runs.push_back({run.seed, name_of(run)});
  }
  return manifest;
}

}  // namespace bitsweep

#include "framework/app/check_run.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <optional>
#include <sstream>

#include <fmt/format.h>

#include "framework/app/without_effect.h"
#include "framework/core/error.h"
#include "framework/core/memory.h"
#include "framework/data/dataset.h"
#include "framework/nn/attachment.h"
#include "framework/nn/memory.h"
#include "framework/nn/network.h"
#include "framework/train/optimizer.h"
#include "framework/train/pruner.h"
#include "framework/train/table_grids.h"

namespace bitsweep {
namespace {

// "dataset.validation" of "dataset.validation: 5 images ...", or "".
std::string leading_key(const std::string& line) {
  constexpr std::array kGroups = {"dataset", "network", "training", "fine_tuning",
                                  "sites",   "pruning", "edges",    "method"};
  const std::string key = line.substr(0, line.find(": "));
  if (key.find(':') != std::string::npos) return "";  // a place: "sites.yaml:7"
  const std::string group = key.substr(0, key.find('.'));
  for (const std::string known : kGroups) {
    if (group == known && key.size() < line.size()) return key;
  }
  return "";
}

// A run that swaps, or is killed halfway, is worse than one that does not begin.
void check_memory(const Network& network, const char* key, const TrainingSpec& training) {
  const auto estimate = estimate_memory(network, training);
  if (estimate.total() <= memory_limit()) return;
  throw ConfigError(fmt::format(
      "{}.batch_size: {}: training needs about {} ({} for activations, {} for "
      "weights and optimizer), this machine has {}; lower the batch size or take a "
      "smaller network",
      key, training.batch_size, memory_text(estimate.total()),
      memory_text(estimate.activations),
      memory_text(estimate.weights + estimate.optimizer + estimate.kept),
      memory_text(memory_limit())));
}

// Each step gathers what it refuses; false where it refused something.
class Steps {
 public:
  bool take(const std::string& key, const std::function<void()>& step) {
    try {
      step();
      return true;
    } catch (const DataError& error) {  // it begins with its file
      problems_.push_back({key, error.what()});
      return false;
    } catch (const Error& error) {
      for (auto& problem : keyed_problems(error.what(), key)) {
        problems_.push_back(std::move(problem));
      }
      return false;
    }
  }
  std::vector<RunProblem> problems() && { return std::move(problems_); }

 private:
  std::vector<RunProblem> problems_;
};

bool has_own_fine_tuning(const RunSpec& spec) {
  return spec.fine_tuning && spec.start == "baseline";
}

bool is_placed(const std::string& line, const RunSpec& spec) {
  const auto begins = [&](const auto& rules) {
    for (const auto& rule : rules) {
      const std::string prefix = rule.place.prefix();
      if (!prefix.empty() && line.starts_with(prefix)) return true;
    }
    return false;
  };
  return begins(spec.sites) || begins(spec.training.multipliers) ||
         (spec.fine_tuning && begins(spec.fine_tuning->multipliers));
}

}  // namespace

std::vector<RunProblem> keyed_problems(const std::string& sentences,
                                       const std::string& otherwise) {
  std::vector<RunProblem> problems;
  std::istringstream lines(sentences);
  for (std::string line; std::getline(lines, line);) {
    const std::string key = leading_key(line);
    if (key.empty()) {
      problems.push_back({otherwise, line});
    } else {
      problems.push_back({key, line.substr(key.size() + 2)});
    }
  }
  return problems;
}

namespace {

// Whether it has widths, and one of them below that of float.
bool asks_for_fewer_bits(const MethodSpec& method) {
  return std::any_of(method.params.begin(), method.params.end(), [](const auto& param) {
    const auto& [name, value] = param;
    return (name == "weight_bits" || name == "activation_bits") && value.text() != "32";
  });
}

// False of float, and where all widths are written as float's.
bool asks_for_quantization(const MethodSpec& method) {
  if (method.id == "float") return false;
  const bool has_widths =
      method.params.contains("weight_bits") || method.params.contains("activation_bits");
  return !has_widths || asks_for_fewer_bits(method);
}

// What the run would find wrong with its table.
std::vector<RunProblem> table_problems(Network& network, const RunSpec& spec) {
  const std::string& table = spec.calibration.table;
  if (table.empty() || spec.is_float()) return {};
  if (!std::filesystem::exists(table)) {
    return {
        {"calibration.table",
         fmt::format("'{}' is not there; `bitsweep calibrate` writes a table", table)}};
  }
  std::vector<RunProblem> problems;
  try {
    Problems found;
    take_grids(network, spec, found);
    found.throw_if_any();
  } catch (const ConfigError& error) {
    std::istringstream lines(error.what());
    for (std::string line; std::getline(lines, line);) problems.push_back({"", line});
  }
  return problems;
}

// Its table would say bits that nothing has.
void refuse_float_in_disguise(const Network& network, const RunSpec& spec) {
  if (!asks_for_fewer_bits(spec.method)) return;
  const auto& sites = network.sites();
  if (std::any_of(sites.begin(), sites.end(),
                  [](const BoundSite* bound) { return bound->is_quantized(); })) {
    return;
  }
  const bool has_only_edges = network.weighted_layers().size() <= 2 && spec.sites.empty();
  throw ConfigError(
      has_only_edges
          ? "quantizes nothing: the network has a first and a last layer alone, which "
            "edges leave in float; set edges: {first: method, last: method}"
          : "quantizes nothing: edges and sites leave every layer in float");
}

// Rules that would change nothing, though they ask for a method.
void refuse_idle_rules(const Network& network, const RunSpec& spec) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < spec.sites.size(); ++i) {
    const SiteRule& rule = spec.sites[i];
    std::vector<std::string> owned;
    bool has_any = false;
    for (const BoundSite* bound : network.sites()) {
      if (bound->owner != int(i) + 1) continue;
      owned.push_back(bound->site.name);
      has_any |= bound->is_quantized();
    }
    const auto refuse = [&](const std::string& sentence) {
      lines.push_back(
          fmt::format("{}sites: '{}': {}", rule.place.prefix(), rule.match, sentence));
    };
    if (owned.empty()) {
      refuse(
          "has no effect: rules before it take all sites that it matches; remove it, "
          "or move it to the front");
    } else if (!has_any && asks_for_quantization(rule.method)) {
      refuse(
          fmt::format("quantizes nothing: of {} '{}' quantizes none; leave a site in "
                      "float with method: {{id: float}}",
                      fmt::join(owned, ", "), rule.method.id));
    }
  }
  if (!lines.empty()) throw ConfigError(fmt::format("{}", fmt::join(lines, "\n")));
}

}  // namespace

std::vector<RunProblem> check_run(const RunSpec& spec, const MethodRegistry& methods,
                                  std::size_t training_images) {
  Steps steps;
  std::optional<DatasetInfo> info;
  std::optional<Network> network;
  const bool is_built = steps.take("dataset", [&] {
    info = dataset_info(spec.dataset);
  }) && steps.take("network", [&] {
    network.emplace(
        spec.network,
        NetworkOptions{.image = info->shape, .classes = info->classes, .batch = 1});
  });
  if (!is_built) return std::move(steps).problems();
  MethodList made;
  const bool is_attached = steps.take("method", [&] {
    made = attach_quantizers(*network, spec.method, spec.edges, spec.sites, methods);
    refuse_float_in_disguise(*network, spec);
    refuse_idle_rules(*network, spec);
  });
  if (is_attached) {
    steps.take("pruning",
               [&] { Pruner(*network, spec.pruning ? &*spec.pruning : nullptr, made); });
  }
  const auto look = [&](const char* key, const TrainingSpec& training) {
    steps.take(key, [&] { check_memory(*network, key, training); });
    steps.take(key, [&] {
      Optimizer(training.optimizer, training.multipliers, network->parameters());
    });
  };
  look("training", spec.training);
  if (has_own_fine_tuning(spec)) look("fine_tuning", *spec.fine_tuning);
  auto problems = std::move(steps).problems();
  for (auto& problem : problems) {
    if (is_placed(problem.text, spec)) problem.key.clear();
  }
  if (is_attached) {
    for (RunProblem& found : table_problems(*network, spec)) {
      problems.push_back(std::move(found));
    }
    const auto idle = settings_without_effect(*network, spec, made, training_images);
    problems.insert(problems.end(), idle.begin(), idle.end());
  }
  return problems;
}

double training_memory(const RunSpec& spec, const MethodRegistry& methods) {
  const DatasetInfo info = dataset_info(spec.dataset);
  Network network(spec.network,
                  {.image = info.shape, .classes = info.classes, .batch = 1});
  attach_quantizers(network, spec.method, spec.edges, spec.sites, methods);
  const auto bytes_of = [&](const TrainingSpec& training) {
    return estimate_memory(network, training).total();
  };
  double bytes = bytes_of(spec.training);
  if (has_own_fine_tuning(spec)) bytes = std::max(bytes, bytes_of(*spec.fine_tuning));
  return bytes;
}

namespace {

// Grids are chosen on each image once.
std::vector<RunProblem> calibration_problems(const RunSpec& run, std::size_t images) {
  if (run.is_float() || !run.calibration.table.empty()) return {};
  const auto& training = run.fine_tuning ? *run.fine_tuning : run.training;
  const auto batch = std::size_t(training.batch_size);
  const auto wanted = std::size_t(run.calibration.images);
  if (wanted == 0) {
    const std::size_t batches = std::size_t(run.calibration_batches);
    // Where data are fewer than the default asks for, it goes over them again.
    const bool is_default = run.calibration_batches == RunSpec{}.calibration_batches;
    if (is_default || batches * batch <= images || batch > images) return {};
    return {
        {"calibration_batches",
         fmt::format("{} batches of {} are more than the {} training images of {}; at "
                     "most {} are whole",
                     batches, batch, images, run.dataset.id, images / batch)}};
  }
  if (wanted > images) {
    return {{"calibration.images",
             fmt::format("{} are more than the {} training images of {}", wanted, images,
                         run.dataset.id)}};
  }
  if (wanted % batch == 0) return {};
  const std::size_t fewer = wanted / batch * batch;
  return {{"calibration.images",
           fmt::format("{} are no whole number of batches of {} (batch_size); take {}",
                       wanted, batch, fewer > 0 ? fewer : batch)}};
}

}  // namespace

std::vector<RunProblem> batch_problems(const RunSpec& run, std::size_t images) {
  std::vector<RunProblem> problems;
  const auto look = [&](const char* key, const TrainingSpec& training) {
    if (std::size_t(training.batch_size) <= images) return;
    problems.push_back(
        {fmt::format("{}.batch_size", key),
         fmt::format("{} is more than the {} training images of {}; make it smaller",
                     training.batch_size, images, run.dataset.id)});
  };
  look("training", run.training);
  const auto more = calibration_problems(run, images);
  problems.insert(problems.end(), more.begin(), more.end());
  const bool is_its_own =
      has_own_fine_tuning(run) && run.fine_tuning->batch_size != run.training.batch_size;
  if (is_its_own) look("fine_tuning", *run.fine_tuning);
  return problems;
}

}  // namespace bitsweep

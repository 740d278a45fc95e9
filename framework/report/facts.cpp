#include "framework/report/facts.h"

#include <algorithm>

#include <fmt/format.h>

namespace bitsweep {
namespace {

constexpr std::size_t kShownDigits = 12;  // of a SHA-256 sum

// The way that most rows share without a name, then the others with the names of theirs.
std::vector<std::string> training_facts(const StudyManifest& manifest, const char* kind,
                                        std::string ManifestRow::*way,
                                        std::string ManifestRow::*name) {
  struct Use {
    std::size_t rows = 0;
    Distinct names;
  };
  Distinct ways;
  std::map<std::string, Use> uses;
  for (const auto& row : manifest.rows) {
    ways.add(row.*way);
    Use& use = uses[row.*way];
    ++use.rows;
    use.names.add(row.*name);
  }
  auto order = ways.texts();
  std::stable_sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
    return uses[a].rows > uses[b].rows;
  });
  constexpr std::size_t kMostWays = 100;
  std::vector<std::string> facts;
  for (const auto& text : order) {
    if (facts.size() == kMostWays) {
      facts.push_back(
          fmt::format("{}: {} more ways; `bitsweep diff` tells two runs apart", kind,
                      order.size() - kMostWays));
      break;
    }
    facts.push_back(facts.empty() ? fmt::format("{}: {}", kind, text)
                                  : fmt::format("{} of {}: {}", kind,
                                                uses[text].names.joined(), text));
  }
  return facts;
}

std::string program_text(const RunRecord& record) {
  return fmt::format("{}, revision {}, results version {}", record.provenance.program,
                     record.provenance.revision, record.results_version);
}

std::string machine_text(const Provenance& machine) {
  Distinct parts;
  parts.add(machine.cpu);
  parts.add(fmt::format("{} thread{}", machine.threads, machine.threads == 1 ? "" : "s"));
  parts.add(machine.engine);
  parts.add(fmt::format("{} for {}", machine.compiler, machine.arch));
  parts.add(machine.host_os);
  return parts.joined();
}

void append(std::vector<std::string>& list, const std::vector<std::string>& more) {
  list.insert(list.end(), more.begin(), more.end());
}

}  // namespace

void StudyFacts::add(const ManifestRow& row, const RowRecords& records) {
  for (const auto& run : row.runs) {
    const RunRecord* record = records.find(run.name.digest);
    if (!record) continue;
    for (const auto& warning : record->warnings) {
      warnings_.add(fmt::format("{}, seed {}: {}", row.label, run.seed, warning));
    }
    if (record->status != "done") continue;
    // More checksums than one would show.
    Distinct& origin = origins_[row.dataset];
    origin.add(record->data_title);
    origin.add("SHA-256 " + record->data_checksum.substr(0, kShownDigits));
    programs_.add("program: " + program_text(*record));
    machines_.add("machine: " + machine_text(record->provenance));
  }
}

std::vector<std::string> StudyFacts::lines(const StudyManifest& manifest) const {
  Distinct datasets;
  Distinct networks;
  Distinct plugins;
  for (const auto& row : manifest.rows) {
    datasets.add(row.dataset);
    networks.add(row.network);
    if (row.plugin.empty()) continue;
    plugins.add(fmt::format("plugin: {}, SHA-256 {}", row.method,
                            row.plugin.substr(0, kShownDigits)));
  }
  // "data: fashion-mnist (Fashion-MNIST, SHA-256 1a2b3c4d5e6f)".
  std::vector<std::string> facts;
  for (const auto& dataset : datasets.texts()) {
    const auto origin = origins_.find(dataset);
    facts.push_back(
        "data: " + dataset +
        (origin == origins_.end() ? "" : fmt::format(" ({})", origin->second.joined())));
  }
  facts.push_back("networks: " + networks.joined());
  append(facts, training_facts(manifest, "training", &ManifestRow::training,
                               &ManifestRow::network));
  append(facts, training_facts(manifest, "fine-tuning", &ManifestRow::fine_tuning,
                               &ManifestRow::label));
  append(facts, plugins.texts());
  append(facts, programs_.texts());
  append(facts, machines_.texts());
  return facts;
}

}  // namespace bitsweep

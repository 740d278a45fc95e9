#include "framework/report/facts.h"

#include <algorithm>

#include <fmt/format.h>

namespace bitsweep {
namespace {

constexpr std::size_t kShownDigits = 12;  // of a SHA-256 sum

/// Every finished run's record with its row, in the study's order.
template <class Visitor>
void visit_done(const StudyManifest& manifest, const StudyRecords& records,
                Visitor&& visit) {
  for (const auto& row : manifest.rows) {
    for (const auto& run : row.runs) {
      const RunRecord* record = records.find_done(run.name.digest);
      if (record) visit(row, *record);
    }
  }
}

// "Fashion-MNIST, SHA-256 1a2b3c4d5e6f" of a dataset; more checksums than one would show.
std::string data_origin(const std::string& dataset, const StudyManifest& manifest,
                        const StudyRecords& records) {
  Distinct parts;
  visit_done(manifest, records, [&](const ManifestRow& row, const RunRecord& record) {
    if (row.dataset != dataset) return;
    parts.add(record.data_title);
    parts.add("SHA-256 " + record.data_checksum.substr(0, kShownDigits));
  });
  return parts.joined();
}

std::vector<std::string> data_facts(const StudyManifest& manifest,
                                    const StudyRecords& records) {
  Distinct datasets;
  for (const auto& row : manifest.rows) datasets.add(row.dataset);
  std::vector<std::string> facts;
  for (const auto& dataset : datasets.texts()) {
    const auto origin = data_origin(dataset, manifest, records);
    facts.push_back("data: " + dataset +
                    (origin.empty() ? "" : fmt::format(" ({})", origin)));
  }
  return facts;
}

// The way that most rows share without a name, then the others with the names of theirs.
std::vector<std::string> training_facts(const StudyManifest& manifest, const char* kind,
                                        std::string ManifestRow::*way,
                                        std::string ManifestRow::*name) {
  Distinct ways;
  std::map<std::string, std::size_t> rows;
  for (const auto& row : manifest.rows) {
    ways.add(row.*way);
    ++rows[row.*way];
  }
  auto order = ways.texts();
  std::stable_sort(order.begin(), order.end(),
                   [&](const auto& a, const auto& b) { return rows[a] > rows[b]; });
  std::vector<std::string> facts;
  for (const auto& text : order) {
    Distinct names;
    for (const auto& row : manifest.rows) {
      if (row.*way == text) names.add(row.*name);
    }
    facts.push_back(facts.empty()
                        ? fmt::format("{}: {}", kind, text)
                        : fmt::format("{} of {}: {}", kind, names.joined(), text));
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

std::vector<std::string> facts_of(const StudyManifest& manifest,
                                  const StudyRecords& records) {
  Distinct networks;
  for (const auto& row : manifest.rows) networks.add(row.network);
  Distinct plugins;
  for (const auto& row : manifest.rows) {
    if (row.plugin.empty()) continue;
    plugins.add(fmt::format("plugin: {}, SHA-256 {}", row.method,
                            row.plugin.substr(0, kShownDigits)));
  }
  Distinct programs;
  Distinct machines;
  visit_done(manifest, records, [&](const ManifestRow&, const RunRecord& record) {
    programs.add("program: " + program_text(record));
    machines.add("machine: " + machine_text(record.provenance));
  });
  auto facts = data_facts(manifest, records);
  facts.push_back("networks: " + networks.joined());
  append(facts, training_facts(manifest, "training", &ManifestRow::training,
                               &ManifestRow::network));
  append(facts, training_facts(manifest, "fine-tuning", &ManifestRow::fine_tuning,
                               &ManifestRow::label));
  append(facts, plugins.texts());
  append(facts, programs.texts());
  append(facts, machines.texts());
  return facts;
}

std::vector<std::string> warnings_of(const StudyManifest& manifest,
                                     const StudyRecords& records) {
  Distinct warnings;
  for (const auto& row : manifest.rows) {
    for (const auto& run : row.runs) {
      const RunRecord* record = records.find(run.name.digest);
      if (!record) continue;
      for (const auto& warning : record->warnings) {
        warnings.add(fmt::format("{}, seed {}: {}", row.label, run.seed, warning));
      }
    }
  }
  return warnings.texts();
}

}  // namespace bitsweep

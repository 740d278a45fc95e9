#include "framework/app/record_diff.h"

#include <map>
#include <set>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/report/manifest.h"
#include "framework/report/report.h"

namespace bitsweep {
namespace {

using Values = std::map<std::string, std::string>;

Values provenance_of(const RunRecord& record) {
  const Provenance& p = record.provenance;
  return {{"program", p.program},
          {"revision", p.revision},
          {"compiler", p.compiler},
          {"arch", p.arch},
          {"engine", p.engine},
          {"cpu", p.cpu},
          {"host_os", p.host_os},
          {"threads", std::to_string(p.threads)},
          {"results_version", std::to_string(record.results_version)},
          {"data_checksum", record.data_checksum}};
}

Values result_of(const RunRecord& record) {
  Values values = {{"status", record.status}, {"failure", record.failure}};
  for (const auto& [name, value] : record.metrics)
    values[name] = fmt::format("{}", value);
  for (const auto& size : record.sizes) {
    values["bits of " + size.site] = fmt::format("{}", size.bits);
  }
  for (std::size_t i = 0; i < record.warnings.size(); ++i) {
    values[fmt::format("warning {}", i + 1)] = record.warnings[i];
  }
  return values;
}

std::string shown(const Values& values, const std::string& name) {
  const auto found = values.find(name);
  return found == values.end() ? "(none)" : found->second;
}

// "configuration:\n  seed: 1 | 2\n", or "".
std::string section(const char* title, const Values& a, const Values& b) {
  std::set<std::string> names;
  for (const Values* values : {&a, &b}) {
    for (const auto& [name, value] : *values) names.insert(name);
  }
  std::string text;
  for (const auto& name : names) {
    const auto left = shown(a, name);
    const auto right = shown(b, name);
    if (left != right) text += fmt::format("  {}: {} | {}\n", name, left, right);
  }
  return text.empty() ? "" : fmt::format("{}:\n{}", title, text);
}

std::string prediction_text(const RunRecord& a, const RunRecord& b) {
  if (a.predictions == b.predictions) return "";
  if (a.predictions.size() != b.predictions.size() || a.labels != b.labels) {
    return fmt::format("predictions: of {} and {} test images, not the same ones\n",
                       a.predictions.size(), b.predictions.size());
  }
  std::size_t differing = 0;
  for (std::size_t i = 0; i < a.predictions.size(); ++i) {
    differing += a.predictions[i] != b.predictions[i];
  }
  return fmt::format("predictions: {} of {} differ\n", differing, a.predictions.size());
}

bool same_values(const StoredTensor& a, const StoredTensor& b) {
  return a.shape == b.shape && a.values == b.values;
}

std::string weight_text(const RunRecord& a, const RunRecord& b) {
  if (a.state.empty() || b.state.empty()) return "";  // not kept
  std::string text;
  for (const auto& [name, tensor] : a.state) {
    const auto other = b.state.find(name);
    if (other == b.state.end() || !same_values(tensor, other->second)) {
      text += (text.empty() ? "" : ", ") + name;
    }
  }
  return text.empty() ? "" : fmt::format("weights differ: {}\n", text);
}

std::string indented(const std::string& text) {
  std::string result;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = text.find('\n', begin) + 1;
    result += "  " + text.substr(begin, end - begin);
    begin = end;
  }
  return result;
}

/// Where the records of a folder are, by row and seed.
std::map<std::string, std::filesystem::path> records_of(
    const std::filesystem::path& folder) {
  std::map<std::string, std::filesystem::path> records;
  for (const auto& row : read_manifest(folder).rows) {
    for (const auto& run : row.runs) {
      records[fmt::format("{}, seed {}", row.label, run.seed)] = folder / run.name.record;
    }
  }
  return records;
}

}  // namespace

Difference record_difference(const RunRecord& a, const RunRecord& b) {
  std::string text = section("configuration", settings_of(a), settings_of(b)) +
                     section("provenance", provenance_of(a), provenance_of(b)) +
                     section("result", result_of(a), result_of(b)) +
                     prediction_text(a, b) + weight_text(a, b);
  const bool same = text.empty();
  return {std::move(text), same};
}

Difference folder_difference(const std::filesystem::path& a,
                             const std::filesystem::path& b) {
  const auto left = records_of(a);
  const auto right = records_of(b);
  Difference difference;
  const auto tell = [&](const std::string& name, const std::string& what) {
    difference.text += fmt::format("{}:{}", name, what);
    difference.same = false;
  };
  for (const auto& [name, path] : left) {
    const auto other = right.find(name);
    if (other == right.end()) {
      tell(name, fmt::format(" in {} alone\n", a.string()));
      continue;
    }
    const bool is_there = std::filesystem::exists(path);
    if (is_there != std::filesystem::exists(other->second)) {
      tell(name, fmt::format(" has run in {} alone\n", (is_there ? a : b).string()));
    } else if (is_there) {
      const auto found = record_difference(read_record(path), read_record(other->second));
      if (!found.same) tell(name, "\n" + indented(found.text));
    }
  }
  for (const auto& [name, path] : right) {
    if (!left.contains(name)) tell(name, fmt::format(" in {} alone\n", b.string()));
  }
  return difference;
}

}  // namespace bitsweep

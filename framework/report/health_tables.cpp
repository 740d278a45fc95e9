#include "framework/report/health_tables.h"

#include <cmath>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/core/health_curve.h"
#include "framework/core/pattern.h"
#include "framework/report/table.h"

namespace bitsweep {
namespace {

// Of one site, by the figure and, of drifts, the parameter: a value for each seed.
using Figures = std::map<std::pair<HealthFigure, std::string>, std::vector<double>>;

struct RowHealth {
  std::vector<std::int64_t> seeds;  // that are done
  std::map<std::string, Figures> sites;
  std::vector<std::string> warnings;
};

// The last values of each curve.
void add_figures(const RunRecord& record, RowHealth& health) {
  for (const auto& [name, values] : record.curves) {
    const auto curve = health_curve_named(name);
    if (!curve || values.empty()) continue;
    health.sites[curve->site][{curve->figure, curve->parameter}].push_back(values.back());
  }
}

RowHealth health_of(const ManifestRow& row, const RecordLookup& record_of) {
  RowHealth health;
  for (const auto& run : row.runs) {
    const auto record = record_of(run, SummaryDepth::kAll);
    if (!record || record->status != "done") continue;
    health.seeds.push_back(run.seed);
    add_figures(*record, health);
    for (const auto& warning : record->warnings) {
      health.warnings.push_back(fmt::format("seed {}: {}", run.seed, warning));
    }
  }
  return health;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

std::string number(double value, int digits) {
  return std::isnan(value) ? "" : fmt::format("{:.{}f}", value, digits);
}

std::string cell(const Figures& figures, HealthFigure figure, int digits,
                 double unit = 1) {
  const auto found = figures.find({figure, ""});
  return found == figures.end() ? "" : number(unit * mean(found->second), digits);
}

// "step 12.5, offset 3.0".
std::string drifts(const Figures& figures) {
  std::vector<std::string> texts;
  for (const auto& [what, values] : figures) {
    const auto& [figure, parameter] = what;
    if (figure != HealthFigure::kDrift) continue;
    texts.push_back(parameter + " " + number(100 * mean(values), 1));
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

// "5 of 16"; records that do not know of how many say the first alone. Grids beyond 16
// bits, as biases have, are there to be unused.
std::string unused_levels(const Figures& figures, int digits) {
  constexpr double kMostLevels = 65536;
  const auto levels = figures.find({HealthFigure::kLevels, ""});
  if (levels != figures.end() && mean(levels->second) > kMostLevels) return "";
  const std::string unused = cell(figures, HealthFigure::kUnusedLevels, digits);
  const std::string all = cell(figures, HealthFigure::kLevels, 0);
  return unused.empty() || all.empty() ? unused : fmt::format("{} of {}", unused, all);
}

Table table_of(const RowHealth& health) {
  Table table{{{"site"},
               {"SQNR (dB)", Align::kRight},
               {"clipped (%)", Align::kRight},
               {"unused levels", Align::kRight},
               {"sign flips (%)", Align::kRight},
               {"drift (%)"}},
              {}};
  const int level_digits = health.seeds.size() == 1 ? 0 : 1;  // a count, or a mean
  for (const auto& [site, figures] : health.sites) {
    table.rows.push_back(
        {"",
         {site, cell(figures, HealthFigure::kSqnr, 1),
          cell(figures, HealthFigure::kClipped, 2, 100),
          unused_levels(figures, level_digits),
          cell(figures, HealthFigure::kSignFlips, 2, 100), drifts(figures)}});
  }
  return table;
}

std::string text_of(const ManifestRow& row, const RowHealth& health) {
  auto text = fmt::format("## {}, {} {}\n", row.label,
                          health.seeds.size() == 1 ? "seed" : "seeds",
                          fmt::join(health.seeds, ", "));
  if (!health.sites.empty()) text += "\n" + markdown(table_of(health));
  if (!health.warnings.empty()) text += "\n";
  for (const auto& warning : health.warnings) text += "- " + warning + "\n";
  return text;
}

void refuse_rows(const StudyManifest& manifest, const std::string& rows) {
  std::vector<std::string> labels;
  for (const auto& row : manifest.rows) labels.push_back(row.label);
  const auto near = nearest_word(rows, labels);
  throw ConfigError(
      fmt::format("the study '{}' has no row '{}'; {}its rows: {}", manifest.name, rows,
                  near.empty() ? "" : fmt::format("did you mean '{}'? ", near),
                  fmt::join(labels, ", ")));
}

}  // namespace

std::string health_tables(const StudyManifest& manifest, const RecordLookup& record_of,
                          const std::string& rows) {
  std::vector<std::string> texts;
  bool found = false;
  for (const auto& row : manifest.rows) {
    if (!matches_pattern(rows, row.label)) continue;
    found = true;
    const RowHealth health = health_of(row, record_of);
    if (health.sites.empty() && health.warnings.empty()) continue;
    texts.push_back(text_of(row, health));
  }
  if (!found) refuse_rows(manifest, rows);
  if (texts.empty()) return "no finished run has figures of its quantizers\n";
  return fmt::format("{}", fmt::join(texts, "\n"));
}

}  // namespace bitsweep

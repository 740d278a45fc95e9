#include <algorithm>
#include <cmath>
#include <functional>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/eval/metrics.h"
#include "framework/report/report.h"
#include "framework/report/table.h"

namespace bitsweep {
namespace {

using Text = std::function<std::string(const ReportRow&)>;

struct TextColumn {
  std::string heading;
  Align align;
  Text text;
};

Table table_of(const StudyReport& report, const std::vector<TextColumn>& columns) {
  Table table;
  for (const auto& column : columns)
    table.columns.push_back({column.heading, column.align});
  for (const auto& row : report.rows) {
    auto& line = table.rows.emplace_back(Table::Row{row.row.group, {}});
    for (const auto& column : columns) line.cells.push_back(column.text(row));
  }
  return table;
}

bool any_row(const StudyReport& report,
             const std::function<bool(const ReportRow&)>& holds) {
  return std::any_of(report.rows.begin(), report.rows.end(), holds);
}

std::string remarks_text(const ReportRow& row) {
  return fmt::format("{}", fmt::join(row.remarks, "; "));
}

// ---- For people ----

// Without "-0.00".
std::string fixed(double value, int digits) {
  const auto text = fmt::format("{:.{}f}", value, digits);
  const bool is_zero = text.find_first_of("123456789n") == text.npos;
  return is_zero && text.front() == '-' ? text.substr(1) : text;
}

std::string heading(const Metric& metric) {
  return std::string(metric.title) +
         (metric.sign.empty() ? "" : fmt::format(" ({})", metric.sign));
}

std::string mean(const ReportRow& row, const Metric& metric) {
  const auto& summary = row.metrics.at(metric.id);
  return summary.count == 0 ? "" : fixed(summary.mean, metric.digits);
}

std::string mean_and_deviation(const ReportRow& row, const Metric& metric) {
  const auto& summary = row.metrics.at(metric.id);
  if (summary.count < 2) return mean(row, metric);
  return mean(row, metric) + " ± " + fixed(summary.deviation, metric.digits);
}

TextColumn metric_column(const char* id,
                         std::string (*text)(const ReportRow&, const Metric&)) {
  const Metric& metric = metric_named(id);
  return {heading(metric), Align::kRight,
          [&metric, text](const ReportRow& row) { return text(row, metric); }};
}

std::string seeds_text(const ReportRow& row) {
  const auto total = row.row.runs.size();
  return row.done == total ? fmt::format("{}", total)
                           : fmt::format("{}/{}", row.done, total);
}

bool has_published(const ReportRow& row) {
  return row.row.published.loss || row.row.published.accuracy;
}

std::string published_place(const PublishedSpec& published) {
  const bool both = !published.on.empty() && !published.source.empty();
  return published.on + (both ? "; " : "") + published.source;
}

/// Where published figures come from: numbered in the table, told below it.
class Sources {
 public:
  explicit Sources(const StudyReport& report) {
    for (const auto& row : report.rows) {
      const auto place = published_place(row.row.published);
      if (has_published(row) && !place.empty() && number(place) == 0) {
        places_.push_back(place);
      }
    }
  }
  // From 1; 0 for a place that is not there.
  std::size_t number(const std::string& place) const {
    const auto found = std::find(places_.begin(), places_.end(), place);
    return found == places_.end() ? 0 : std::size_t(found - places_.begin()) + 1;
  }
  const std::vector<std::string>& places() const { return places_; }

 private:
  std::vector<std::string> places_;
};

bool is_recalled(const ReportRow& row) {
  return has_published(row) && row.row.published.mark != "verified";
}

// "3.7† [1]"; an accuracy where no loss is known.
std::string published_text(const ReportRow& row, const Sources& sources) {
  if (!has_published(row)) return "";
  const auto& published = row.row.published;
  std::string text;
  if (published.loss) {
    text = fmt::format("{}", *published.loss);
  } else if (published.baseline) {
    text = fixed(*published.baseline - *published.accuracy, 2);
  } else {
    text = fmt::format("accuracy {}%", *published.accuracy);
  }
  if (is_recalled(row)) text += "†";
  const auto number = sources.number(published_place(published));
  return number == 0 ? text : fmt::format("{} [{}]", text, number);
}

// The ends of a float network are nobody's choice.
Text edge(std::function<std::string(const EdgesSpec&)> text) {
  return [text = std::move(text)](const ReportRow& row) {
    return row.row.is_baseline() ? "" : text(row.row.edges);
  };
}

bool image_matters(const ReportRow& row) {
  return !row.row.is_baseline() && row.row.edges.first != "float";
}

bool has_several_datasets(const StudyReport& report) {
  return any_row(report, [&](const ReportRow& row) {
    return row.row.dataset != report.rows.front().row.dataset;
  });
}

std::vector<TextColumn> readable_columns(const StudyReport& report,
                                         const Sources& sources) {
  std::vector<TextColumn> columns;
  const auto add = [&](const char* name, Align align, Text text, bool shown = true) {
    if (shown) columns.push_back({name, align, std::move(text)});
  };
  using enum Align;
  add("method", kLeft, [](const ReportRow& row) { return row.row.label; });
  add("network", kLeft, [](const ReportRow& row) { return row.row.network; });
  add(
      "dataset", kLeft, [](const ReportRow& row) { return row.row.dataset; },
      has_several_datasets(report));
  add("weight bits", kRight, [](const ReportRow& row) { return row.weight_bits; });
  add("activation bits", kRight,
      [](const ReportRow& row) { return row.activation_bits; });
  add("first/last", kLeft,
      edge([](const EdgesSpec& edges) { return edges.first + "/" + edges.last; }));
  add("bias", kLeft, edge([](const EdgesSpec& edges) { return edges.bias; }));
  add(
      "image", kLeft,
      [](const ReportRow& row) { return image_matters(row) ? row.row.edges.image : ""; },
      any_row(report, image_matters));
  add("seeds", kRight, seeds_text);
  columns.push_back(metric_column("accuracy", mean_and_deviation));
  columns.push_back(metric_column("accuracy_loss", mean_and_deviation));
  add(
      "published loss (points)", kRight,
      [&](const ReportRow& row) { return published_text(row, sources); },
      any_row(report, has_published));
  add(
      "verdict", kLeft, [](const ReportRow& row) { return row.reproduction; },
      any_row(report, has_published));
  columns.push_back(metric_column("size", mean));
  columns.push_back(metric_column("ratio", mean));
  add("remarks", kLeft, remarks_text,
      any_row(report, [](const ReportRow& row) { return !row.remarks.empty(); }));
  return columns;
}

std::vector<std::string> notes_of(const StudyReport& report, const Sources& sources) {
  std::vector<std::string> notes{
      "accuracy: of the network as it is after the last epoch, on the test images; "
      "±: sample standard deviation over seeds.",
      "loss: points of accuracy below the float run of the same seed, negative where "
      "better; "
      "±: sample standard deviation of these differences.",
      "not told apart: p > 0.05, by a paired t test over three or more seeds, by "
      "McNemar's "
      "mid-p test on each seed's predictions for fewer, where the largest p counts.",
      "first/last, bias: what becomes of the weights and inputs of the first and last "
      "layer, "
      "and of biases: `float`, a width in bits, or `method`, as in the other layers.",
      "size: nominal, each stored value at its width: codes, scales, zero points, "
      "codebooks, "
      "biases, four normalisation values a channel, and the layers left in float; ratio: "
      "of "
      "the same values in 32-bit float to it."};
  if (any_row(report, has_published)) {
    notes.push_back(fmt::format(
        "verdict: how the published figure, as a loss against its own float network "
        "where it has one, compares with ours: reproduced, where ours is at most {} "
        "points worse; close, at most {}; missed. recipe differs: network, data or "
        "training are not those of the figure, and nothing is claimed.",
        kReproducedPoints, kClosePoints));
  }
  if (any_row(report, is_recalled)) {
    notes.push_back("†: recalled, not checked in the source.");
  }
  for (const auto& place : sources.places()) {
    notes.push_back(fmt::format("[{}] published: {}", sources.number(place), place));
  }
  for (const auto& warning : report.warnings) notes.push_back("warning: " + warning);
  return notes;
}

std::string bullets(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += "- " + line + "\n";
  return text;
}

std::string readable(const StudyReport& report) {
  const Sources sources(report);
  auto facts = report.facts;
  if (!report.file.empty()) {
    facts.push_back(
        fmt::format("made by: `bitsweep run {}{}`", report.file, report.options));
  }
  return fmt::format("# {}\n\n{}\n{}\n{}",
                     report.title.empty() ? report.name : report.title, bullets(facts),
                     markdown(table_of(report, readable_columns(report, sources))),
                     bullets(notes_of(report, sources)));
}

// ---- For programs ----

std::string number_text(std::optional<double> value) {
  return value ? fmt::format("{}", *value) : "";
}

TextColumn plain(std::string name, Text text) {
  return {std::move(name), Align::kLeft, std::move(text)};
}

// Of the row's runs, in the order of their seeds in the study.
std::string digests_text(const ReportRow& row) {
  std::vector<std::string> digests;
  for (const auto& run : row.row.runs) digests.push_back(run.name.digest);
  return fmt::format("{}", fmt::join(digests, " "));
}

void add_metric(std::vector<TextColumn>& columns, const Metric& metric) {
  const std::string name = std::string(metric.id) +
                           (metric.unit.empty() ? "" : fmt::format("_{}", metric.unit));
  columns.push_back(plain(name + "_mean", [&metric](const ReportRow& row) {
    const auto& summary = row.metrics.at(metric.id);
    return summary.count == 0 ? "" : number_text(summary.mean);
  }));
  columns.push_back(plain(name + "_sd", [&metric](const ReportRow& row) {
    const auto& summary = row.metrics.at(metric.id);
    return summary.count < 2 ? "" : number_text(summary.deviation);
  }));
}

Text published(std::function<std::string(const PublishedSpec&)> text) {
  return [text = std::move(text)](const ReportRow& row) {
    return has_published(row) ? text(row.row.published) : "";
  };
}

std::vector<TextColumn> machine_columns() {
  using Row = const ReportRow&;
  using Edges = const EdgesSpec&;
  using Published = const PublishedSpec&;
  std::vector<TextColumn> columns{
      plain("method", [](Row row) { return row.row.label; }),
      plain("method_id", [](Row row) { return row.row.method; }),
      plain("network", [](Row row) { return row.row.network; }),
      plain("dataset", [](Row row) { return row.row.dataset; }),
      plain("weight_bits", [](Row row) { return row.weight_bits; }),
      plain("activation_bits", [](Row row) { return row.activation_bits; }),
      plain("first", edge([](Edges edges) { return edges.first; })),
      plain("last", edge([](Edges edges) { return edges.last; })),
      plain("bias", edge([](Edges edges) { return edges.bias; })),
      plain("image", edge([](Edges edges) { return edges.image; })),
      plain("seeds_done", [](Row row) { return std::to_string(row.done); }),
      plain("seeds_total", [](Row row) { return std::to_string(row.row.runs.size()); })};
  for (const auto& metric : metric_table()) add_metric(columns, metric);
  const std::vector<TextColumn> rest{
      plain("p_against_float",
            [](Row row) {
              return row.against_float ? number_text(row.against_float->p) : "";
            }),
      plain("test",
            [](Row row) { return row.against_float ? row.against_float->test : ""; }),
      plain("published_loss_points",
            published([](Published spec) { return number_text(spec.loss); })),
      plain("published_accuracy_percent",
            published([](Published spec) { return number_text(spec.accuracy); })),
      plain("published_baseline_percent",
            published([](Published spec) { return number_text(spec.baseline); })),
      plain("published_on", published([](Published spec) { return spec.on; })),
      plain("published_source", published([](Published spec) { return spec.source; })),
      plain("published_mark", published([](Published spec) { return spec.mark; })),
      plain("published_recipe", published([](Published spec) { return spec.recipe; })),
      plain("verdict", [](Row row) { return row.reproduction; }),
      plain("remarks", remarks_text),
      plain("digests", digests_text)};
  columns.insert(columns.end(), rest.begin(), rest.end());
  return columns;
}

std::string for_machines(const StudyReport& report) {
  return csv(table_of(report, machine_columns()));
}

struct Format {
  const char* name;
  std::string (*render)(const StudyReport&);
};
constexpr Format kFormats[] = {{"md", readable}, {"csv", for_machines}};

}  // namespace

std::string render(const StudyReport& report, const std::string& format) {
  for (const auto& known : kFormats) {
    if (format == known.name) return known.render(report);
  }
  throw ConfigError(fmt::format("there is no report format '{}'; available: {}", format,
                                fmt::join(report_formats(), ", ")));
}

std::vector<std::string> report_formats() {
  std::vector<std::string> names;
  for (const auto& format : kFormats) names.push_back(format.name);
  return names;
}

}  // namespace bitsweep

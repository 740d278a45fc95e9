#include "framework/report/report_table.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "framework/eval/metrics.h"

namespace bitsweep {
namespace {

using CellOf = std::function<Cell(const ReportRow&)>;
using enum Align;
using enum Readers;

/// Adds columns to a table with a cell for each row of a report.
class TableBuilder {
 public:
  explicit TableBuilder(const StudyReport& report) : report_(report) {
    for (const auto& row : report.rows) table_.rows.push_back({row.row.group, {}});
  }
  void add(Column column, const CellOf& cell) {
    table_.columns.push_back(std::move(column));
    for (std::size_t r = 0; r < report_.rows.size(); ++r) {
      table_.rows[r].cells.push_back(cell(report_.rows[r]));
    }
  }
  Table take() { return std::move(table_); }

 private:
  const StudyReport& report_;
  Table table_;
};

Column text_column(std::string heading, std::string id, Align align = kLeft,
                   Readers readers = kAll) {
  return {.heading = std::move(heading),
          .align = align,
          .id = std::move(id),
          .readers = readers};
}

Column for_programs(std::string id) {
  return {.heading = id, .id = id, .readers = kPrograms};
}

Column metric_column(const Metric& metric, Readers readers) {
  return {.heading = std::string(metric.title) +
                     (metric.sign.empty() ? "" : fmt::format(" ({})", metric.sign)),
          .align = kRight,
          .id = column_id(metric),
          .digits = metric.digits,
          .readers = readers,
          .is_estimate = true};
}

bool any_row(const StudyReport& report,
             const std::function<bool(const ReportRow&)>& holds) {
  return std::any_of(report.rows.begin(), report.rows.end(), holds);
}

// Every field of a published figure.
CellOf published(std::function<Cell(const PublishedSpec&)> cell) {
  return [cell = std::move(cell)](const ReportRow& row) {
    return has_published(row) ? cell(row.row.published) : Cell{};
  };
}

Cell number(std::optional<double> value) { return value ? Cell{*value} : Cell{}; }

std::string published_place(const PublishedSpec& published) {
  const bool both = !published.on.empty() && !published.source.empty();
  return published.on + (both ? "; " : "") + published.source;
}

bool is_recalled(const ReportRow& row) {
  return has_published(row) && row.row.published.mark == "recalled";
}

bool is_quoted(const ReportRow& row) {
  return has_published(row) && row.row.published.mark == "quoted";
}

// Digits of a figure as it was given: 2 of 7.63.
int decimals(double figure) {
  const auto text = fmt::format("{}", figure);
  const auto point = text.find('.');
  return point == text.npos ? 0 : int(text.size() - point - 1);
}

// "3.7† [1]"; an accuracy where no drop is known.
std::string published_text(const ReportRow& row, const Sources& sources) {
  if (!has_published(row)) return "";
  const auto& published = row.row.published;
  std::string text;
  if (published.baseline && published.accuracy) {
    const int digits =
        std::max(decimals(*published.baseline), decimals(*published.accuracy));
    text = fmt::format("{:.{}f}", *published.baseline - *published.accuracy, digits);
  } else if (published.loss) {
    text = fmt::format("{}", *published.loss);
  } else {
    text = fmt::format("accuracy {}%", *published.accuracy);
  }
  if (is_recalled(row)) text += "†";
  if (is_quoted(row)) text += "‡";
  const auto number = sources.number(published_place(published));
  return number == 0 ? text : fmt::format("{} [{}]", text, number);
}

bool image_matters(const ReportRow& row) {
  return !row.row.is_baseline() && row.row.edges.first != "float";
}

std::string seeds_cell(const ReportRow& row) {
  const auto total = row.row.runs.size();
  return row.done == total ? fmt::format("{}", total)
                           : fmt::format("{}/{}", row.done, total);
}

// Of the row's runs, in the order of their seeds in the study.
std::string digests_text(const ReportRow& row) {
  std::vector<std::string> digests;
  for (const auto& run : row.row.runs) digests.push_back(run.name.digest);
  return fmt::format("{}", fmt::join(digests, " "));
}

void add_network(const StudyReport& report, TableBuilder& table) {
  const bool datasets = any_row(report, [&](const ReportRow& row) {
    return row.row.dataset != report.rows.front().row.dataset;
  });
  const bool images = any_row(report, image_matters);
  table.add(text_column("method", "method"),
            [](const ReportRow& row) { return row.row.label; });
  table.add(for_programs("method_id"),
            [](const ReportRow& row) { return row.row.method; });
  table.add(text_column("network", "network"),
            [](const ReportRow& row) { return row.row.network; });
  table.add(text_column("dataset", "dataset", kLeft, datasets ? kAll : kPrograms),
            [](const ReportRow& row) { return row.row.dataset; });
  table.add(text_column("weight bits", "weight_bits", kRight),
            [](const ReportRow& row) { return row.weight_bits; });
  table.add(text_column("activation bits", "activation_bits", kRight),
            [](const ReportRow& row) { return row.activation_bits; });
  const bool gradients = any_row(report, [](const ReportRow& row) {
    return row.row.gradient_bits.any_below_float();
  });
  table.add(
      text_column("gradient bits", "gradient_bits", kRight, gradients ? kAll : kPrograms),
      [](const ReportRow& row) { return row.gradient_bits; });
  table.add(text_column("first/last", "", kLeft, kPeople),
            [](const ReportRow& row) -> Cell {
              return row.row.is_baseline() ? "" : row.first + "/" + row.last;
            });
  table.add(for_programs("first"), [](const ReportRow& row) { return row.first; });
  table.add(for_programs("last"), [](const ReportRow& row) { return row.last; });
  auto bias = text_column("bias", "bias");
  bias.in_papers = false;
  table.add(bias, [](const ReportRow& row) { return row.bias; });
  table.add(for_programs("image"), [](const ReportRow& row) -> Cell {
    if (row.row.is_baseline()) return "";
    return image_matters(row) ? row.row.edges.image : "float";
  });
  if (images) {
    auto image = text_column("image", "", kLeft, kPeople);
    image.in_papers = false;
    table.add(image, [](const ReportRow& row) -> Cell {
      return image_matters(row) ? row.row.edges.image : "";
    });
  }
  table.add(text_column("seeds", "", kRight, kPeople), seeds_cell);
  table.add(for_programs("seeds_done"),
            [](const ReportRow& row) { return double(row.done); });
  table.add(for_programs("seeds_total"),
            [](const ReportRow& row) { return double(row.row.runs.size()); });
}

std::optional<NamedInterval> interval_of(const ReportRow& row) {
  return row.against_float ? row.against_float->interval : std::optional<NamedInterval>{};
}

void add_published_text(const StudyReport& report, TableBuilder& table) {
  if (!any_row(report, has_published)) return;
  const Sources sources(report);
  table.add(text_column("published drop (pp)", "", kRight, kPeople),
            [&](const ReportRow& row) { return published_text(row, sources); });
}

bool has_metric(const StudyReport& report, std::string_view id) {
  return any_row(report,
                 [id](const ReportRow& row) { return row.metrics.at(id).count > 0; });
}

// By people; the others are for programs.
bool is_read(std::string_view id, const StudyReport& report) {
  if (id == "accuracy" || id == "accuracy_drop" || id == "ratio") return true;
  if (id == "size") return !has_metric(report, "file_size");
  const bool where_any = id == "kept" || id == "file_size" || id == "file_ratio";
  return where_any && has_metric(report, id);
}

void add_metrics(const StudyReport& report, TableBuilder& table) {
  for (const auto& metric : metric_table()) {
    auto column = metric_column(metric, is_read(metric.id, report) ? kAll : kPrograms);
    column.has_interval = metric.id == "accuracy_drop";
    // Few methods have a size that depends on the seed.
    column.shows_std = !metric.id.ends_with("size") && !metric.id.ends_with("ratio");
    table.add(column, [&metric, &column](const ReportRow& row) -> Cell {
      Estimate estimate{row.metrics.at(metric.id), {}};
      const auto interval = interval_of(row);
      if (column.has_interval && interval) estimate.interval = interval->interval;
      return estimate;
    });
    if (metric.id == "accuracy_drop") add_published_text(report, table);
  }
}

const TestOutcome* strongest_test(const ReportRow& row) {
  return row.against_float ? row.against_float->strongest() : nullptr;
}

CellOf p_of(std::string name) {
  return [name = std::move(name)](const ReportRow& row) -> Cell {
    if (!row.against_float) return {};
    for (const auto& test : row.against_float->tests) {
      if (test.test.starts_with(name)) return test.p;
    }
    return {};
  };
}

void add_tests(TableBuilder& table) {
  table.add(for_programs("ci95_method"), [](const ReportRow& row) -> Cell {
    const auto interval = interval_of(row);
    return interval ? std::string(interval->method) : "";
  });
  table.add(for_programs("p_t"), p_of("paired t"));
  table.add(for_programs("p_mcnemar"), p_of("McNemar"));
  table.add(for_programs("p_holm"), [](const ReportRow& row) -> Cell {
    const auto* test = strongest_test(row);
    return test ? Cell{test->adjusted} : Cell{};
  });
  table.add(for_programs("significant"), [](const ReportRow& row) -> Cell {
    if (!strongest_test(row)) return "";
    return row.against_float->significant() ? "yes" : "no";
  });
}

void add_published(const StudyReport& report, TableBuilder& table) {
  const bool any = any_row(report, has_published);
  using Published = const PublishedSpec&;
  table.add(for_programs("published_drop_pp"),
            published([](Published spec) { return number(published_drop(spec)); }));
  table.add(for_programs("published_accuracy_percent"),
            published([](Published spec) { return number(spec.accuracy); }));
  table.add(for_programs("published_baseline_percent"),
            published([](Published spec) { return number(spec.baseline); }));
  table.add(for_programs("published_on"),
            published([](Published spec) { return spec.on; }));
  table.add(for_programs("published_source"),
            published([](Published spec) { return spec.source; }));
  table.add(for_programs("published_mark"),
            published([](Published spec) { return spec.mark; }));
  table.add(for_programs("published_recipe"),
            published([](Published spec) { return spec.recipe; }));
  auto verdict = text_column("verdict", "verdict", kLeft, any ? kAll : kPrograms);
  verdict.in_papers = false;
  table.add(verdict, [](const ReportRow& row) { return row.verdict; });
}

}  // namespace

Sources::Sources(const StudyReport& report) {
  for (const auto& row : report.rows) {
    const auto place = published_place(row.row.published);
    if (has_published(row) && !place.empty() && number(place) == 0) {
      places_.push_back(place);
    }
  }
}

std::size_t Sources::number(const std::string& place) const {
  const auto found = std::find(places_.begin(), places_.end(), place);
  return found == places_.end() ? 0 : std::size_t(found - places_.begin()) + 1;
}

bool has_published(const ReportRow& row) {
  return row.row.published.loss || row.row.published.accuracy;
}

std::optional<double> published_drop(const PublishedSpec& published) {
  if (published.accuracy && published.baseline) {
    return *published.baseline - *published.accuracy;
  }
  return published.loss;
}

std::string column_id(const Metric& metric) {
  return std::string(metric.id) +
         (metric.unit.empty() ? "" : fmt::format("_{}", metric.unit));
}

Table study_table(const StudyReport& report) {
  TableBuilder table(report);
  add_network(report, table);
  add_metrics(report, table);
  add_tests(table);
  add_published(report, table);
  const bool any_remarks =
      any_row(report, [](const ReportRow& row) { return !row.remarks.empty(); });
  auto remarks = text_column("remarks", "remarks", kLeft, any_remarks ? kAll : kPrograms);
  remarks.in_papers = false;
  table.add(remarks, [](const ReportRow& row) -> Cell {
    return fmt::format("{}", fmt::join(row.remarks, "; "));
  });
  table.add(for_programs("digests"), digests_text);
  return table.take();
}

Table runs_table(const StudyReport& report) {
  Table table;
  for (const char* id :
       {"method", "method_id", "network", "dataset", "weight_bits", "activation_bits",
        "gradient_bits", "seed", "digest", "status"}) {
    table.columns.push_back(for_programs(id));
  }
  for (const auto& metric : metric_table()) {
    table.columns.push_back(for_programs(column_id(metric)));
  }
  for (const char* id : {"published_drop_pp", "started", "revision", "failure"}) {
    table.columns.push_back(for_programs(id));
  }
  for (const auto& row : report.rows) {
    for (const auto& run : row.runs) {
      Table::Row line{row.row.group, {}};
      for (const auto& text :
           {row.row.label, row.row.method, row.row.network, row.row.dataset,
            row.weight_bits, row.activation_bits, row.gradient_bits}) {
        line.cells.emplace_back(text);
      }
      line.cells.emplace_back(double(run.seed));
      for (const auto& text : {run.digest, run.status}) line.cells.emplace_back(text);
      for (const auto& metric : metric_table()) {
        auto& cell = line.cells.emplace_back();
        const auto found = run.metrics.find(metric.id);
        if (found != run.metrics.end()) cell = found->second;
      }
      line.cells.push_back(number(published_drop(row.row.published)));
      for (const auto& text : {run.started, run.revision, run.failure}) {
        line.cells.emplace_back(text);
      }
      table.rows.push_back(std::move(line));
    }
  }
  return table;
}

// Whether the figures are those of files, and what the simulation says of them.
std::string execution_note(const StudyReport& report) {
  if (!has_metric(report, "agreement")) return "";
  double least = 100;
  for (const auto& row : report.rows) {
    const auto& agreement = row.metrics.at("agreement");
    if (agreement.count > 0) least = std::min(least, agreement.mean);
  }
  return fmt::format(
      " It is the packed model's file that is scored, read again and executed; in every "
      "row at least {:.2f} % of its predictions are those of the simulation.",
      least);
}

std::vector<std::string> notes_of(const StudyReport& report) {
  std::vector<std::string> notes{
      "accuracy: top-1, of the network after the last epoch, on the test images; mean ± "
      "std (of the sample) over seeds." +
          execution_note(report),
      interval_rule(),
      significance_rule(),
      "weight bits: of the codes that the runs' files store, `5–8` where the method "
      "gives "
      "its layers different widths; without the layers that edges see to.",
      "first/last: what becomes of the weights and inputs of the first and last layer: "
      "`float`, a width in bits, or `method`, as in the other layers; where a rule of "
      "`sites` has the layer, the width of its weights.",
      "bias: how the runs' files store biases: `float` or a width in bits, both where "
      "layers differ; in rows that have not run as the study asks.",
      "nominal compression: each stored value at its width: codes, scales, zero points, "
      "codebooks, biases, four normalisation values a channel, and the layers left in "
      "float, against the same values in 32-bit float."};
  if (has_metric(report, "file_size")) {
    notes.push_back(
        "file: all bytes of the packed model (`bitsweep inspect` splits them by "
        "purpose), "
        "each tensor coded in the smallest way; compression: the same values in 32-bit "
        "float over them.");
  }
  if (has_metric(report, "kept")) {
    notes.push_back(
        "weights kept: the share that pruning leaves; codes may make more of them 0 "
        "(`bitsweep inspect` counts those that are not).");
  }
  if (any_row(report, has_published)) notes.push_back(verdict_rule());
  if (any_row(report, is_recalled)) {
    notes.push_back("†: recalled, not checked in the source.");
  }
  if (any_row(report, is_quoted)) {
    notes.push_back(
        "‡: quoted, read in a survey or later paper that quotes it, not in its source.");
  }
  const Sources sources(report);
  for (const auto& place : sources.places()) {
    notes.push_back(fmt::format("[{}] published: {}", sources.number(place), place));
  }
  constexpr std::size_t kMostWarnings = 100;
  const std::size_t told = std::min(report.warnings.size(), kMostWarnings);
  for (std::size_t i = 0; i < told; ++i) {
    notes.push_back("warning: " + report.warnings[i]);
  }
  if (told < report.warnings.size()) {
    notes.push_back(
        fmt::format("{} more warnings: `bitsweep health DIR` tells them by row",
                    report.warnings.size() - told));
  }
  return notes;
}

}  // namespace bitsweep

#include <algorithm>

#include <fmt/format.h>

#include "bitsweep_report_page.h"
#include "framework/report/page_figures.h"
#include "framework/report/render_formats.h"
#include "framework/report/report_table.h"
#include "framework/report/study_records.h"

namespace bitsweep {
namespace {

std::string list_of(const std::vector<std::string>& lines, const char* style = "") {
  std::string text = fmt::format("<ul{}>\n", style);
  for (const auto& line : lines) text += "<li>" + html_text(line) + "</li>\n";
  return text + "</ul>\n";
}

// From the first run to the last: "2024-05-06T07:08:09Z".
std::string dates_of(const StudyReport& report) {
  std::vector<std::string> dates;
  for (const auto& row : report.rows) {
    for (const auto& run : row.runs) {
      if (!run.started.empty()) dates.push_back(run.started);
    }
  }
  if (dates.empty()) return "";
  const auto [first, last] = std::minmax_element(dates.begin(), dates.end());
  return *first == *last ? "run at " + *first
                         : "runs began from " + *first + " to " + *last;
}

std::string head_of(const StudyReport& report) {
  auto facts = report.facts;
  if (const auto dates = dates_of(report); !dates.empty()) facts.push_back(dates);
  facts.push_back(fmt::format("runs: {} done, {} failed, {} missing", report.done,
                              report.failed, report.missing));
  const auto command = command_of(report);
  return fmt::format(
      "<header>\n<h1>{}</h1>\n{}{}</header>\n", html_text(title_of(report)),
      command.empty()
          ? ""
          : fmt::format("<p>Made by <code>{}</code></p>\n", html_text(command)),
      list_of(facts));
}

std::string controls_of(const StudyReport& report) {
  Distinct groups;
  for (const auto& row : report.rows) groups.add(row.row.group);
  std::string options = "<option value='*'>all</option>";
  for (const auto& group : groups.texts()) {
    options += fmt::format("<option>{}</option>", html_text(group));
  }
  return fmt::format(
      "<div class='controls' id='controls' hidden>\n"
      "<label>Filter <input id='words' type='search' size='24' autocomplete='off' "
      "placeholder='words in a row'></label>\n"
      "<label>Group <select id='group'>{}</select></label>\n"
      "<label><input id='grouped' type='checkbox'{}> keep groups together</label>\n"
      "<span id='status' role='status'></span>\n</div>\n",
      options, groups.texts().empty() ? "" : " checked");
}

// Sorted by the number that a cell shows first.
std::string sort_value(const Cell& cell) {
  if (const auto* number = std::get_if<double>(&cell)) {
    return fmt::format(" data-value='{}'", number_text(*number));
  }
  const auto* estimate = std::get_if<Estimate>(&cell);
  if (!estimate) return "";
  return fmt::format(" data-value='{}'", estimate->summary.count == 0
                                             ? ""
                                             : number_text(estimate->summary.mean));
}

bool is_shown(const Column& column) { return column.readers != Readers::kPrograms; }

std::string header_cell(const std::string& heading, Align align, const char* style = "") {
  return fmt::format(
      "<th scope='col' aria-sort='none' class='{}{}'><button type='button'>{}</button>"
      "</th>\n",
      style, align == Align::kRight ? "right" : "", html_text(heading));
}

std::string header_line(const Table& table, const DropScale& scale) {
  std::string text = "<tr>\n" + header_cell("group", Align::kLeft, "of-group ");
  for (const auto& column : table.columns) {
    if (!is_shown(column)) continue;
    text += header_cell(column.heading, column.align);
    if (column.id == "accuracy_drop_pp") {
      text += "<th scope='col'>drop, 95 % interval; hollow: published" +
              drop_axis(scale) + "</th>\n";
    }
  }
  return text + "</tr>\n";
}

std::string body_line(const Table& table, std::size_t index, const ReportRow& row,
                      const DropScale& scale) {
  const auto& cells = table.rows[index].cells;
  const auto group = html_text(row.row.group);
  std::string text =
      fmt::format("<tr data-row='{}' data-group='{}'><td class='of-group'>{}</td>", index,
                  group, group);
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    const Column& column = table.columns[c];
    if (!is_shown(column)) continue;
    const auto shown = html_text(cell_text(cells[c], column));
    const std::string style = column.align == Align::kRight ? " class='right'"
                              : column.id == "remarks"      ? " class='remarks'"
                                                            : "";
    text += column.id == "method"
                ? fmt::format("<th scope='row'>{}</th>", shown)
                : fmt::format("<td{}{}>{}</td>", style, sort_value(cells[c]), shown);
    if (column.id == "accuracy_drop_pp") {
      text += "<td>" + drop_figure(row, scale) + "</td>";
    }
  }
  return text + "</tr>\n";
}

std::string table_of(const StudyReport& report) {
  const Table table = study_table(report);
  const DropScale scale = DropScale::of(report);
  const auto columns =
      2 + std::count_if(table.columns.begin(), table.columns.end(), is_shown);
  std::string text = fmt::format(
      "<div class='scroll' role='region' aria-labelledby='caption' tabindex='0'>\n"
      "<table id='rows' class='{}'>\n<caption id='caption'>{}: accuracy against "
      "bit-width. The headings are buttons that sort.</caption>\n<thead>\n{}</thead>\n",
      table.has_groups() ? "grouped" : "", html_text(title_of(report)),
      header_line(table, scale));
  const std::string* group = nullptr;
  for (std::size_t r = 0; r < report.rows.size(); ++r) {
    if (!group || *group != table.rows[r].group) {
      text += group ? "</tbody>\n<tbody>\n" : "<tbody>\n";
      group = &table.rows[r].group;
      if (!group->empty()) {
        text += fmt::format(
            "<tr class='group'><th scope='rowgroup' colspan='{}'>{}</th></tr>\n", columns,
            html_text(*group));
      }
    }
    text += body_line(table, r, report.rows[r], scale);
  }
  return text + (group ? "</tbody>\n" : "") + "</table>\n</div>\n";
}

std::string pareto_of(const StudyReport& report) {
  Distinct datasets;
  for (const auto& row : report.rows) datasets.add(row.row.dataset);
  std::string figures;
  for (const auto& dataset : datasets.texts()) {
    std::vector<const ReportRow*> rows;
    for (const auto& row : report.rows) {
      if (row.row.dataset == dataset) rows.push_back(&row);
    }
    for (const auto& [cost, what] :
         {std::pair(Cost::kFileSize, "bytes of the packed model"),
          std::pair(Cost::kBitOperations,
                    "bit operations for an image (products times the bits of both "
                    "factors)")}) {
      const auto figure = pareto_figure(rows, cost);
      if (figure.empty()) continue;
      figures += fmt::format(
          "<figure>{}<figcaption>{}: mean accuracy over seeds against {}; squares: "
          "float; line and names: the Pareto front, rows that no other beats in both; "
          "triangles at the lower edge: rows that drop more than {:g} pp.</figcaption>"
          "</figure>\n",
          figure, html_text(dataset), what, kCollapse);
    }
  }
  return figures.empty() ? "" : "<h2>Cost against accuracy</h2>\n" + figures;
}

std::string matrices_of(const StudyReport& report) {
  const auto matrices = bits_matrices(report);
  return matrices.empty() ? ""
                          : "<h2>Weights against activations</h2>\n<p class='notes'>"
                            "Accuracy drop (pp) by bits of weights and of activations."
                            "</p>\n" +
                                matrices;
}

std::string bits_of(const StudyReport& report) {
  const auto tables = bits_tables(report);
  return tables.empty() ? ""
                        : "<h2>Bits of each layer</h2>\n<p class='notes'>Of each row's "
                          "first finished run: weights, then inputs.</p>\n" +
                              tables;
}

// What a page of very many rows leaves out.
std::string limit_text(const StudyReport& report) {
  return report.rows.size() <= kMostShownNetworks
             ? ""
             : fmt::format(" The study's first {} rows alone.", kMostShownNetworks);
}

std::string values_of(const StudyReport& report) {
  std::string text;
  for (const auto& row : report.rows) {
    const auto figures = histogram_figures(row);
    if (figures.empty()) continue;
    text += fmt::format("<details><summary>{} ({})</summary>{}</details>\n",
                        html_text(row.row.label), html_text(row.row.network), figures);
  }
  return text.empty()
             ? ""
             : "<h2>Values and levels</h2>\n<p class='notes'>Of each row's first "
               "finished run. Grey: the values of a tensor in front of its quantizer; "
               "lines with dots: the share that takes each level; dashed: the ends of "
               "the grid, beyond which values are clipped." +
                   limit_text(report) + "</p>\n" + text;
}

std::string comparison_of(const StudyReport& report) {
  std::string options;
  std::size_t known = 0;
  for (std::size_t r = 0; r < report.rows.size(); ++r) {
    const auto& row = report.rows[r];
    if (row.network.settings.empty()) continue;
    ++known;
    options += fmt::format("<option value='{}'>{} ({})</option>", r,
                           html_text(row.row.label), html_text(row.row.network));
  }
  if (known < 2) return "";
  return fmt::format(
      "<section id='compare' hidden>\n<h2>What two rows differ in</h2>\n<div "
      "class='controls'><label>Row <select id='left'>{0}</select></label>\n<label>and "
      "row <select id='right'>{0}</select></label></div>\n<div class='scroll' "
      "tabindex='0' role='region' aria-label='differences'><table id='differences' "
      "aria-live='polite'></table></div>\n<script type='application/json' "
      "id='settings'>{1}</script>\n</section>\n",
      options, settings_json(report));
}

std::string curves_of(const StudyReport& report) {
  std::string text;
  for (const auto& row : report.rows) {
    if (row.network.layers.empty() && report.rows.size() > kMostShownNetworks) continue;
    const auto figures = curve_figures(row);
    if (figures.empty()) continue;
    text += fmt::format("<details><summary>{} ({})</summary>{}</details>\n",
                        html_text(row.row.label), html_text(row.row.network), figures);
  }
  return text.empty()
             ? ""
             : "<h2>Training curves</h2>\n<p class='notes'>A line for each seed; "
               "dashed: training, solid: validation." +
                   limit_text(report) + "</p>\n" + text;
}

}  // namespace

std::string render_html(const StudyReport& report) {
  return fmt::format(
      "<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
      "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
      "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; "
      "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
      "<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n{}<main>\n"
      "<h2>Results</h2>\n{}{}{}{}{}{}{}{}<h2>Notes</h2>\n{}</main>\n<script>\n{}</"
      "script>\n"
      "</body>\n</html>\n",
      html_text(title_of(report)), kPageStyle, head_of(report), controls_of(report),
      table_of(report), pareto_of(report), matrices_of(report), bits_of(report),
      values_of(report), comparison_of(report), curves_of(report),
      list_of(notes_of(report), " class='notes'"), kPageScript);
}

}  // namespace bitsweep

#include <algorithm>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/report/render_formats.h"
#include "framework/report/report_table.h"

namespace bitsweep {
namespace {

std::string bullets(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += "- " + line + "\n";
  return text;
}

std::string render_markdown(const StudyReport& report) {
  auto facts = report.facts;
  if (const auto command = command_of(report); !command.empty()) {
    facts.push_back(fmt::format("made by: `{}`", command));
  }
  return fmt::format("# {}\n\n{}\n{}\n{}", title_of(report), bullets(facts),
                     markdown(study_table(report)), bullets(notes_of(report)));
}

std::string render_csv(const StudyReport& report) { return csv(study_table(report)); }

std::string render_runs(const StudyReport& report) { return csv(runs_table(report)); }

// A line each, so that nothing of them is read as LaTeX.
std::string latex_comments(const std::vector<std::string>& lines) {
  std::string text;
  for (auto line : lines) {
    std::replace_if(
        line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    text += "% " + line + "\n";
  }
  return text;
}

std::string render_latex(const StudyReport& report) {
  auto notes = notes_of(report);
  notes.insert(notes.begin(), {title_of(report),
                               "To be \\input where \\usepackage{booktabs} is given."});
  if (const auto command = command_of(report); !command.empty()) {
    notes.push_back("made by: " + command);
  }
  return latex_comments(notes) + latex_comments(report.facts) +
         latex(study_table(report));
}

struct Writer {
  ReportFormat format;
  std::string (*render)(const StudyReport&);
};

const std::vector<Writer>& writers() {
  using enum SummaryDepth;
  static const std::vector<Writer> all = {{{"md", "report.md", kTables}, render_markdown},
                                          {{"csv", "report.csv", kTables}, render_csv},
                                          {{"runs", "runs.csv", kTables}, render_runs},
                                          {{"json", "report.json", kCurves}, render_json},
                                          {{"tex", "report.tex", kTables}, render_latex},
                                          {{"html", "report.html", kPage}, render_html}};
  return all;
}

const Writer& writer_of(const std::string& format) {
  for (const auto& writer : writers()) {
    if (format == writer.format.name) return writer;
  }
  throw ConfigError(fmt::format("there is no report format '{}'; available: {}", format,
                                fmt::join(report_format_names(), ", ")));
}

}  // namespace

std::string title_of(const StudyReport& report) {
  return report.title.empty() ? report.name : report.title;
}

std::string command_of(const StudyReport& report) {
  return report.file.empty()
             ? ""
             : fmt::format("bitsweep run {}{}", report.file, report.options);
}

std::string render(const StudyReport& report, const std::string& format) {
  return writer_of(format).render(report);
}

const ReportFormat& report_format(const std::string& name) {
  return writer_of(name).format;
}

std::vector<ReportFormat> report_formats() {
  std::vector<ReportFormat> formats;
  for (const auto& writer : writers()) formats.push_back(writer.format);
  return formats;
}

std::vector<std::string> report_format_names() {
  std::vector<std::string> names;
  for (const auto& writer : writers()) names.push_back(writer.format.name);
  return names;
}

}  // namespace bitsweep

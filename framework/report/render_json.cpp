#include <cmath>
#include <cstdlib>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "framework/report/render_formats.h"
#include "framework/report/report_table.h"

namespace bitsweep {
namespace {

using Json = nlohmann::ordered_json;

// With the digits that it carries; null for what is not finite.
Json json_number(double value) {
  return std::isfinite(value) ? Json(std::strtod(number_text(value).c_str(), nullptr))
                              : Json();
}

Json json_of(const Cell& field) {
  if (const auto* value = std::get_if<double>(&field)) return json_number(*value);
  const auto* text = std::get_if<std::string>(&field);
  return text ? Json(*text) : Json();
}

Json fields_json(const Table& table, const Table::Row& row) {
  Json json{{"group", row.group}};
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    if (table.columns[c].readers == Readers::kPeople) continue;
    for (const auto& [id, field] : fields_of(row.cells[c], table.columns[c])) {
      json[id] = json_of(field);
    }
  }
  return json;
}

Json classes_json(const Confusion& confusion) {
  Json classes = Json::array();
  for (std::size_t label = 0; label < confusion.classes.size(); ++label) {
    const auto& [images, right] = confusion.classes[label];
    classes.push_back(
        {{"class", label},
         {"images", images},
         {"right", right},
         {"accuracy_percent",
          images ? json_number(100 * double(right) / double(images)) : Json()}});
  }
  return classes;
}

Json curves_json(const ReportRun& run) {
  Json curves = Json::object();
  for (const auto& [name, values] : run.curves) {
    auto& curve = curves[name] = Json::array();
    for (const double value : values) curve.push_back(json_number(value));
  }
  return curves;
}

// Each line moved to the right.
std::string indented(const std::string& text, const std::string& space) {
  std::string moved = space;
  for (const char c : text) {
    moved += c;
    if (c == '\n') moved += space;
  }
  return moved;
}

// A text that is no UTF-8 must not cost the report.
std::string text_of(const Json& json) {
  return json.dump(1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

// A row at a time: the values of ten thousand runs would take as much again.
std::string render_json(const StudyReport& report) {
  const Table table = study_table(report);
  const Table runs = runs_table(report);
  const std::string head = text_of(Json{
      {"name", report.name},
      {"title", report.title},
      {"command", command_of(report)},
      {"facts", report.facts},
      {"runs",
       {{"done", report.done}, {"failed", report.failed}, {"missing", report.missing}}}});
  std::string text =
      head.substr(0, head.size() - 2) + ",\n \"rows\": [";  // without "\n}"
  std::size_t next_run = 0;
  for (std::size_t r = 0; r < report.rows.size(); ++r) {
    Json row = fields_json(table, table.rows[r]);
    row["remarks"] = report.rows[r].remarks;
    row.erase("digests");
    auto& row_runs = row["runs"] = Json::array();
    for (const auto& run : report.rows[r].runs) {
      Json json = fields_json(runs, runs.rows[next_run++]);
      // What the row says already.
      for (const char* id :
           {"group", "method", "method_id", "network", "dataset", "weight_bits",
            "activation_bits", "gradient_bits", "published_drop_pp"}) {
        json.erase(id);
      }
      json["curves"] = curves_json(run);
      json["classes"] = classes_json(run.confusion);
      json["confusion_matrix"] = run.confusion.matrix;
      row_runs.push_back(std::move(json));
    }
    text += fmt::format("{}\n{}", r == 0 ? "" : ",", indented(text_of(row), "  "));
  }
  text += report.rows.empty() ? "],\n" : "\n ],\n";
  return text + text_of(Json{{"notes", notes_of(report)}}).substr(2) +
         "\n";  // without "{\n"
}

}  // namespace bitsweep

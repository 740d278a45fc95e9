#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "framework/report/page_figures.h"
#include "framework/report/svg_frame.h"

namespace bitsweep {
namespace {

struct Place {
  const ReportRow* row;
  double cost;      // KiB, or millions of bit operations
  double accuracy;  // percent
  bool is_collapsed;
};

const char* metric_of(Cost cost) {
  return cost == Cost::kFileSize ? "file_size" : "bit_operations";
}

std::vector<Place> places_of(const std::vector<const ReportRow*>& rows, Cost kind) {
  std::vector<Place> places;
  for (const ReportRow* row : rows) {
    const auto& cost = row->metrics.at(metric_of(kind));
    const auto& accuracy = row->metrics.at("accuracy");
    if (cost.count == 0 || accuracy.count == 0 || cost.mean <= 0) continue;
    const auto& drop = row->metrics.at("accuracy_drop");
    places.push_back(
        {row, cost.mean, accuracy.mean, drop.count > 0 && drop.mean > kCollapse});
  }
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return std::pair(a.cost, -a.accuracy) < std::pair(b.cost, -b.accuracy);
  });
  return places;
}

// Powers of two within the range, no more than seven.
std::vector<double> cost_ticks(const Interval& log_costs) {
  const int low = int(std::ceil(log_costs.low));
  const int high = int(std::floor(log_costs.high));
  const int step = std::max(1, (high - low + 6) / 7);
  std::vector<double> ticks;
  for (int power = low; power <= high; power += step) ticks.push_back(power);
  return ticks;
}

std::string cost_text(double cost, Cost kind) {
  if (kind == Cost::kFileSize) {
    return cost >= 1024 ? fmt::format("{:.4g} MiB", cost / 1024)
                        : fmt::format("{:.4g} KiB", cost);
  }
  return cost >= 1000 ? fmt::format("{:.4g} G", cost / 1000)
                      : fmt::format("{:.4g} M", cost);
}

std::string mark(const Place& place, double x, double y, Cost kind) {
  const auto title = html_text(fmt::format("{} ({}): {:.2f} %, {}", place.row->row.label,
                                           place.row->row.network, place.accuracy,
                                           cost_text(place.cost, kind)));
  const auto shape =
      place.is_collapsed
          ? fmt::format("<path class='ours' d='M{:.1f} {:.1f}h9l-4.5 7z'/>", x - 4.5, y)
      : place.row->row.is_baseline()
          ? fmt::format(
                "<rect class='float' x='{:.1f}' y='{:.1f}' width='8' height='8'/>", x - 4,
                y - 4)
          : fmt::format("<circle class='ours' cx='{:.1f}' cy='{:.1f}' r='4'/>", x, y);
  return fmt::format("<g><title>{}</title>{}</g>", title, shape);
}

// Labels beside the front's marks that do not meet those before.
std::string front_of(const std::vector<Place>& places, const SvgFrame& frame) {
  std::string path;
  std::string labels;
  double best = -std::numeric_limits<double>::infinity();
  double last_x = -1e9;
  double last_y = -1e9;
  for (const auto& place : places) {
    if (place.is_collapsed || place.accuracy <= best) continue;
    best = place.accuracy;
    const double x = frame.x(std::log2(place.cost));
    const double y = frame.y(place.accuracy);
    path += path.empty() ? fmt::format("M{:.1f} {:.1f}", x, y)
                         : fmt::format("H{:.1f}V{:.1f}", x, y);
    if (std::abs(y - last_y) < 13 && x - last_x < 140) continue;
    last_x = x;
    last_y = y;
    const bool is_left = x > 480;
    labels += fmt::format("<text x='{:.1f}' y='{:.1f}' text-anchor='{}'>{}</text>",
                          is_left ? x - 7 : x + 7, y + 14, is_left ? "end" : "start",
                          html_text(place.row->row.label));
  }
  return fmt::format("<path class='front' d='{}'/>{}", path, labels);
}

}  // namespace

std::string pareto_figure(const std::vector<const ReportRow*>& rows, Cost cost) {
  const auto places = places_of(rows, cost);
  std::vector<double> costs;
  std::vector<double> accuracies;
  bool any_collapsed = false;
  for (const auto& place : places) {
    costs.push_back(std::log2(place.cost));
    any_collapsed |= place.is_collapsed;
    if (!place.is_collapsed) accuracies.push_back(place.accuracy);
  }
  if (places.size() < 2 || accuracies.empty()) return "";
  auto y_range = range_of(accuracies, 0.08);
  // A strip of its own below for what collapsed.
  if (any_collapsed) y_range.low -= 0.12 * (y_range.high - y_range.low);
  const auto x_range = range_of(costs, 0.06);
  const SvgFrame frame(720, 400, x_range, y_range);
  std::string inside =
      frame.y_axis("accuracy (%)") +
      frame.x_title(cost == Cost::kFileSize ? "file" : "bit operations for an image");
  for (const double tick : cost_ticks(x_range)) {
    inside += frame.x_tick(tick, cost_text(std::exp2(tick), cost));
  }
  for (const auto& place : places) {
    const double x = frame.x(std::log2(place.cost));
    inside +=
        mark(place, x, place.is_collapsed ? frame.bottom() - 14 : frame.y(place.accuracy),
             cost);
  }
  inside += front_of(places, frame);
  return frame.svg(
      fmt::format("{} against accuracy, with the Pareto front; the table holds the same "
                  "figures",
                  cost == Cost::kFileSize ? "file size" : "bit operations"),
      inside);
}

}  // namespace bitsweep

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "framework/report/page_figures.h"
#include "framework/report/report_table.h"

namespace bitsweep {
namespace {

constexpr double kStripWidth = 180;
constexpr double kStripHeight = 18;
constexpr double kStripEdge = 10;  // room for an arrow

double strip_x(const DropScale& scale, double drop) {
  const double share = (drop - scale.low) / (scale.high - scale.low);
  return kStripEdge + std::clamp(share, 0.0, 1.0) * (kStripWidth - 2 * kStripEdge);
}

// An arrow that points to the right or the left, where the value is off the scale.
std::string strip_mark(const DropScale& scale, double drop, const char* style,
                       bool is_hollow) {
  const double x = strip_x(scale, drop);
  const double y = kStripHeight / 2;
  if (drop > scale.high || drop < scale.low) {
    const double tip = drop > scale.high ? 8 : -8;
    return fmt::format("<path class='{}' d='M{:.1f} {}l{} 4.5l{} 4.5z'/>", style, x,
                       y - 4.5, tip, -tip);
  }
  return is_hollow ? fmt::format("<path class='{}' d='M{:.1f} {}l5 5l-5 5l-5 -5z'/>",
                                 style, x, y - 5)
                   : fmt::format("<circle class='{}' cx='{:.1f}' cy='{}' r='3.5'/>",
                                 style, x, y);
}

std::string strip(const std::string& name, const std::string& inside) {
  return fmt::format("<svg role='img' aria-label='{}' width='{}' height='{}'>{}</svg>",
                     html_text(name), kStripWidth, kStripHeight, inside);
}

}  // namespace

DropScale DropScale::of(const StudyReport& report) {
  DropScale scale;
  const auto hold = [&](double value) {
    scale.low = std::max(-kCollapse, std::min(scale.low, value));
    scale.high = std::min(kCollapse, std::max(scale.high, value));
  };
  for (const auto& row : report.rows) {
    if (const auto published = published_drop(row.row.published)) hold(*published);
    const auto& drop = row.metrics.at("accuracy_drop");
    if (drop.count == 0) continue;
    hold(drop.mean);
    if (!row.against_float || !row.against_float->interval) continue;
    // An interval alone does not stretch the scale beyond twice what was seen.
    const auto& [low, high] = row.against_float->interval->interval;
    hold(std::max(low, drop.mean - 3));
    hold(std::min(high, drop.mean + 3));
  }
  scale.low = std::floor(scale.low);
  scale.high = std::ceil(scale.high);
  return scale;
}

std::string drop_figure(const ReportRow& row, const DropScale& scale) {
  const auto& drop = row.metrics.at("accuracy_drop");
  const auto published = published_drop(row.row.published);
  if (drop.count == 0 && !published) return "";
  const double zero = strip_x(scale, 0);
  std::string inside =
      fmt::format("<path class='grid' d='M{:.1f} 0V{}'/>", zero, kStripHeight);
  std::string name;
  if (drop.count > 0) {
    name = fmt::format("accuracy drop {:.2f} pp", drop.mean);
    if (row.against_float && row.against_float->interval) {
      const auto& [low, high] = row.against_float->interval->interval;
      inside += fmt::format("<path class='ours' stroke-width='2' d='M{:.1f} {}H{:.1f}'/>",
                            strip_x(scale, low), kStripHeight / 2, strip_x(scale, high));
      name += fmt::format(", 95 % interval {:.2f} to {:.2f}", low, high);
    }
    inside += strip_mark(scale, drop.mean, "ours", false);
  }
  if (published) {
    inside += strip_mark(scale, *published, "published", true);
    name += fmt::format("{}published {:.4g} pp", name.empty() ? "" : "; ", *published);
  }
  return strip(name, inside);
}

std::string drop_axis(const DropScale& scale) {
  const auto label = [&](double at, double x, const char* anchor) {
    return fmt::format("<text x='{:.1f}' y='14' text-anchor='{}'>{:g}</text>", x, anchor,
                       at);
  };
  std::string inside = label(scale.high, kStripWidth, "end");
  const double zero = strip_x(scale, 0);
  if (scale.low == 0 || zero > 45) inside += label(0, zero, "middle");
  if (scale.low < 0) inside += label(scale.low, 0, "start");
  return fmt::format("<svg aria-hidden='true' width='{}' height='{}'>{}</svg>",
                     kStripWidth, kStripHeight, inside);
}

}  // namespace bitsweep

#include "framework/report/page_figures.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "framework/report/report_table.h"

namespace bitsweep {
namespace {

// Rows that drop more would press all others together.
constexpr double kCollapse = 15;

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

// The next of 1, 2, 5, 10, ... times a power of ten.
double round_step(double step) {
  const double power = std::pow(10, std::floor(std::log10(step)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= step) return factor * power;
  }
  return 10 * power;
}

/// A frame with axes for points in the units of the data.
class Frame {
 public:
  Frame(double width, double height, Interval x, Interval y)
      : width_(width), height_(height), x_(x), y_(y) {}
  double x(double value) const {
    return kLeft + share(value, x_) * (width_ - kLeft - 12);
  }
  double y(double value) const {
    return 10 + (1 - share(value, y_)) * (height_ - kBelow - 10);
  }
  double bottom() const { return height_ - kBelow; }
  std::string y_axis(const std::string& title) const {
    std::string text;
    const double step = round_step((y_.high - y_.low) / 5);
    const int digits = std::max(0, -int(std::floor(std::log10(step) + 1e-9)));
    for (double tick = std::ceil(y_.low / step); tick * step <= y_.high; ++tick) {
      text += fmt::format(
          "<path class='grid' d='M{} {:.1f}H{}'/><text x='{}' y='{:.1f}' "
          "text-anchor='end'>{:.{}f}</text>",
          kLeft, y(tick * step), width_ - 12, kLeft - 6, y(tick * step) + 4,
          tick * step + 0.0, digits);
    }
    return text + fmt::format(
                      "<text class='dim' transform='translate(12 {:.0f}) "
                      "rotate(-90)' text-anchor='middle'>{}</text>",
                      (10 + bottom()) / 2, title);
  }
  std::string x_tick(double value, const std::string& label) const {
    return fmt::format(
        "<path class='axis' d='M{0:.1f} {1:.1f}v4'/><text x='{0:.1f}' "
        "y='{2:.1f}' text-anchor='middle'>{3}</text>",
        x(value), bottom(), bottom() + 16, label);
  }
  std::string x_title(const std::string& title) const {
    return fmt::format(
        "<path class='axis' d='M{} {:.1f}H{}'/><text class='dim' x='{:.1f}' "
        "y='{:.1f}' text-anchor='middle'>{}</text>",
        kLeft, bottom(), width_ - 12, (kLeft + width_) / 2, height_ - 6, title);
  }
  std::string svg(const std::string& name, const std::string& inside) const {
    return fmt::format(
        "<svg role='img' aria-label='{}' viewBox='0 0 {} {}' width='{}'>{}</svg>",
        html_text(name), width_, height_, width_, inside);
  }

 private:
  static double share(double value, const Interval& of) {
    return of.high == of.low ? 0.5 : (value - of.low) / (of.high - of.low);
  }
  static constexpr double kLeft = 60;
  static constexpr double kBelow = 44;
  double width_;
  double height_;
  Interval x_;
  Interval y_;
};

Interval range_of(const std::vector<double>& values, double margin) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double room = margin * std::max(*high - *low, 1e-6);
  return {*low - room, *high + room};
}

struct Place {
  const ReportRow* row;
  double size;      // KiB
  double accuracy;  // percent
  bool is_collapsed;
};

std::vector<Place> places_of(const std::vector<const ReportRow*>& rows) {
  std::vector<Place> places;
  for (const ReportRow* row : rows) {
    const auto& size = row->metrics.at("size");
    const auto& accuracy = row->metrics.at("accuracy");
    if (size.count == 0 || accuracy.count == 0 || size.mean <= 0) continue;
    const auto& drop = row->metrics.at("accuracy_drop");
    places.push_back(
        {row, size.mean, accuracy.mean, drop.count > 0 && drop.mean > kCollapse});
  }
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return std::pair(a.size, -a.accuracy) < std::pair(b.size, -b.accuracy);
  });
  return places;
}

// Powers of two within the range, no more than seven.
std::vector<double> size_ticks(const Interval& log_sizes) {
  const int low = int(std::ceil(log_sizes.low));
  const int high = int(std::floor(log_sizes.high));
  const int step = std::max(1, (high - low + 6) / 7);
  std::vector<double> ticks;
  for (int power = low; power <= high; power += step) ticks.push_back(power);
  return ticks;
}

std::string size_text(double kib) {
  return kib >= 1024 ? fmt::format("{:.4g} MiB", kib / 1024)
                     : fmt::format("{:.4g} KiB", kib);
}

std::string mark(const Place& place, double x, double y) {
  const auto title = html_text(fmt::format("{} ({}): {:.2f} %, {}", place.row->row.label,
                                           place.row->row.network, place.accuracy,
                                           size_text(place.size)));
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
std::string front_of(const std::vector<Place>& places, const Frame& frame) {
  std::string path;
  std::string labels;
  double best = -std::numeric_limits<double>::infinity();
  double last_x = -1e9;
  double last_y = -1e9;
  for (const auto& place : places) {
    if (place.is_collapsed || place.accuracy <= best) continue;
    best = place.accuracy;
    const double x = frame.x(std::log2(place.size));
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

// ---- Curves ----

using Curve = std::vector<double>;

// At most so many points, evenly spread, the last among them.
Curve thinned(const Curve& curve) {
  constexpr std::size_t kMost = 200;
  if (curve.size() <= kMost) return curve;
  Curve result;
  for (std::size_t i = 0; i < kMost; ++i) {
    result.push_back(curve[i * (curve.size() - 1) / (kMost - 1)]);
  }
  return result;
}

std::string curve_figure(const ReportRow& row, const std::string& what) {
  std::vector<double> values;
  std::size_t epochs = 0;
  const auto visit = [&](auto&& visitor) {
    for (const auto& run : row.runs) {
      for (const char* part : {"train", "validation"}) {
        const auto found = run.curves.find(part + ("/" + what));
        if (found != run.curves.end()) visitor(part, found->second);
      }
    }
  };
  visit([&](const char*, const Curve& curve) {
    epochs = std::max(epochs, curve.size());
    std::copy_if(curve.begin(), curve.end(), std::back_inserter(values),
                 [](double value) { return std::isfinite(value); });
  });
  if (values.empty() || epochs < 2) return "";
  const double percent = what == "accuracy" ? 100 : 1;
  for (double& value : values) value *= percent;
  const Frame frame(340, 220, {1, double(epochs)}, range_of(values, 0.05));
  std::string inside = frame.y_axis(what == "accuracy" ? "accuracy (%)" : what) +
                       frame.x_title("epoch") + frame.x_tick(1, "1") +
                       frame.x_tick(double(epochs), std::to_string(epochs));
  visit([&](const std::string& part, const Curve& curve) {
    const auto shown = thinned(curve);
    std::string path;
    const double stride =
        shown.size() < 2 ? 0 : double(curve.size() - 1) / double(shown.size() - 1);
    bool is_down = false;
    for (std::size_t i = 0; i < shown.size(); ++i) {
      if (!std::isfinite(shown[i])) {
        is_down = false;
        continue;
      }
      path += fmt::format("{}{:.1f} {:.1f}", is_down ? 'L' : 'M',
                          frame.x(1 + stride * double(i)), frame.y(percent * shown[i]));
      is_down = true;
    }
    inside += fmt::format("<path class='curve{}' d='{}'/>",
                          part == "train" ? " training" : "", path);
  });
  return "<figure>" +
         frame.svg(fmt::format("{} of {} by epoch", what, row.row.label), inside) +
         "</figure>";
}

}  // namespace

std::string html_text(const std::string& text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

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

std::string pareto_figure(const std::vector<const ReportRow*>& rows) {
  const auto places = places_of(rows);
  std::vector<double> sizes;
  std::vector<double> accuracies;
  bool any_collapsed = false;
  for (const auto& place : places) {
    sizes.push_back(std::log2(place.size));
    any_collapsed |= place.is_collapsed;
    if (!place.is_collapsed) accuracies.push_back(place.accuracy);
  }
  if (places.size() < 2 || accuracies.empty()) return "";
  auto y_range = range_of(accuracies, 0.08);
  // A strip of its own below for what collapsed.
  if (any_collapsed) y_range.low -= 0.12 * (y_range.high - y_range.low);
  const auto x_range = range_of(sizes, 0.06);
  const Frame frame(720, 400, x_range, y_range);
  std::string inside = frame.y_axis("accuracy (%)") + frame.x_title("size");
  for (const double tick : size_ticks(x_range)) {
    inside += frame.x_tick(tick, size_text(std::exp2(tick)));
  }
  for (const auto& place : places) {
    const double x = frame.x(std::log2(place.size));
    inside += mark(place, x,
                   place.is_collapsed ? frame.bottom() - 14 : frame.y(place.accuracy));
  }
  inside += front_of(places, frame);
  return frame.svg(
      "size against accuracy, with the Pareto front; the table holds the "
      "same figures",
      inside);
}

std::string curve_figures(const ReportRow& row) {
  return curve_figure(row, "accuracy") + curve_figure(row, "loss");
}

}  // namespace bitsweep

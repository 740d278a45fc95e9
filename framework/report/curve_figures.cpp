#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "framework/report/page_figures.h"
#include "framework/report/svg_frame.h"

namespace bitsweep {
namespace {

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
  const SvgFrame frame(340, 220, {1, double(epochs)}, range_of(values, 0.05));
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

std::string curve_figures(const ReportRow& row) {
  return curve_figure(row, "accuracy") + curve_figure(row, "loss");
}

}  // namespace bitsweep

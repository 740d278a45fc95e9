#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "framework/report/page_figures.h"

namespace bitsweep {
namespace {

// ---- A network's bits, layer by layer ----

// Wide widths are light, narrow ones deep: how far quantization went is seen at once.
std::string shaded_bits(int bits) {
  const double depth = bits >= 32 ? 0 : 1 - std::log2(double(std::max(bits, 1))) / 6;
  return fmt::format("<span class='bits{}' style='--depth:{:.0f}%'>{}</span>",
                     depth > 0.55 ? " deep" : "", 100 * depth, bits);
}

std::string bits_line(const ReportRow& row) {
  std::string text = fmt::format("<tr><th scope='row'>{}</th>", html_text(row.row.label));
  for (const auto& layer : row.network.layers) {
    text += fmt::format("<td title='{}: {} products an image, executed as {}'>{} {}</td>",
                        html_text(layer.layer), layer.multiply_accumulates,
                        html_text(layer.kernel), shaded_bits(layer.weight_bits),
                        shaded_bits(layer.input_bits));
  }
  return text + "</tr>\n";
}

std::vector<std::string> layers_of(const ReportRow& row) {
  std::vector<std::string> names;
  for (const auto& layer : row.network.layers) names.push_back(layer.layer);
  return names;
}

// ---- A site's values among its levels ----

constexpr double kWidth = 250;
constexpr double kHeight = 110;
constexpr double kBase = 88;  // of the bars
constexpr double kTop = 8;

class Axis {
 public:
  explicit Axis(const SiteHistogram& histogram) {
    low_ = histogram.low;
    high_ = histogram.high;
    const double room = high_ - low_;
    // The grid's ends too, where they do not press the values together.
    for (const double end : {histogram.grid_low, histogram.grid_high}) {
      if (!std::isfinite(end)) continue;
      if (end > histogram.low - room) low_ = std::min(low_, end);
      if (end < histogram.high + room) high_ = std::max(high_, end);
    }
    const double margin = 0.02 * (high_ - low_);
    low_ -= margin;
    high_ += margin;
  }

  bool holds(double value) const { return value >= low_ && value <= high_; }
  double x(double value) const { return (value - low_) / (high_ - low_) * kWidth; }

 private:
  double low_, high_;
};

std::string bars_of(const SiteHistogram& histogram, const Axis& axis) {
  const double most = *std::max_element(histogram.counts.begin(), histogram.counts.end());
  const double bins = double(histogram.counts.size());
  std::string path = fmt::format("M{:.1f} {}", axis.x(histogram.low), kBase);
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    const double height = most > 0 ? (kBase - kTop) * histogram.counts[i] / most : 0;
    const double right =
        histogram.low + (histogram.high - histogram.low) * double(i + 1) / bins;
    path += fmt::format("V{:.0f}H{:.0f}", kBase - height, axis.x(right));
  }
  return fmt::format("<path class='bars' d='{}V{}Z'/>", path, kBase);
}

double share_height(const SiteHistogram& histogram, std::size_t level) {
  const auto& shares = histogram.level_shares;
  const double most = *std::max_element(shares.begin(), shares.end());
  return most > 0 ? (kBase - kTop) * shares[level] / most : 0;
}

std::string stem(double x, double height) {
  return fmt::format("M{:.1f} {}v{:.1f}", x, kBase, -height);
}

// A few levels have a dot and a name each; more of them would crowd each other.
std::string levels_of(const SiteHistogram& histogram, const Axis& axis) {
  constexpr std::size_t kFew = 16;
  const bool few = histogram.levels.size() <= kFew;
  std::string path;
  std::string dots;
  for (std::size_t i = 0; i < histogram.levels.size(); ++i) {
    if (!axis.holds(histogram.levels[i])) continue;
    const double x = axis.x(histogram.levels[i]);
    const double height = share_height(histogram, i);
    path += stem(x, height);
    if (!few) continue;
    dots += fmt::format(
        "<circle class='level' cx='{:.1f}' cy='{:.1f}' r='1.8'><title>{:.4g}: {:.2f} % "
        "of the values</title></circle>",
        x, kBase - height, histogram.levels[i], 100 * histogram.level_shares[i]);
  }
  return path.empty() ? "" : fmt::format("<path class='level' d='{}'/>{}", path, dots);
}

std::string clip_line(double end, const Axis& axis) {
  if (!std::isfinite(end) || !axis.holds(end)) return "";
  return fmt::format("<path class='clip' d='M{:.1f} {}V{}'/>", axis.x(end), kTop, kBase);
}

// Lines of one bit's or 32 bits' grid would say nothing of clipping.
std::string clips_of(const SiteHistogram& histogram, const Axis& axis) {
  if (histogram.levels.size() == 2) return "";
  return clip_line(histogram.grid_low, axis) + clip_line(histogram.grid_high, axis);
}

std::string histogram_figure(const SiteHistogram& histogram) {
  if (histogram.counts.empty()) return "";
  const Axis axis(histogram);
  const auto label = [&](double value, const char* anchor, double x) {
    return fmt::format(
        "<text class='dim' x='{:.1f}' y='{}' text-anchor='{}'>{:.3g}</text>", x,
        kBase + 14, anchor, value);
  };
  const std::string inside =
      bars_of(histogram, axis) + levels_of(histogram, axis) + clips_of(histogram, axis) +
      fmt::format("<path class='axis' d='M0 {}H{}'/>", kBase, kWidth) +
      label(histogram.low, "start", std::max(0.0, axis.x(histogram.low))) +
      label(histogram.high, "end", axis.x(histogram.high));
  const std::string name =
      histogram.site + (histogram.in_steps ? ", in units of each channel's scale" : "");
  return fmt::format(
      "<figure class='site'><svg role='img' aria-label='values of {0}' viewBox='0 0 {1} "
      "{2}' width='{1}'>{3}</svg><figcaption>{0}</figcaption></figure>",
      html_text(name), kWidth, kHeight, inside);
}

}  // namespace

std::string bits_tables(const StudyReport& report) {
  std::map<std::pair<std::string, std::vector<std::string>>, std::string> lines;
  for (const auto& row : report.rows) {
    if (row.row.is_baseline() || row.network.layers.empty()) continue;
    lines[{row.row.network, layers_of(row)}] += bits_line(row);
  }
  std::string text;
  for (const auto& [network, body] : lines) {
    text += fmt::format(
        "<div class='scroll' role='region' tabindex='0' aria-label='bits of {0}'>"
        "<table class='matrix'><caption>{0}</caption>\n<thead><tr><th "
        "scope='col'>weights and inputs of</th>",
        html_text(network.first));
    for (const auto& layer : network.second) {
      text += fmt::format("<th scope='col'>{}</th>", html_text(layer));
    }
    text += "</tr></thead>\n<tbody>\n" + body + "</tbody></table></div>\n";
  }
  return text;
}

std::string histogram_figures(const ReportRow& row) {
  std::string text;
  for (const auto& histogram : row.network.histograms)
    text += histogram_figure(histogram);
  return text;
}

}  // namespace bitsweep

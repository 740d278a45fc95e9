#include "framework/report/svg_frame.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "framework/report/page_figures.h"

namespace bitsweep {
namespace {

constexpr double kLabelRoom = 60;  // room for the labels
constexpr double kBelow = 44;

double share(double value, const Interval& of) {
  return of.high == of.low ? 0.5 : (value - of.low) / (of.high - of.low);
}

// The next of 1, 2, 5, 10, ... times a power of ten.
double round_step(double step) {
  const double power = std::pow(10, std::floor(std::log10(step)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= step) return factor * power;
  }
  return 10 * power;
}

}  // namespace

double SvgFrame::x(double value) const {
  return kLabelRoom + share(value, x_) * (width_ - kLabelRoom - 12);
}

double SvgFrame::y(double value) const {
  return 10 + (1 - share(value, y_)) * (height_ - kBelow - 10);
}

double SvgFrame::bottom() const { return height_ - kBelow; }

std::string SvgFrame::y_axis(const std::string& title) const {
  std::string text;
  const double step = round_step((y_.high - y_.low) / 5);
  const int digits = std::max(0, -int(std::floor(std::log10(step) + 1e-9)));
  for (double tick = std::ceil(y_.low / step); tick * step <= y_.high; ++tick) {
    text += fmt::format(
        "<path class='grid' d='M{} {:.1f}H{}'/><text x='{}' y='{:.1f}' "
        "text-anchor='end'>{:.{}f}</text>",
        kLabelRoom, y(tick * step), width_ - 12, kLabelRoom - 6, y(tick * step) + 4,
        tick * step + 0.0, digits);
  }
  return text + fmt::format(
                    "<text class='dim' transform='translate(12 {:.0f}) "
                    "rotate(-90)' text-anchor='middle'>{}</text>",
                    (10 + bottom()) / 2, title);
}

std::string SvgFrame::x_tick(double value, const std::string& label) const {
  return fmt::format(
      "<path class='axis' d='M{0:.1f} {1:.1f}v4'/><text x='{0:.1f}' "
      "y='{2:.1f}' text-anchor='middle'>{3}</text>",
      x(value), bottom(), bottom() + 16, label);
}

std::string SvgFrame::x_title(const std::string& title) const {
  return fmt::format(
      "<path class='axis' d='M{} {:.1f}H{}'/><text class='dim' x='{:.1f}' "
      "y='{:.1f}' text-anchor='middle'>{}</text>",
      kLabelRoom, bottom(), width_ - 12, (kLabelRoom + width_) / 2, height_ - 6, title);
}

std::string SvgFrame::svg(const std::string& name, const std::string& inside) const {
  return fmt::format(
      "<svg role='img' aria-label='{}' viewBox='0 0 {} {}' width='{}'>{}</svg>",
      html_text(name), width_, height_, width_, inside);
}

Interval range_of(const std::vector<double>& values, double margin) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double room = margin * std::max(*high - *low, 1e-6);
  return {*low - room, *high + room};
}

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

}  // namespace bitsweep

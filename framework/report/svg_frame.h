// A frame with axes, in which the figures of a report's page are drawn.
#pragma once

#include <string>
#include <vector>

#include "framework/report/statistics.h"

namespace bitsweep {

/// Places points in the units of the data; `x` and `y` are what the axes reach.
class SvgFrame {
 public:
  SvgFrame(double width, double height, Interval x, Interval y)
      : width_(width), height_(height), x_(x), y_(y) {}

  double x(double value) const;
  double y(double value) const;
  double bottom() const;

  /// Lines at round values, with their labels.
  std::string y_axis(const std::string& title) const;
  std::string x_tick(double value, const std::string& label) const;
  std::string x_title(const std::string& title) const;

  /// The whole drawing, with a name for those who do not see it.
  std::string svg(const std::string& name, const std::string& inside) const;

 private:
  double width_;
  double height_;
  Interval x_;
  Interval y_;
};

/// From the smallest to the largest value, and `margin` of that beyond either.
Interval range_of(const std::vector<double>& values, double margin);

}  // namespace bitsweep

#include "framework/core/health_curve.h"

#include <iterator>
#include <string_view>

namespace bitsweep {
namespace {

constexpr std::string_view kHealth = "health/";
constexpr std::string_view kDriftEnd = "_drift";

// As the enumerators are ordered, but for kDrift.
constexpr std::string_view kFigures[] = {"clipped", "unused_levels", "levels", "sqnr_db",
                                         "sign_flips"};

}  // namespace

std::string HealthCurve::name() const {
  std::string name = std::string(kHealth) + site + "/";
  if (figure == HealthFigure::kDrift) return name + parameter + std::string(kDriftEnd);
  return name + std::string(kFigures[std::size_t(figure)]);
}

bool is_health_curve(const std::string& name) { return name.starts_with(kHealth); }

std::optional<HealthCurve> health_curve_named(const std::string& name) {
  const auto slash = name.rfind('/');
  if (!is_health_curve(name) || slash < kHealth.size()) return std::nullopt;
  HealthCurve curve{.site = name.substr(kHealth.size(), slash - kHealth.size())};
  const std::string last = name.substr(slash + 1);
  for (std::size_t i = 0; i < std::size(kFigures); ++i) {
    if (last != kFigures[i]) continue;
    curve.figure = HealthFigure(i);
    return curve;
  }
  if (!last.ends_with(kDriftEnd)) return std::nullopt;
  curve.figure = HealthFigure::kDrift;
  curve.parameter = last.substr(0, last.size() - kDriftEnd.size());
  return curve;
}

}  // namespace bitsweep

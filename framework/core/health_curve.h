// The figures of quantizers' health: what each is, and how a record names its curve.
#pragma once

#include <compare>
#include <optional>
#include <string>

namespace bitsweep {

/// Their formulas are in framework/train/health.h.
enum class HealthFigure {
  kClipped,       // a share
  kUnusedLevels,  // a number
  kLevels,        // a number
  kSqnr,          // dB
  kSignFlips,     // a share, of weights
  kDrift,         // of a learned parameter, relative
};

/// One figure of one site.
struct HealthCurve {
  std::string site;  // "conv1/weight"
  HealthFigure figure = HealthFigure::kClipped;
  std::string parameter = {};  // of kDrift: "step"

  /// "health/conv1/weight/clipped", "health/conv1/weight/step_drift".
  std::string name() const;

  friend auto operator<=>(const HealthCurve&, const HealthCurve&) = default;
};

/// Whether a curve of a record is one of these.
bool is_health_curve(const std::string& name);
/// The inverse of `name`; none for other names.
std::optional<HealthCurve> health_curve_named(const std::string& name);

}  // namespace bitsweep

#include "framework/core/health_curve.h"

#include <catch2/catch.hpp>

namespace bitsweep {

TEST_CASE("a curve of health is read back from its name", "[health]") {
  for (const auto figure :
       {HealthFigure::kClipped, HealthFigure::kUnusedLevels, HealthFigure::kLevels,
        HealthFigure::kSqnr, HealthFigure::kSignFlips, HealthFigure::kDrift}) {
    const HealthCurve curve{"block1/conv2/input", figure,
                            figure == HealthFigure::kDrift ? "step" : ""};
    CHECK(health_curve_named(curve.name()) == curve);
  }
  // As records have them.
  CHECK(HealthCurve{"conv1/weight", HealthFigure::kSqnr}.name() ==
        "health/conv1/weight/sqnr_db");
  CHECK(HealthCurve{"conv1/weight", HealthFigure::kDrift, "step"}.name() ==
        "health/conv1/weight/step_drift");
}

TEST_CASE("other curves are none of health", "[health]") {
  for (const char* name : {"train/loss", "health", "health/", "health/clipped",
                           "health/conv1/weight/unknown", "conv1/weight/clipped"}) {
    CAPTURE(name);
    CHECK_FALSE(health_curve_named(name));
  }
  CHECK_FALSE(is_health_curve("train/loss"));
  CHECK(is_health_curve("health/conv1/weight/unknown"));
}

}  // namespace bitsweep

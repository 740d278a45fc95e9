// A row against the float runs of its seeds: how much accuracy it drops, how sure that
// is, and whether it differs at all.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "framework/config/run_spec.h"
#include "framework/report/statistics.h"
#include "framework/results/record.h"

namespace bitsweep {

/// A finished run and the float run of its seed, null when that is not finished.
struct RunPair {
  const RunRecord* run;
  const RunRecord* baseline;
};

struct TestOutcome {
  std::string test;     // "paired t test, 3 seeds"
  double p = 1;         // of this test alone
  double adjusted = 1;  // by Holm over all tests of the table
};

/// An estimate's 95 % interval and how it was made; "" where there is none.
struct NamedInterval {
  Interval interval;
  std::string_view method;
};

inline constexpr std::string_view kOverSeeds = "t over seeds";
inline constexpr std::string_view kOverImages = "Bonett-Price over images";
inline constexpr std::string_view kWilson = "Wilson over images";

struct Comparison {
  Summary drop;  // of accuracy, in percentage points
  std::optional<NamedInterval> interval;
  std::vector<TestOutcome> tests;  // none without finished pairs

  /// The test with the smallest adjusted p; null without tests.
  const TestOutcome* strongest() const;
  bool significant() const;
};

/// The tests stand uncorrected: `correct_for_many` sees all of a table.
Comparison compare_with_float(const std::vector<RunPair>& pairs);

/// Holm's correction over all tests of all comparisons.
void correct_for_many(const std::vector<Comparison*>& comparisons);

/// Of the mean accuracy, in percent.
std::optional<NamedInterval> accuracy_interval(const std::vector<RunPair>& pairs);

/// What the comparison with a published figure says, by the rule of `verdict_rule`:
/// "reproduced", "better", "missed", "inconclusive", "recipe differs", or "" without a
/// figure or a run.
std::string verdict_on(const PublishedSpec& published, const Comparison& comparison,
                       const Summary& accuracy,
                       const std::optional<NamedInterval>& accuracy_interval);

/// The rules in words, for the notes of a table.
std::string significance_rule();
std::string interval_rule();
std::string verdict_rule();

/// Half of the last digit that a published figure has: 0.05 of 3.7.
double rounding_of(double figure);

}  // namespace bitsweep

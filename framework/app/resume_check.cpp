#include "framework/app/resume_check.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/train/cut_run.h"

namespace bitsweep {
namespace {

std::string list_difference(const std::vector<float>& got,
                            const std::vector<float>& wanted) {
  for (std::size_t i = 0; i < std::min(got.size(), wanted.size()); ++i) {
    if (std::memcmp(&got[i], &wanted[i], sizeof(float)) == 0) continue;
    return fmt::format("value {} is {}, undisturbed {}", i, got[i], wanted[i]);
  }
  return got.size() == wanted.size()
             ? ""
             : fmt::format("has {} values, undisturbed {}", got.size(), wanted.size());
}

// What the network and its sites come to; curves of health may hold NaN.
std::string trained_difference(const SavedState& got, const SavedState& wanted) {
  for (const auto& [name, value] : wanted) {
    const auto* list = std::get_if<std::vector<float>>(&value);
    const auto found = got.find(name);
    if (list == nullptr) continue;
    const auto* own =
        found == got.end() ? nullptr : std::get_if<std::vector<float>>(&found->second);
    const auto how =
        own == nullptr ? std::string("is missing") : list_difference(*own, *list);
    if (!how.empty()) return fmt::format("'{}': {}", name, how);
  }
  return "";
}

}  // namespace

CheckResult check_resume(const MethodSpec& method, const MethodRegistry& methods) {
  constexpr int kBatches = 3;
  CheckResult result{
      .name = "resume",
      .promise =
          "a run that is cut and continued from its checkpoints ends as the "
          "undisturbed one",
      .asked_of = "run"};
  const RunSpec spec = run_to_cut(method);
  std::string found;
  try {
    const CutRun whole = train_in_pieces(spec, data_to_cut(), methods, 0);
    const CutRun pieces = train_in_pieces(spec, data_to_cut(), methods, kBatches);
    found = trained_difference(pieces.state, whole.state);
  } catch (const ConfigError&) {
    return result;
  } catch (const RunError& error) {  // the state is not one of this run's
    found = error.what();
  }
  result.asked = 1;
  if (found.empty()) return result;
  result.broken = 1;
  result.example = fmt::format(
      "cut every {} batches, {}; visit_state is to show every member that calibration, "
      "stages or training change",
      kBatches, found);
  return result;
}

}  // namespace bitsweep

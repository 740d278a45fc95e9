#include "framework/config/float_rows.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace bitsweep {

std::size_t FloatRows::add(RunSpec wanted, const std::vector<std::int64_t>& seeds,
                           std::shared_ptr<const WrittenRow> written) {
  wanted.seed = 0;
  const auto [known, is_new] = by_text_.emplace(wanted.canonical_text(), rows_.size());
  const char* label = wanted.is_baseline() ? "float" : "float, fine-tuned";
  if (is_new) rows_.push_back({"baseline", label, {}, {}, std::move(written)});
  RowSpec& row = rows_[known->second];
  for (const std::int64_t seed : seeds) {
    const bool is_there =
        std::any_of(row.runs.begin(), row.runs.end(),
                    [&](const RunSpec& other) { return other.seed == seed; });
    wanted.seed = seed;
    if (!is_there) row.runs.push_back(wanted);
  }
  return known->second;
}

void FloatRows::describe(std::size_t place, const Row& row) {
  RowSpec& spec = rows_[place];
  const auto [told, is_new] = described_by_.emplace(place, &row);
  if (!is_new && told->second->own != row.own) {
    problems_.add(*row.own,
                  fmt::format("is the float network of the row in line {} again; remove "
                              "it, or give it training or fine_tuning of its own",
                              told->second->own->place.line));
  }
  if (!row.heading.group.empty()) spec.group = row.heading.group;
  if (!row.heading.label.empty()) spec.label = row.heading.label;
  spec.published = row.published;
}

void refuse_idle_of_float(const Row& row, Problems& problems) {
  const auto is_one_of_many = [](const auto& choice) {
    return choice.first == "method.id";
  };
  if (std::any_of(row.choices.begin(), row.choices.end(), is_one_of_many)) return;
  for (const std::string key :
       {"sites", "edges", "start", "calibration", "calibration_batches", "baseline"}) {
    const Node* own = row.own->find(key);
    if (!own) continue;
    problems.add(*own,
                 key == "sites"
                     ? "has no effect in a row of float; to quantize some sites alone, "
                       "name their method at the row, and float in rules: {match: fc1/*, "
                       "method: {id: float}}"
                     : "has no effect in a row of float, which quantizes nothing");
  }
}

}  // namespace bitsweep

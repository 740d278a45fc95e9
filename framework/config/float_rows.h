// The rows of float networks: those that a study writes and those that its other rows
// begin with or are compared with. Two of one run would be one row of the table.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "framework/config/study_rows.h"
#include "framework/config/written_row.h"

namespace bitsweep {

class FloatRows {
 public:
  explicit FloatRows(Problems& problems) : problems_(problems) {}

  /// The place of the row of that run, which is added where it is new; with these seeds.
  std::size_t add(RunSpec wanted, const std::vector<std::int64_t>& seeds,
                  std::shared_ptr<const WrittenRow> written);

  /// A row of the file gives it group, label and published figure. A second one would be
  /// lost in the first, and is a problem.
  void describe(std::size_t place, const Row& row);

  std::vector<RowSpec> rows() && { return std::move(rows_); }

 private:
  Problems& problems_;
  std::vector<RowSpec> rows_;
  std::map<std::string, std::size_t> by_text_;  // canonical, of the seed 0
  std::map<std::size_t, const Row*> described_by_;
};

/// A row of float quantizes nothing: keys that would change nothing in it are problems,
/// since the table would not say so. A list of methods shares its row's keys with others.
void refuse_idle_of_float(const Row& row, Problems& problems);

}  // namespace bitsweep

// What a reader must know of a row beside its numbers.
#pragma once

#include "framework/report/study_records.h"

namespace bitsweep {

/// Runs that are missing, failed or learned nothing; widths that a grid does not keep;
/// what the row is compared with.
std::vector<std::string> remarks_of(const ManifestRow& row, const RowRecords& records);

/// Whether the row differs significantly from float, once its tests are corrected; "" for
/// one that does.
std::string significance_remark(const ReportRow& row);

}  // namespace bitsweep

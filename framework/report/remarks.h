// What a reader must know of a row beside its numbers.
#pragma once

#include "framework/report/study_records.h"

namespace bitsweep {

/// Runs that are missing, failed or learned nothing; widths that a grid does not keep;
/// whether the row differs significantly from float.
std::vector<std::string> remarks_of(const ReportRow& row, const StudyRecords& records);

}  // namespace bitsweep

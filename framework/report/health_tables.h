// How the quantizers of a study's runs ended: what their records' curves of health say.
#pragma once

#include <string>

#include "framework/report/report.h"

namespace bitsweep {

/// For each row with figures or warnings, a table of its sites in markdown: figures of
/// the last epoch, means over the seeds that are done. `rows` is a pattern of labels, "*"
/// for all; throws ConfigError when it matches none.
std::string health_tables(const StudyManifest& manifest, const RecordLookup& record_of,
                          const std::string& rows);

}  // namespace bitsweep

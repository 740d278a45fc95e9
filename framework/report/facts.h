// What the rows of a report have in common, in words.
#pragma once

#include "framework/report/study_records.h"

namespace bitsweep {

/// Data, networks, training, plugins, program and machine; a line each.
std::vector<std::string> facts_of(const StudyManifest& manifest,
                                  const StudyRecords& records);

/// What runs warned of, with their rows and seeds.
std::vector<std::string> warnings_of(const StudyManifest& manifest,
                                     const StudyRecords& records);

}  // namespace bitsweep

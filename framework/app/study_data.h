// The data of a study, as planning needs to know it.
#pragma once

#include <filesystem>
#include <vector>

#include "framework/config/run_spec.h"

namespace bitsweep {

/// Reads each dataset of the study once (under a second for each dataset there is),
/// checks it, and makes its checksum part of every run's identity: the same study on
/// other data is other runs. Calibration tables likewise. Throws DataError or
/// ConfigError: files that are missing or damaged, a split or a batch larger than the
/// data.
void identify_data(StudySpec& study, const std::vector<std::filesystem::path>& folders);

/// Sentences on batches, and calibration sets, that are larger than the `images` there
/// are to train on.
std::vector<std::string> batch_problems(const RunSpec& run, std::size_t images);

}  // namespace bitsweep

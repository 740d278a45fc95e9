// The data of a study, as planning needs to know it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "framework/config/problems.h"
#include "framework/config/run_spec.h"

namespace bitsweep {

/// Reads each dataset of the study once (under a second for each dataset there is),
/// checks it, and makes its checksum part of every run's identity: the same study on
/// other data is other runs. Adds every split and batch that is larger than the data.
/// Returns a sentence for each dataset whose files are missing or damaged, by its row.
struct UnreadData {
  const RowSpec* row;
  std::string why;
};
struct StudyData {
  std::vector<UnreadData> unread;
  std::vector<std::size_t> training_images;  // of each row; 0 where it could not be read
};
StudyData identify_data(StudySpec& study,
                        const std::vector<std::filesystem::path>& folders,
                        Problems& problems);

}  // namespace bitsweep

// The data of a study, as planning needs to know it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "framework/config/run_spec.h"

namespace bitsweep {

/// How many images there are to train on, for each dataset of a study.
class TrainingImages {
 public:
  void set(const DatasetSpec& dataset, std::size_t count);
  /// A typical number where it is not known.
  std::size_t of(const DatasetSpec& dataset) const;

 private:
  std::map<std::string, std::size_t> counts_;
};

/// Reads each dataset of the study once (under a second for each dataset there is),
/// checks it, and makes its checksum part of every run's identity: the same study on
/// other data is other runs. Gives the images of each. Throws DataError or ConfigError:
/// files that are missing or damaged, a split or a batch larger than the data.
TrainingImages identify_data(StudySpec& study,
                             const std::vector<std::filesystem::path>& folders);

/// Sentences on batches that are larger than the `images` there are to train on.
std::vector<std::string> batch_problems(const RunSpec& run, std::size_t images);

}  // namespace bitsweep

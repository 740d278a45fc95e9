// Calibration tables: the grids that calibration chose for a network's activations, as a
// file that people read and another run takes.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "framework/config/node.h"
#include "framework/config/run_spec.h"

namespace bitsweep {

struct CalibratedSite {
  std::string site;       // "conv1/input"
  std::string method;     // "affine"
  std::string estimator;  // "min_max"; "" where the method has none by name
  int bits = 8;
  float low = 0, high = 0;  // the grid's ends
  /// All that calibration left in the quantizer: scale, zero_point, ...
  std::map<std::string, std::vector<float>> state;
  Node written = {};  // in a table that was read
};

/// `comments` stand in front, a line each. Floats are written so that reading gives the
/// same bits.
std::string calibration_table_text(const std::vector<CalibratedSite>& sites,
                                   const std::vector<std::string>& comments);

/// Throws ConfigError, with the place, for a file that is none.
std::vector<CalibratedSite> read_calibration_table(const std::filesystem::path& file);

/// SHA-256 of the file's bytes. Throws ConfigError where it cannot be read.
std::string calibration_table_checksum(const std::filesystem::path& file);

/// Gives every run that names a table the checksum of that file, which is part of the
/// run's identity. Throws ConfigError for a table that cannot be read.
void identify_calibration_tables(StudySpec& study);

}  // namespace bitsweep

// What a report must know of a study beside the records: kept with them as a short text,
// so that a folder of results can be reported without the study's file, and by later
// programs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "framework/config/run_spec.h"

namespace bitsweep {

/// How the program names a run and finds its record.
struct RunName {
  std::string digest;
  std::string baseline;  // digest of the float run it is compared with; its own for one
  std::string record;    // the record's file, relative to the manifest's folder
};

/// A run of a row.
struct ManifestRun {
  std::int64_t seed = 1;
  RunName name;
};

/// A line of the table.
struct ManifestRow {
  std::string label;
  std::string group;
  std::string method;  // id
  std::string plugin;  // SHA-256 of the library that brings it; "" for a built-in
  std::string network;
  std::string dataset;
  std::string weight_bits;  // "4", "5 (fc*: 4)"; "" where only the records tell
  std::string activation_bits;
  EdgesSpec edges;
  std::string pruning;      // "keep conv1 0.66, * 0.08, one_shot"; "" where none
  std::string training;     // of the float baseline, in a line
  std::string fine_tuning;  // of the quantized network, in a line
  PublishedSpec published;
  std::vector<ManifestRun> runs;  // one for each seed

  bool is_baseline() const { return method == "float" && pruning.empty(); }
};

struct StudyManifest {
  std::string name;
  std::string title;
  std::string file;     // the study's
  std::string options;  // of `bitsweep run` that decide what is run
  std::vector<ManifestRow> rows;
};

StudyManifest make_manifest(const StudySpec& study,
                            const std::function<RunName(const RunSpec&)>& name_of);

/// The manifest's file within a folder of results.
std::filesystem::path manifest_path(const std::filesystem::path& folder);

/// Whole or not at all; throws RunError.
void write_manifest(const StudyManifest& manifest, const std::filesystem::path& folder);

/// Throws DataError when there is none, or it is not one, or of another version.
StudyManifest read_manifest(const std::filesystem::path& folder);

}  // namespace bitsweep

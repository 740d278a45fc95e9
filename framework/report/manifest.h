// What a report must know of a study beside the records: kept with them as a text with
// a checksum, so that a folder of results can be reported without the study's file.
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
  std::string baseline;  // digest of the float run it is compared with; or its own
  std::string record;    // the record's file, relative to the manifest's folder
};

/// A run of a row.
struct ManifestRun {
  std::int64_t seed = 1;
  RunName name;
};

/// Bits of some layers' tensors, where they are not the row's.
struct LayerBits {
  std::string layers;  // pattern: "fc*"
  std::string method;  // id
  int bits = 0;        // 0 where the method has no such width
  /// "fc*: 4"; "conv2: twn" without a width.
  std::string text() const;
  static Schema<LayerBits> schema();
};

/// Bits of a row's weights, of its activations or of its gradients.
struct RowBits {
  int bits = 0;  // 0 where only the records tell
  std::vector<LayerBits> others;

  bool is_known() const { return bits != 0; }
  int widest() const;
  bool any_below_float() const;
  /// "4", "5 (fc*: 4)"; "" where only the records tell.
  std::string text() const;
};

/// A line of the table.
struct ManifestRow {
  std::string label;
  std::string group;
  std::string method;  // id
  std::string plugin;  // SHA-256 of the library that brings it; "" for a built-in
  std::string network;
  std::string dataset;
  RowBits weight_bits;
  RowBits activation_bits;
  RowBits gradient_bits = {32, {}};
  EdgesSpec edges;
  std::string pruning;              // "keep conv1 0.66, * 0.08, one_shot"; "" where none
  std::string training;             // of the float baseline, in a line
  std::string fine_tuning;          // of the quantized network, in a line
  bool fine_tuned_control = false;  // it is compared with float fine-tuned alike
  std::string scheme_changes;       // as in `changes_text`
  PublishedSpec published;
  std::vector<ManifestRun> runs;  // one for each seed

  bool is_baseline() const { return method == "float" && pruning.empty(); }
  /// The fields outside the groups.
  static Schema<ManifestRow> schema();
};

struct StudyManifest {
  std::string name;
  std::string title;
  std::string file;     // the study's
  std::string options;  // of `bitsweep run` that decide what is run
  std::vector<ManifestRow> rows;
  /// The fields outside the groups.
  static Schema<StudyManifest> schema();
};

StudyManifest make_manifest(const StudySpec& study,
                            const std::function<RunName(const RunSpec&)>& name_of);

/// The manifest's file within a folder of results.
std::filesystem::path manifest_path(const std::filesystem::path& folder);

/// Whole or not at all; throws RunError.
void write_manifest(const StudyManifest& manifest, const std::filesystem::path& folder);

/// Throws DataError when there is none, or it is not one, of another version or damaged:
/// what is read is what was written.
StudyManifest read_manifest(const std::filesystem::path& folder);

}  // namespace bitsweep

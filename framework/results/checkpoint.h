// A run under way, as it is kept to go on from.
#pragma once

#include <filesystem>
#include <string>

#include "framework/core/saved_state.h"
#include "framework/results/record.h"

namespace bitsweep {

struct CheckpointHead {
  std::string digest;     // of the run's canonical text
  std::string build;      // `current_build()` of the program that wrote it
  Provenance provenance;  // of the work so far: when it began, its seconds
};

struct Checkpoint : CheckpointHead {
  SavedState state;
};

/// Written value by value, so that saving takes no memory, and sealed as records are:
/// under a temporary name, synced, renamed. Throws RunError naming the path.
void write_checkpoint(const CheckpointHead& head, const ShowState& state,
                      const std::filesystem::path& path);

/// Throws DataError when the file is missing, no checkpoint, or damaged.
Checkpoint read_checkpoint(const std::filesystem::path& path);

/// `<folder>/<digest>.checkpoint`.
std::filesystem::path checkpoint_path(const std::filesystem::path& folder,
                                      const std::string& digest);

/// Whether a file is one, by its name.
bool is_checkpoint(const std::filesystem::path& path);

}  // namespace bitsweep

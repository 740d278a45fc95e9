// `bitsweep validate` of a study in a folder of its own: the real program, on drawn images.
#pragma once

#include <fstream>
#include <string>

#include <fmt/format.h>

#include "tests/app/program_runner.h"
#include "tests/results/scratch_folder.h"

namespace bitsweep::testing {

inline Finished real_program(const ScratchFolder& folder, const std::string& words) {
  return run_real_program(words, fmt::format("cd {} &&", folder.path().string()));
}

inline const std::string kTinyStudy =
    "name: tiny\n"
    "dataset: {id: shapes, validation: 10, train_limit: 20, test_limit: 10}\n"
    "network: {id: lenet}\n"
    "training: {epochs: 1, batch_size: 10}\n"
    "rows:\n";

inline Finished validated(const std::string& text, const std::string& options = "") {
  const ScratchFolder folder;
  std::ofstream(folder / "s.yaml") << text;
  return real_program(folder, "validate s.yaml " + options);
}

inline std::string with(std::string text, const std::string& from,
                        const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

}  // namespace bitsweep::testing

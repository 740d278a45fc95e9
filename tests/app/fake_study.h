// A small study for the program whose pipeline trains nothing.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "framework/results/record.h"
#include "tests/app/program_runner.h"
#include "tests/results/scratch_folder.h"

namespace bitsweep::testing {

namespace fs = std::filesystem;

/// A study in a folder of its own.
class Study {
 public:
  explicit Study(const std::string& seeds) {
    std::ofstream(folder_ / "study.yaml")
        << "name: tiny\n"
           "dataset: {id: shapes, validation: 10, train_limit: 20, test_limit: 10}\n"
           "network: {id: lenet}\n"
           "edges: {first: float, last: float, bias: float}\n"
           "training: {epochs: 1, batch_size: 10}\n"
           "fine_tuning: none\n"
           "seeds: "
        << seeds
        << "\n"
           "rows:\n"
           "  - method: {id: twn}\n";
  }

  Finished command(const std::string& command, const std::string& options,
                   const std::string& before = "") const {
    return run_program(command + " " + (folder_ / "study.yaml").string() + " " + options,
                       before);
  }
  Finished run(const std::string& options = "", const std::string& before = "") const {
    return command("run", "--out " + out().string() + " " + options, before);
  }

  fs::path out() const { return folder_ / "out"; }

  /// All files of the results, but the lock's.
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(out())) {
      if (entry.is_regular_file() && entry.path().filename() != ".lock") {
        names.push_back(entry.path().lexically_relative(out()).string());
      }
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  std::vector<RunRecord> records() const {
    std::vector<RunRecord> records;
    for (const auto& name : files()) {
      if (name.ends_with(".h5")) records.push_back(read_record(out() / name));
    }
    return records;
  }

 private:
  ScratchFolder folder_;
};

// Some seeds end badly with it (fake_program.cpp).
inline const std::string kMisbehaving = "BITSWEEP_FAKE_MISBEHAVES=1";

}  // namespace bitsweep::testing

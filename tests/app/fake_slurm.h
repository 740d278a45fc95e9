// Commands of Slurm's that a test makes up.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/results/scratch_folder.h"

namespace bitsweep::testing {

/// Commands in a folder that is all of PATH.
class FakeSlurm {
 public:
  /// `script` is for /bin/sh, which has no other commands than its own.
  void command(const std::string& name, const std::string& script) const {
    const auto file = folder_ / name;
    std::ofstream(file) << "#!/bin/sh\n" << script << "\n";
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }
  /// Words in front of a command.
  std::string path() const { return "PATH=" + folder_.path().string(); }
  std::filesystem::path operator/(const std::string& name) const {
    return folder_ / name;
  }

 private:
  ScratchFolder folder_;
};

}  // namespace bitsweep::testing

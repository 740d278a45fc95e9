// Studies of tests: how they begin, what they are read as, how they are refused.
#pragma once

#include <string>
#include <vector>

#include "framework/config/study_file.h"
#include "tests/config/config_fixture.h"

namespace bitsweep::test {

inline const std::string kHead =
    "name: s\n"
    "dataset: {id: mnist}\n"
    "network: {id: lenet}\n";

inline StudySpec load(const std::string& text,
                      const std::vector<std::string>& overrides = {}) {
  const Folder folder;
  return load_study(folder.write("study.yaml", text), overrides, Methods());
}

inline std::string refused(const std::string& text,
                           const std::vector<std::string>& overrides = {}) {
  const Folder folder;
  const auto file = folder.write("study.yaml", text);
  return without(refusal([&] { load_study(file, overrides, Methods(), {"mnist"}); }),
                 folder.path());
}

inline std::vector<std::string> labels(const StudySpec& study) {
  std::vector<std::string> all;
  for (const auto& row : study.rows) all.push_back(row.label);
  return all;
}

using Labels = std::vector<std::string>;

}  // namespace bitsweep::test

// Runs the program whose pipeline trains nothing, as a user would.
#pragma once

#include <string>
#include <vector>

namespace bitsweep::testing {

struct Finished {
  int code = 0;
  std::string out;
  std::string err;
};

/// `words` go through a shell, with the program as `bitsweep` and in front of them
/// `before` ("BITSWEEP_FAKE_MISBEHAVES=1").
Finished run_program(const std::string& words, const std::string& before = "");

std::string file_text(const std::string& path);

/// What a terminal would show for each command: "$ bitsweep ...", output, exit code.
std::string transcript(const std::vector<std::string>& commands);

/// Whether `text` is that of approved/<name>; with BITSWEEP_APPROVE set, it becomes so.
bool is_approved(const std::string& name, const std::string& text);

}  // namespace bitsweep::testing

// Runs the program as a user would: the one whose pipeline trains nothing, or the real
// one.
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
/// The same with the program itself.
Finished run_real_program(const std::string& words, const std::string& before = "");

std::string file_text(const std::string& path);

/// What a terminal would show for each command: "$ bitsweep ...", output, exit code.
std::string transcript(const std::vector<std::string>& commands);

/// Whether `text` is that of approved/<name>; with BITSWEEP_APPROVE set, it becomes so.
bool is_approved(const std::string& name, const std::string& text);

}  // namespace bitsweep::testing

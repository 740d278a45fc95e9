#include "tests/app/program_runner.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <sys/wait.h>

#include "tests/results/scratch_folder.h"

namespace bitsweep::testing {

namespace {

Finished run(const std::string& program, const std::string& words,
             const std::string& before) {
  const ScratchFolder scratch;
  const auto out = (scratch / "out").string();
  const auto err = (scratch / "err").string();
  const int status = std::system(
      fmt::format("{{ {} {} {}; }} >{} 2>{} </dev/null", before, program, words, out, err)
          .c_str());
  return {WEXITSTATUS(status), file_text(out), file_text(err)};
}

}  // namespace

Finished run_program(const std::string& words, const std::string& before) {
  return run(BITSWEEP_FAKE_PROGRAM, words, before);
}

Finished run_real_program(const std::string& words, const std::string& before) {
  return run(BITSWEEP_BINARY_DIR "/bin/bitsweep", words, before);
}

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string transcript(const std::vector<std::string>& commands) {
  std::string text;
  for (const auto& words : commands) {
    const auto finished = run_program(words);
    text += fmt::format("$ bitsweep {}\n{}{}[{}]\n\n", words, finished.out, finished.err,
                        finished.code);
  }
  return text;
}

bool is_approved(const std::string& name, const std::string& text) {
  const std::string path =
      std::string(BITSWEEP_SOURCE_DIR) + "/tests/app/approved/" + name;
  if (std::getenv("BITSWEEP_APPROVE") != nullptr) std::ofstream(path) << text;
  return file_text(path) == text;
}

}  // namespace bitsweep::testing

// Gives files, or those of folders, to a fuzz target once each: the corpus as a test that
// needs no fuzzer.
#include <cstdio>
#include <iterator>
#include <vector>

#include "tests/fuzz/input_file.h"

namespace fs = std::filesystem;

namespace {

void replay(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(stream), {}};
  std::printf("%s\n", file.c_str());
  std::fflush(stdout);
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                         bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  int count = 0;
  for (int i = 1; i < argc; ++i) {
    if (!fs::is_directory(argv[i])) {
      replay(argv[i]);
      ++count;
      continue;
    }
    for (const auto& entry : fs::directory_iterator(argv[i])) {
      replay(entry.path());
      ++count;
    }
  }
  return count > 0 ? 0 : 1;
}

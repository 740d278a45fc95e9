// A study file, with a model and a recipe beside it.
#include "tests/config/config_fixture.h"
#include "tests/fuzz/input_file.h"

using namespace bitsweep;

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  fuzz::write_file("net.yaml",
                   "recipe: plain.yaml\nparameters: {n: {default: 2}}\n"
                   "layers: [{name: fc, linear: {outputs: 10}}]\n");
  fuzz::write_file("plain.yaml", "epochs: 1\n");
  const auto file = fuzz::write_file("study.yaml", fuzz::text_of(bytes, size));
  return fuzz::refusing([&] {
    const StudySpec study = test::load_study(file, {}, test::Methods());
    for (const auto& row : study.rows) {
      if (row.runs.empty()) continue;
      const std::string text = row.runs.front().canonical_text();
      ensure(parse_run(text).canonical_text() == text, "a run's text is read back");
    }
  });
}

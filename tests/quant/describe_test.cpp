#include "framework/quant/describe.h"

#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>

#include "methods/builtin_methods.h"

using namespace bitsweep;

TEST_CASE("a method's card shows what its declaration says", "[describe]") {
  MethodEntry entry;
  entry.id = "lsq";
  entry.summary = "Learned step size.";
  entry.reference = "arXiv:1902.08153";
  entry.departures = "none that matter.";
  entry.version = 2;
  entry.fields = {{"weight_bits", "int", "4", "2 to 8", "Width."},
                  {"scale_gradient", "bool", "true", "", "Divide it."}};
  CHECK(describe_method(entry) ==
        "lsq  Learned step size.\n"
        "  from built-in, version 2; arXiv:1902.08153\n"
        "  departs from the paper: none that matter.\n"
        "\n"
        "  weight_bits     int   default 4     2 to 8  Width.\n"
        "  scale_gradient  bool  default true          Divide it.\n");
}

TEST_CASE("methods/README.md says what the methods declare", "[describe]") {
  MethodRegistry registry;
  register_builtin_methods(registry);
  std::ifstream file(BITSWEEP_SOURCE_DIR "/methods/README.md");
  std::ostringstream text;
  text << file.rdbuf();

  const std::string expected = methods_readme(registry);
  const std::string fresh = BITSWEEP_BINARY_DIR "/methods_README.md";
  std::ofstream(fresh) << expected;
  INFO("methods/README.md is stale; the text it should have is in " << fresh);
  CHECK(text.str() == expected);
}

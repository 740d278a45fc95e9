// What would not fit into this machine's memory is refused before it is started.
#include "framework/core/memory.h"

#include <cstdlib>

#include <catch2/catch.hpp>

#include "framework/app/check_run.h"
#include "framework/config/model_file.h"
#include "methods/builtin_methods.h"

using namespace bitsweep;
using Catch::Matchers::Contains;

namespace {

class MemoryLimit {
 public:
  explicit MemoryLimit(const char* megabytes) {
    setenv("BITSWEEP_MEMORY_MB", megabytes, 1);
  }
  ~MemoryLimit() { unsetenv("BITSWEEP_MEMORY_MB"); }
};

std::vector<RunProblem> problems_of(int batch_size) {
  MethodRegistry registry;
  register_builtin_methods(registry);
  RunSpec spec;
  spec.network = load_model("lenet");
  spec.training.batch_size = batch_size;
  return check_run(spec, registry, 0);
}

}  // namespace

TEST_CASE("a batch that does not fit is refused with its size and the estimate") {
  const MemoryLimit limit("100");
  CHECK(problems_of(100).empty());
  const auto problems = problems_of(10'000);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].key == "training.batch_size");
  CHECK_THAT(problems[0].text,
             Contains("10000: training needs about ") &&
                 Contains("this machine has 100 MB; lower the batch size"));
  CHECK(problems_of(2'000'000'000).size() == 1);
}

TEST_CASE("amounts of memory are told in a unit that suits them") {
  CHECK(memory_text(3.14e6) == "3.1 MB");
  CHECK(memory_text(850e6) == "850 MB");
  CHECK(memory_text(3.14e12) == "3.1 TB");
}

TEST_CASE("the memory limit is the machine's or less") {
  CHECK(memory_limit() > 0);
  const double machine = memory_limit();
  const MemoryLimit limit("1e12");
  CHECK(memory_limit() == machine);
}

// What the commands print and the codes they end with. To approve a change of the texts:
// run with BITSWEEP_APPROVE=1 and read the difference.
#include <catch2/catch.hpp>

#include "tests/app/program_runner.h"

using namespace bitsweep::testing;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

TEST_CASE("help pages are as approved, and asking for one is no failure") {
  const auto text = transcript(
      {"--help", "run --help", "validate --help", "report --help", "status --help",
       "merge --help", "rerun --help", "health --help", "methods --help", "models --help",
       "datasets --help", "quantize --help", "export --help", "inspect --help",
       "eval --help", "submit --help", "bench train --help", "version --help"});
  CAPTURE(text);
  CHECK(is_approved("help.txt", text));
}

TEST_CASE("misuse is refused as approved: one sentence and code 2") {
  const auto text =
      transcript({"",
                  "rnu study.yaml",
                  "frobnicate",
                  "bench",
                  "bench trian",
                  "run",
                  "run a.yaml b.yaml",
                  "run a.yaml --job 2",
                  "run a.yaml --jobs two",
                  "run a.yaml --jobs 0",
                  "run a.yaml --out",
                  "run a.yaml --dry-run=yes",
                  "run no-such-study.yaml",
                  "validate --sett x=1",
                  "quantize twn --role weight",
                  "quantize twn --role wieght --in x.h5:/w --out y.h5",
                  "quantize twn --role weight --in x.h5 --out y.h5",
                  "quantize twn --role weight --in no-such.h5:/w --out y.h5",
                  "quantize twn --set group=layers --role weight --in x.h5:/w --out y.h5",
                  "export no-such.h5 --out x.bsw",
                  "inspect no-such.bsw",
                  "eval no-such.bsw",
                  "eval no-such.bsw --limit -1",
                  "bench train --model lenet --seconds -1",
                  "bench train --model leent",
                  "methods --plugin no-such.so",
                  "report no-such-folder",
                  "health no-such-folder",
                  "datasets --data-dir no-such-folder"});
  CAPTURE(text);
  CHECK(is_approved("refusals.txt", text));
}

TEST_CASE("an unknown method is met with the near one") {
  const auto finished = run_program("methods tvn");
  CHECK(finished.code == 2);
  CHECK_THAT(finished.err,
             StartsWith("bitsweep: unknown method 'tvn'; did you mean 'twn'?"));
}

TEST_CASE("methods are listed with summary and origin") {
  const auto finished = run_program("methods");
  CHECK(finished.code == 0);
  CHECK_THAT(finished.out, Contains("  float  ") && Contains("[built-in]"));
}

TEST_CASE("a method's card has its parameters") {
  CHECK_THAT(run_program("methods dorefa").out, Contains("weight_bits"));
}

TEST_CASE("a study's keys are listed with defaults and ranges") {
  const auto finished = run_program("keys");
  CHECK(finished.code == 0);
  CHECK_THAT(finished.out, Contains("dataset.validation") && Contains("edges.first") &&
                               Contains("Momentum (sgd). (real, default 0.9, 0 to 1)"));
}

TEST_CASE("models are listed, and one is shown layer by layer") {
  CHECK_THAT(run_program("models").out, Contains("  lenet  "));
  const auto card = run_program("models resnet-20");
  CHECK(card.code == 0);
  CHECK_THAT(card.out, Contains("variants") && Contains("depth") && Contains("residual"));
}

TEST_CASE("a model's card counts values and multiplications for a dataset's images") {
  // Caffe's LeNet: 20 x 26 + 50 x 501 + 500 x 801 + 10 x 501 values.
  CHECK_THAT(run_program("models lenet").out,
             Contains("on fashion-mnist: 431080 parameters; 2293000 multiplications"));
  CHECK_THAT(run_program("models lenet --dataset cifar10").out, Contains("28 x 28 x 20"));
}

TEST_CASE("datasets are listed with the way to get those that are missing") {
  const auto finished = run_program("datasets");
  CHECK(finished.code == 0);
  CHECK_THAT(finished.out, Contains("cifar10") && Contains("shapes") &&
                               Contains("10000 training and 2000 test images"));
}

TEST_CASE("both spellings of version agree") {
  const auto finished = run_program("version");
  CHECK(finished.code == 0);
  CHECK_THAT(finished.out, StartsWith("bitsweep 0."));
  CHECK(run_program("--version").out == finished.out);
}

TEST_CASE("a benchmark is one line, of JSON where that was asked for") {
  CHECK(
      run_program("bench train --model lenet --batch 50 --threads 2 --seconds 1").out ==
      "lenet float, batch 50, 2 threads: 25000 images/s, 2.000 ms a step (median of 10, "
      "fastest 1.500 ms), peak memory 100 MB, none, a CPU\n");
  CHECK(run_program("bench train --model lenet --method twn --batch 50 --json").out ==
        "{\"model\": \"lenet\", \"method\": \"twn\", \"batch\": 50, \"threads\": 1, "
        "\"steps\": 10, \"seconds\": 5.000, \"median_step_ms\": 2.0000, "
        "\"fastest_step_ms\": 1.5000, \"images_per_second\": 25000.0, "
        "\"peak_memory_mb\": 100.0, \"engine\": \"none\", \"cpu\": \"a CPU\"}\n");
}

TEST_CASE("more threads than there are cores are remarked upon") {
  const auto bench = [](const std::string& threads) {
    const auto finished = run_program("bench train --model lenet --threads " + threads);
    CHECK(finished.code == 0);
    return finished.err;
  };
  CHECK_THAT(bench("1000"), StartsWith("bitsweep: --threads 1000: there ") &&
                                Contains("more threads than cores are slower"));
  CHECK(bench("1").empty());
}

TEST_CASE("a reader who leaves early is no failure") {
  const auto finished = run_program("methods | true");
  CHECK(finished.err.empty());
}

TEST_CASE("output to a full disk is a failure") {
  const auto finished = run_program("methods > /dev/full");
  CHECK(finished.code == 1);
  CHECK_THAT(finished.err,
             StartsWith("bitsweep: standard output cannot be written: No space left"));
}

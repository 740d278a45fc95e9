// Settings that change nothing, and rows that would be float under another name.
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/app/validated.h"

using namespace bitsweep;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using testing::kTinyStudy;
using testing::validated;
using testing::with;

TEST_CASE("a row whose bits no site has is refused", "[validate]") {
  const std::string head =
      "name: s\n"
      "dataset: {id: shapes, validation: 10, train_limit: 200, test_limit: 20}\n"
      "network: mlp-128\n"
      "rows:\n";
  const auto found = validated(head + "  - method: twn\n");
  CHECK(found.code == 2);
  CHECK_THAT(found.err,
             Contains("s.yaml:5: rows.0.method: quantizes nothing: the network has a "
                      "first and a last layer alone, which edges leave in float; set "
                      "edges: {first: method, last: method}"));
  const std::string first = "    edges: {first: method}\n";
  CHECK(validated(head + "  - method: twn\n" + first).code == 0);
  CHECK_THAT(validated(head + "  - method: twn\n" + first +
                       "    sites: [{match: '*', method: {id: float}}]\n")
                 .err,
             Contains("edges and sites leave every layer in float"));
  CHECK(validated(head + "  - method: {id: lsq, bits: [[32, 32]]}\n").code == 0);
}

TEST_CASE("a rule that quantizes nothing is refused", "[validate]") {
  const auto told = [](const std::string& rules) {
    return validated(kTinyStudy + "  - method: twn\n    sites:\n" + rules).err;
  };
  CHECK(told("      - {match: ip1/input, method: {id: product_quantization}}\n") ==
        "bitsweep: s.yaml:8: sites: 'ip1/input': quantizes nothing: of ip1/input "
        "'product_quantization' quantizes none; leave a site in float with method: {id: "
        "float}\n");
  CHECK(
      told("      - {match: 'ip1/*', method: {id: lsq, bits: 4}}\n"
           "      - {match: ip1/weight, method: {id: lsq, bits: 2}}\n") ==
      "bitsweep: s.yaml:9: sites: 'ip1/weight': has no effect: rules before it take all "
      "sites that it matches; remove it, or move it to the front\n");
  CHECK(told("      - {match: 'ip1/*', method: float}\n") == "");
  CHECK(told("      - {match: 'ip1/*', method: {id: lsq, bits: 32}}\n") == "");
}

TEST_CASE("what fine-tuning of no epochs says beside is refused", "[validate]") {
  const auto told = [](const std::string& rows) {
    return validated(kTinyStudy + rows).err;
  };
  CHECK(told("  - method: twn\n"
             "    fine_tuning: {epochs: 0, distillation: {weight: 1}}\n") ==
        "bitsweep: s.yaml:7: rows.0.fine_tuning.distillation: has no effect: fine-tuning "
        "has 0 epochs\n");
  CHECK(told("  - method: twn\n"
             "    fine_tuning: {epochs: [0, 1], distillation: {weight: 1}}\n") == "");
  CHECK(told("  - method: twn\n    fine_tuning: {epochs: 0}\n") == "");
}

TEST_CASE("settings without effect are refused where a study writes them", "[validate]") {
  // Two steps of fine-tuning; lenet has no batch normalisation and no additions.
  const auto refused = [](const std::string& method, const std::string& more = "") {
    const auto found = validated(kTinyStudy + "  - method: {" + method + "}\n" + more);
    CAPTURE(method);
    CHECK(found.code == (found.err.empty() ? 0 : 2));
    return found.err;
  };
  const std::string row = "bitsweep: s.yaml:6: rows.0.method.";
  const std::string alone = "    fine_tuning: none\n";
  CHECK(refused("id: int8_training, delay: 1, freeze_delay: -1") == "");
  CHECK(refused("id: int8_training, delay: 2") ==
        row +
            "delay: 2 steps are not fewer than the 2 of training: activations would be "
            "quantized in none; take fewer, or train longer\n");
  CHECK(refused("id: int8_training, delay: 1", alone) ==
        row + "delay: has no effect: nothing is trained behind calibration\n");
  CHECK(refused("id: int8_training, delay: 1", "    fine_tuning: {iterations: 2}\n") ==
        "");
  CHECK_THAT(refused("id: int8_training, freeze_delay: 2"),
             StartsWith(row + "freeze_delay: 2 steps are not fewer than the 2"));
  CHECK_THAT(refused("id: int8_training, freeze_delay: 1"),
             StartsWith(row + "freeze_delay: has no effect: the network has no batch "
                              "normalisation; leave it out"));
  for (const char* method : {"affine", "int8_training"}) {
    CHECK(refused(fmt::format("id: {}, fold_batch_norm: true", method)) ==
          row +
              "fold_batch_norm: has no effect: the network has no batch normalisation; "
              "leave it out\n");
    CHECK(refused(fmt::format("id: {}, fold_batch_norm: false", method)) == "");
    CHECK_THAT(refused(fmt::format("id: {}, operands: true", method)),
               StartsWith(row + "operands: has no effect: the network adds and"));
  }
  CHECK(refused("id: affine, group_size: 5") ==
        row + "group_size: has no effect: blocks alone have a size (group: block)\n");
  CHECK_THAT(refused("id: affine, percentile: 99"),
             StartsWith(row + "percentile: has no"));
  CHECK(refused("id: affine, percentile: 99, weight_range: percentile") == "");
  CHECK_THAT(refused("id: affine, activation_range: mse, activation_scales: image"),
             StartsWith(row + "activation_range: has no effect: ranges of layer inputs"));
  CHECK_THAT(refused("id: affine, weight_bits: 32, weight_range: mse"),
             StartsWith(row + "weight_range: has no effect: weights are in float"));
  CHECK_THAT(refused("id: int8_training, ranges: learned, start: six"),
             StartsWith(row + "start: has no effect: learned ranges"));
  CHECK_THAT(
      refused("id: int8_training, activation_range: mse"),
      StartsWith(row + "activation_range: has no effect: ranges begin in training"));
  CHECK(refused("id: int8_training, activation_range: mse, start: calibration") == "");
  CHECK(refused("id: int8_training, activation_range: mse", alone) == "");
  // Rules of sites have lines of their own.
  CHECK(
      refused("id: twn",
              "    sites: [{match: conv2/weight, method: {id: affine, "
              "group_size: 5}}]\n") ==
      "bitsweep: s.yaml:7: rows.0.sites.0.method.group_size: has no effect: blocks alone "
      "have a size (group: block)\n");
}

TEST_CASE("a setting has its effect where one row of its line uses it", "[validate]") {
  const auto code = [](const std::string& rows, const std::string& options = "") {
    return validated(kTinyStudy + rows, options).code;
  };
  const std::string both =
      "  - method: {id: affine, group: [filter, block], group_size: ";
  CHECK(code(both + "5}\n") == 0);
  CHECK(code("  - method: &own {id: int8_training, delay: 1}\n"
             "  - {method: *own, fine_tuning: none, label: calibrated}\n") == 0);
  // Presets are for all networks.
  CHECK(code("  - method: {scheme: tflite-qat}\n") == 0);
  CHECK(code("  - {method: {scheme: tflite-qat}, fine_tuning: none}\n") == 0);
  CHECK(code("  - method: {scheme: tflite-qat, fold_batch_norm: true}\n") == 2);
  CHECK(code("  - method: affine\n",
             "--set 'rows=[{method: {id: affine, group_size: 5}}]'") == 2);
}

TEST_CASE("settings of another optimizer, schedule or start are refused", "[validate]") {
  const auto refused = [](const std::string& row, const std::string& options = "") {
    const auto found = validated(kTinyStudy + "  - {" + row + "}\n", options);
    CAPTURE(row);
    CHECK(found.code == (found.err.empty() || !options.empty() ? 0 : 2));
    return found.err;
  };
  const std::string place = "bitsweep: s.yaml:6: rows.0.";
  CHECK(refused("method: twn, fine_tuning: {optimizer: {id: adam, momentum: 0.9}}") ==
        place +
            "fine_tuning.optimizer.momentum: has no effect with adam; it is of sgd\n");
  CHECK(refused("method: twn, fine_tuning: {optimizer: {id: [sgd, adam], momentum: 0.9}}")
            .empty());
  CHECK(refused("method: twn, training: {optimizer: {id: adam, momentum: 0.9}}, "
                "fine_tuning: {optimizer: {id: sgd}}")
            .empty());
  CHECK(refused("method: twn, fine_tuning: {schedule: {id: cosine, gamma: 0.5}}") ==
        place +
            "fine_tuning.schedule.gamma: has no effect with the schedule 'cosine'; it "
            "is of step, multistep, inv\n");
  CHECK(refused("method: twn, fine_tuning: {schedule: {unit: iteration, warmup: 5}}")
            .empty());
  CHECK(refused("method: twn, pruning: {keep: 0.5, rounds: 3}") ==
        place +
            "pruning.rounds: has no effect with the schedule 'one_shot'; it is of "
            "iterative\n");
  CHECK(refused("method: {id: dorefa, gradient_bits: 4}").empty());
  CHECK(refused("method: {id: dorefa, gradient_bits: 4}, fine_tuning: none") ==
        place +
            "method.gradient_bits: has no effect: nothing is trained behind "
            "calibration\n");
  for (const char* method : {"lsq", "pact", "hwgq", "apot"}) {
    CHECK(refused(fmt::format("method: {{id: {}, percentile: 99}}", method)) ==
          place +
              "method.percentile: has no effect: only `init: percentile` begins at "
              "one\n");
    CHECK(refused(
              fmt::format("method: {{id: {}, init: percentile, percentile: 99}}", method))
              .empty());
  }
}

TEST_CASE("a trial by --set is not held up by what the study writes", "[validate]") {
  const std::string row =
      kTinyStudy +
      "  - {method: {id: int8_training, delay: 3}, fine_tuning: {iterations: 9}}\n";
  const auto tried = validated(row, "--set rows.0.fine_tuning.iterations=2");
  CHECK(tried.code == 0);
  CHECK_THAT(tried.err,
             Contains("bitsweep: note: s.yaml:6: rows.0.method.delay: 3 steps are not "
                      "fewer than the 2 of training"));
  CHECK(validated(row, "--set rows.0.method.delay=20").code == 2);
  const auto adam = validated(
      kTinyStudy + "  - {method: twn, fine_tuning: {optimizer: {momentum: 0.9}}}\n",
      "--set rows.0.fine_tuning.optimizer.id=adam");
  CHECK(adam.code == 0);
  CHECK_THAT(adam.err, Contains("momentum: has no effect with adam"));
}

TEST_CASE("a mistake of a shared block names the rows that make it one", "[validate]") {
  const std::string networks = "network: [{id: lenet}, {id: lenet-300-100}]\n";
  const auto text = with(kTinyStudy, "network: {id: lenet}\n", networks) +
                    "  - method: twn\npruning: {keep: {conv1: 0.5}}\n";
  const auto found = validated(text);
  CHECK(found.code == 2);
  CHECK_THAT(found.err, Contains("pruning: 'conv1' matches no layer; the network has ") &&
                            Contains(" (row 'twn") && Contains("lenet-300-100"));
  const auto of_all = validated(kTinyStudy +
                                "  - method: twn\n  - method: bwn\n"
                                "pruning: {keep: {cnv: 0.5}}\n");
  CHECK(std::count(of_all.err.begin(), of_all.err.end(), '\n') == 1);
  CHECK_THAT(of_all.err, !Contains("(row"));
}

TEST_CASE("parameters of tensors that a rule has not are refused", "[validate]") {
  const auto told = [](const std::string& rule) {
    return validated(kTinyStudy + "  - method: {id: affine, bits: 6}\n    sites: [" +
                     rule + "]\n")
        .err;
  };
  CHECK(told("{match: ip1/input, method: {id: affine, weight_bits: 4, "
             "activation_bits: 5}}") ==
        "bitsweep: s.yaml:7: rows.0.sites.0.method.weight_bits: has no effect: the rule "
        "has "
        "no weights\n");
  CHECK_THAT(told("{match: ip1/weight, method: {id: affine, weight_bits: 4, "
                  "activation_bits: 5}}"),
             Contains("activation_bits: has no effect: the rule has no activations"));
  CHECK(told("{match: 'ip1/*', method: {id: affine, weight_bits: 4, "
             "activation_bits: 5}}") == "");
}

TEST_CASE("calibration that chooses nothing is refused", "[validate][calibration]") {
  const auto told = [](const std::string& row) {
    return validated(kTinyStudy + "  - " + row + "\n").err;
  };
  const std::string none =
      "has no effect: no activation of this row has a range that calibration chooses\n";
  CHECK(told("{method: {scheme: tflite-dynamic-range}, calibration: {images: 10}}") ==
        "bitsweep: s.yaml:6: rows.0.calibration.images: " + none);
  CHECK(told("{method: twn, calibration_batches: 1}") ==
        "bitsweep: s.yaml:6: rows.0.calibration_batches: " + none);
  CHECK(told("{method: dorefa, calibration: {seed: 3}}") ==
        "bitsweep: s.yaml:6: rows.0.calibration.seed: " + none);
  CHECK(told("{method: affine, calibration: {images: 10}}") == "");
  CHECK_THAT(told("{method: affine, calibration: {images: 10}, calibration_batches: 1}"),
             Contains("has no effect beside calibration.images; keep one of them"));
}

TEST_CASE("a tuned float network is no baseline of what is trained from scratch",
          "[validate]") {
  CHECK_THAT(
      validated(kTinyStudy + "  - {method: twn, start: scratch, baseline: "
                             "{fine_tuned: true}}\n")
          .err,
      Contains("baseline.fine_tuned: has no effect: the row is trained from scratch"));
}

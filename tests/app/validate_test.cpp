// What `validate` names of a study, and where: the real program, on drawn images.
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "framework/app/study.h"
#include "tests/app/program_runner.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

namespace fs = std::filesystem;

testing::Finished real_program(const testing::ScratchFolder& folder,
                               const std::string& words) {
  return testing::run_real_program(words,
                                   fmt::format("cd {} &&", folder.path().string()));
}

const std::string kHead =
    "name: tiny\n"
    "dataset: {id: shapes, validation: 10, train_limit: 20, test_limit: 10}\n"
    "network: {id: lenet}\n"
    "training: {epochs: 1, batch_size: 10}\n"
    "rows:\n";

testing::Finished validated(const std::string& text, const std::string& options = "") {
  const testing::ScratchFolder folder;
  std::ofstream(folder / "s.yaml") << text;
  return real_program(folder, "validate s.yaml " + options);
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

}  // namespace

TEST_CASE("mistakes of words, of the network and of the data are named at once",
          "[validate]") {
  const auto found = validated(
      with(with(kHead, "batch_size: 10", "batch_size: 21"), "name: tiny",
           "name: tiny\ntitel: x") +
      "  - {method: twn, sites: [{match: \"conv9/*\", method: twn}]}\n"
      "  - {method: twn, sites: [{match: \"conv8/*\", method: twn}], label: other}\n");
  CHECK(found.code == 2);
  CHECK_THAT(found.err,
             StartsWith("bitsweep: s.yaml:2: titel: unknown key; did you mean 'title'?\n"
                        "bitsweep: s.yaml:5: training.batch_size: 21 is more than the 20 "
                        "training images of shapes; make it smaller\n"
                        "bitsweep: s.yaml:7: sites: 'conv9/*' matches no site"));
  CHECK_THAT(found.err, Contains("\nbitsweep: s.yaml:8: sites: 'conv8/*'"));
}

TEST_CASE("splits larger than the data are named with their line", "[validate]") {
  const auto found = validated(
      "name: tiny\n"
      "dataset:\n"
      "  id: shapes\n"
      "  validation: 10000\n"
      "  test_limit: 2001\n"
      "network: lenet\n"
      "rows: [{method: twn}]\n");
  CHECK(found.code == 2);
  CHECK(found.err ==
        "bitsweep: s.yaml:4: dataset.validation: 10000 images for validation, but shapes "
        "has 10000 training images in all; leave some of them for training\n"
        "bitsweep: s.yaml:5: dataset.test_limit: 2001 images, but shapes has 2000 test "
        "images; leave it out for all\n");
}

TEST_CASE("a network that does not fit the images is named with the study's line",
          "[validate]") {
  const testing::ScratchFolder folder;
  fs::create_directories(folder / "configs/models");
  std::ofstream(folder / "configs/models/wide.yaml")
      << "summary: \"Too wide.\"\n"
         "layers:\n"
         "  - {name: conv1, convolution: {filters: 2, kernel: 64}}\n"
         "  - flatten\n"
         "  - {name: ip, linear: {outputs: classes}}\n";
  std::ofstream(folder / "s.yaml")
      << with(kHead, "id: lenet", "id: wide") << "  - method: twn\n";
  const auto unfit = real_program(folder, "validate s.yaml");
  CHECK(unfit.code == 2);
  CHECK_THAT(unfit.err, StartsWith("bitsweep: s.yaml:3: network: ") &&
                            Contains("wide.yaml:3: conv1: a 64x64 window does not fit"));
}

TEST_CASE("a mistake that --set makes is blamed on --set", "[validate]") {
  const auto found =
      validated(kHead + "  - method: twn\n", "--set training.batch_size=21");
  CHECK(found.code == 2);
  CHECK_THAT(found.err, StartsWith("bitsweep: --set training.batch_size: 21 is more"));
  const auto whole = validated(kHead + "  - method: twn\n",
                               "--set 'dataset={id: shapes, validation: 10000}'");
  CHECK_THAT(whole.err, StartsWith("bitsweep: --set dataset: dataset.validation: 10000"));
}

TEST_CASE("data that is not there is told of, and is no mistake of the study",
          "[validate]") {
  const auto found = validated(with(kHead, "shapes", "cifar100") + "  - method: twn\n");
  CHECK(found.code == 0);
  CHECK_THAT(found.err, Contains("no files of CIFAR-100 found") &&
                            Contains("what depends on it is not checked"));
}

TEST_CASE("shares of deep compression beside pruning are refused", "[validate]") {
  const std::string row = "    pruning: {keep: 0.2}\n";
  const auto both =
      validated(kHead + "  - method: {id: deep_compression, conv_keep: 0.5}\n" + row);
  CHECK(both.code == 2);
  CHECK(
      both.err ==
      "bitsweep: s.yaml:6: rows.0.method.conv_keep: given beside 'pruning', which takes "
      "its place; keep one of them\n");
  CHECK(validated(kHead + "  - method: deep_compression\n" + row).code == 0);
}

TEST_CASE("blocks that do not divide are named for all layers at once", "[validate]") {
  const auto found = validated(kHead +
                               "  - method: {id: affine, group: block, group_size: 3}\n"
                               "    edges: {first: method, last: method}\n");
  CHECK(found.code == 2);
  CHECK(
      found.err ==
      "bitsweep: s.yaml:6: rows.0.method: filters do not divide into blocks of 3 "
      "weights: conv1/weight (25 weights), conv2/weight (500 weights), ip1/weight (800 "
      "weights), ip2/weight (500 weights); take a divisor of them as group_size, or give "
      "these sites rules of their own under 'sites'\n");
}

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
    return validated(kHead + "  - method: twn\n    sites:\n" + rules).err;
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
  const auto told = [](const std::string& rows) { return validated(kHead + rows).err; };
  CHECK(told("  - method: twn\n"
             "    fine_tuning: {epochs: 0, distillation: {weight: 1}}\n") ==
        "bitsweep: s.yaml:7: rows.0.fine_tuning.distillation: has no effect: fine-tuning "
        "has 0 epochs\n");
  CHECK(told("  - method: twn\n"
             "    fine_tuning: {epochs: [0, 1], distillation: {weight: 1}}\n") == "");
  CHECK(told("  - method: twn\n    fine_tuning: {epochs: 0}\n") == "");
}

TEST_CASE("a path is no name of a scheme", "[validate]") {
  const testing::ScratchFolder folder;
  std::ofstream(folder / "s.yaml")
      << kHead << "  - method: {scheme: ../schemes/tflite-qat}\n";
  CHECK_THAT(real_program(folder, "validate s.yaml").err,
             Contains("'../schemes/tflite-qat': unknown scheme; "));
}

TEST_CASE("settings without effect are refused where a study writes them", "[validate]") {
  // Two steps of fine-tuning; lenet has no batch normalisation and no additions.
  const auto refused = [](const std::string& method, const std::string& more = "") {
    const auto found = validated(kHead + "  - method: {" + method + "}\n" + more);
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
    return validated(kHead + rows, options).code;
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
    const auto found = validated(kHead + "  - {" + row + "}\n", options);
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
      kHead +
      "  - {method: {id: int8_training, delay: 3}, fine_tuning: {iterations: 9}}\n";
  const auto tried = validated(row, "--set rows.0.fine_tuning.iterations=2");
  CHECK(tried.code == 0);
  CHECK_THAT(tried.err,
             Contains("bitsweep: note: s.yaml:6: rows.0.method.delay: 3 steps are not "
                      "fewer than the 2 of training"));
  CHECK(validated(row, "--set rows.0.method.delay=20").code == 2);
  const auto adam =
      validated(kHead + "  - {method: twn, fine_tuning: {optimizer: {momentum: 0.9}}}\n",
                "--set rows.0.fine_tuning.optimizer.id=adam");
  CHECK(adam.code == 0);
  CHECK_THAT(adam.err, Contains("momentum: has no effect with adam"));
}

TEST_CASE("a mistake of a shared block names the rows that make it one", "[validate]") {
  const std::string networks = "network: [{id: lenet}, {id: lenet-300-100}]\n";
  const auto text = with(kHead, "network: {id: lenet}\n", networks) +
                    "  - method: twn\npruning: {keep: {conv1: 0.5}}\n";
  const auto found = validated(text);
  CHECK(found.code == 2);
  CHECK_THAT(found.err, Contains("pruning: 'conv1' matches no layer; the network has ") &&
                            Contains(" (row 'twn") && Contains("lenet-300-100"));
  const auto of_all = validated(kHead +
                                "  - method: twn\n  - method: bwn\n"
                                "pruning: {keep: {cnv: 0.5}}\n");
  CHECK(std::count(of_all.err.begin(), of_all.err.end(), '\n') == 1);
  CHECK_THAT(of_all.err, !Contains("(row"));
}

TEST_CASE("what cannot be pruned is told of before the run", "[validate][pruning]") {
  const testing::ScratchFolder folder;
  std::ofstream(folder / "s.yaml")
      << kHead << "  - method: {id: product_quantization}\n    pruning: {keep: 0.5}\n";
  const auto refused = real_program(folder, "validate s.yaml");
  CHECK(refused.code == 2);
  CHECK_THAT(
      refused.err,
      Contains("method 'product_quantization': its codes stand for several weights "
               "each, which cannot be pruned one by one"));
}

TEST_CASE("a calibration table is checked with the study that names it", "[validate]") {
  const testing::ScratchFolder folder;
  std::ofstream(folder / "s.yaml")
      << kHead << "  - {method: affine, calibration: {table: t.yaml}}\n";
  const auto told = [&](const std::string& command) {
    const auto found = real_program(folder, command);
    CHECK(found.code == 2);
    CHECK(found.out == "");
    return found.err;
  };
  CHECK(told("validate s.yaml") ==
        "bitsweep: s.yaml:6: rows.0.calibration.table: 't.yaml' is not there; `bitsweep "
        "calibrate` writes a table\n");
  std::ofstream(folder / "t.yaml")
      << "sites:\n"
         "  conv2/input: {method: affine, scale: 0, zero_point: 0}\n"
         "  ip1/input: {method: affine, scale: 0.1, zero_point: 999}\n"
         "  ip3/input: {method: affine, scale: 0.1, zero_point: 0}\n";
  const std::string sentences =
      "bitsweep: t.yaml:2: sites.conv2/input.scale: 0 is given; a number above 0 is "
      "expected\n"
      "bitsweep: t.yaml:3: sites.ip1/input.zero_point: 999 is given; one of this site's "
      "codes is expected, a whole number from 0 to 255\n"
      "bitsweep: t.yaml:4: sites.ip3/input: unknown quantized activation; did you mean "
      "'ip1/input'?\n";
  CHECK(told("validate s.yaml") == sentences);
  CHECK(told("run s.yaml --dry-run") == sentences);
}

TEST_CASE("a calibration table lies beside the study", "[validate]") {
  const testing::ScratchFolder folder;
  fs::create_directory(folder / "studies");
  std::ofstream(folder / "studies/s.yaml")
      << kHead << "  - {method: affine, calibration: {table: t.yaml}}\n";
  std::ofstream(folder / "studies/t.yaml") << "sites: {ip9/input: {method: affine}}\n";
  CHECK_THAT(real_program(folder, "validate studies/s.yaml").err,
             Contains("bitsweep: studies/t.yaml:1: sites.ip9/input: unknown"));
}

TEST_CASE("one width for a weights-only method is that of its weights", "[validate]") {
  CHECK(validated(kHead + "  - method: {id: inq, bits: 4}\n").code == 0);
  const auto unfit = validated(kHead + "  - method: {id: twn, bits: 4}\n");
  CHECK(unfit.err ==
        "bitsweep: s.yaml:6: rows.0.method.bits (weight_bits): 4 is not allowed (2, or "
        "32 for "
        "float)\n");
}

TEST_CASE("a variant's folder can be read, and tells settings apart", "[variants]") {
  const auto folder = [](const std::vector<std::string>& settings) {
    return variant_folder(settings).string();
  };
  CHECK(folder({"seeds=[1]"}) == "variants/seeds=1");
  CHECK(folder({"seeds=[1, 2]", "training.epochs=2"}) ==
        "variants/seeds=1,2+training.epochs=2");
  CHECK(folder({"name=x"}).empty());
  const auto mapping = folder({"training={epochs: 2}"});
  CHECK_THAT(mapping, StartsWith("variants/training=-epochs-2-"));
  CHECK(mapping != folder({"training={epochs=2}"}));
  CHECK(folder({"a=1+b=2"}) != folder({"a=1", "b=2"}));
  CHECK(folder({"a=1,2"}) != folder({"a=[1,2]"}));
  CHECK(folder({"a=../x"}).find('/') == folder({"a=../x"}).rfind('/'));
}

TEST_CASE("a preset is listed, shown, and told of by the runs that use it", "[scheme]") {
  const testing::ScratchFolder folder;
  const auto list = real_program(folder, "schemes");
  CHECK(list.code == 0);
  CHECK_THAT(list.out, Contains("  tensorrt-entropy ") && Contains("GTC 2017"));
  const auto card = real_program(folder, "schemes pytorch-fbgemm");
  CHECK_THAT(card.out, Contains("get_default_qconfig('fbgemm')") &&
                           Contains("method.reduce_range") && Contains("edges.first"));
  const auto unknown = real_program(folder, "schemes tensorrt-maxx");
  CHECK(unknown.code == 2);
  CHECK_THAT(unknown.err, Contains("did you mean 'tensorrt-max'?"));
  CHECK_THAT(real_program(folder, "keys").out, Contains("method.scheme"));
  std::ofstream(folder / "s.yaml") << kHead << "  - method: {scheme: tensorrt-max}\n";
  const auto run = real_program(folder, "run s.yaml --dry-run");
  CHECK_THAT(run.err, Contains("scheme tensorrt-max sets method.id=affine ") &&
                          Contains("(source: TensorRT without entropy calibration") &&
                          !Contains("as published"));
  std::ofstream(folder / "s.yaml")
      << kHead << "  - method: {scheme: tflite-qat, bits: 4}\n";
  const auto changed = real_program(folder, "run s.yaml --dry-run");
  CHECK_THAT(changed.err,
             Contains("row 'tflite-qat w4 a4' is not the scheme tflite-qat as published: "
                      "method.activation_bits=4 (scheme: 8), method.weight_bits=4 "
                      "(scheme: 8)"));
}

TEST_CASE("a dataset is described by its id", "[data]") {
  const testing::ScratchFolder folder;
  const auto card = real_program(folder, "datasets shapes");
  CHECK(card.code == 0);
  CHECK_THAT(card.out,
             StartsWith("shapes: Shapes\n") && Contains("28 x 28 x 1, 10 classes") &&
                 Contains("10000 training and 2000 test images") && Contains("SHA-256") &&
                 Contains("licence") && Contains("ring, arc, spiral"));
  const auto missing = real_program(folder, "datasets cifar100");
  CHECK_THAT(missing.out,
             Contains("not usable: ") && Contains("wardrobe") && !Contains("SHA-256"));
  const auto unknown = real_program(folder, "datasets shape");
  CHECK(unknown.code == 2);
  CHECK_THAT(unknown.err, Contains("did you mean 'shapes'?"));
}

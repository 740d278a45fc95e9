// What `validate` names of a study, and where: the real program, on drawn images.
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "framework/app/study.h"
#include "tests/app/validated.h"

using namespace bitsweep;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using testing::kTinyStudy;
using testing::real_program;
using testing::validated;
using testing::with;

namespace fs = std::filesystem;

TEST_CASE("mistakes of words, of the network and of the data are named at once",
          "[validate]") {
  const auto found = validated(
      with(with(kTinyStudy, "batch_size: 10", "batch_size: 21"), "name: tiny",
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
      << with(kTinyStudy, "id: lenet", "id: wide") << "  - method: twn\n";
  const auto unfit = real_program(folder, "validate s.yaml");
  CHECK(unfit.code == 2);
  CHECK_THAT(unfit.err, StartsWith("bitsweep: s.yaml:3: network: ") &&
                            Contains("wide.yaml:3: conv1: a 64x64 window does not fit"));
}

TEST_CASE("a mistake that --set makes is blamed on --set", "[validate]") {
  const auto found =
      validated(kTinyStudy + "  - method: twn\n", "--set training.batch_size=21");
  CHECK(found.code == 2);
  CHECK_THAT(found.err, StartsWith("bitsweep: --set training.batch_size: 21 is more"));
  const auto whole = validated(kTinyStudy + "  - method: twn\n",
                               "--set 'dataset={id: shapes, validation: 10000}'");
  CHECK_THAT(whole.err, StartsWith("bitsweep: --set dataset: dataset.validation: 10000"));
}

TEST_CASE("data that is not there is told of, and is no mistake of the study",
          "[validate]") {
  const auto found =
      validated(with(kTinyStudy, "shapes", "cifar100") + "  - method: twn\n");
  CHECK(found.code == 0);
  CHECK_THAT(found.err, Contains("no files of CIFAR-100 found") &&
                            Contains("what depends on it is not checked"));
}

TEST_CASE("shares of deep compression beside pruning are refused", "[validate]") {
  const std::string row = "    pruning: {keep: 0.2}\n";
  const auto both = validated(
      kTinyStudy + "  - method: {id: deep_compression, conv_keep: 0.5}\n" + row);
  CHECK(both.code == 2);
  CHECK(
      both.err ==
      "bitsweep: s.yaml:6: rows.0.method.conv_keep: given beside 'pruning', which takes "
      "its place; keep one of them\n");
  CHECK(validated(kTinyStudy + "  - method: deep_compression\n" + row).code == 0);
}

TEST_CASE("blocks that do not divide are named for all layers at once", "[validate]") {
  const auto found = validated(kTinyStudy +
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

TEST_CASE("a path is no name of a scheme", "[validate]") {
  const testing::ScratchFolder folder;
  std::ofstream(folder / "s.yaml")
      << kTinyStudy << "  - method: {scheme: ../schemes/tflite-qat}\n";
  CHECK_THAT(real_program(folder, "validate s.yaml").err,
             Contains("'../schemes/tflite-qat': unknown scheme; "));
}

TEST_CASE("what cannot be pruned is told of before the run", "[validate][pruning]") {
  const testing::ScratchFolder folder;
  std::ofstream(folder / "s.yaml")
      << kTinyStudy
      << "  - method: {id: product_quantization}\n    pruning: {keep: 0.5}\n";
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
      << kTinyStudy << "  - {method: affine, calibration: {table: t.yaml}}\n";
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

TEST_CASE("a table is made for a row that names it already", "[calibration]") {
  const testing::ScratchFolder folder;
  std::ofstream(folder / "s.yaml")
      << kTinyStudy << "  - {method: affine, calibration: {table: t.yaml}}\n";
  for (const std::string force : {"", " --force"}) {
    const auto made = real_program(
        folder, "calibrate s.yaml --row 'affine w8 a8' --out t.yaml" + force);
    CAPTURE(made.err);
    CHECK(made.code == 0);
  }
  CHECK(real_program(folder, "validate s.yaml").code == 0);
}

TEST_CASE("a calibration table lies beside the study", "[validate]") {
  const testing::ScratchFolder folder;
  fs::create_directory(folder / "studies");
  std::ofstream(folder / "studies/s.yaml")
      << kTinyStudy << "  - {method: affine, calibration: {table: t.yaml}}\n";
  std::ofstream(folder / "studies/t.yaml") << "sites: {ip9/input: {method: affine}}\n";
  CHECK_THAT(real_program(folder, "validate studies/s.yaml").err,
             Contains("bitsweep: studies/t.yaml:1: sites.ip9/input: unknown"));
}

TEST_CASE("one width for a weights-only method is that of its weights", "[validate]") {
  CHECK(validated(kTinyStudy + "  - method: {id: inq, bits: 4}\n").code == 0);
  const auto unfit = validated(kTinyStudy + "  - method: {id: twn, bits: 4}\n");
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
  std::ofstream(folder / "s.yaml")
      << kTinyStudy << "  - method: {scheme: tensorrt-max}\n";
  const auto run = real_program(folder, "run s.yaml --dry-run");
  CHECK_THAT(run.err, Contains("scheme tensorrt-max sets method.id=affine ") &&
                          Contains("(source: TensorRT without entropy calibration") &&
                          !Contains("as published"));
  std::ofstream(folder / "s.yaml")
      << kTinyStudy << "  - method: {scheme: tflite-qat, bits: 4}\n";
  const auto changed = real_program(folder, "run s.yaml --dry-run");
  CHECK_THAT(changed.err,
             Contains("row 'tflite-qat w4 a4' is not the scheme tflite-qat as published: "
                      "method.activation_bits=4 (scheme: 8), method.weight_bits=4 "
                      "(scheme: 8)"));
  std::ofstream(folder / "s.yaml")
      << kTinyStudy << "  - {method: {scheme: tflite-qat}, fine_tuning: none}\n";
  CHECK_THAT(
      real_program(folder, "run s.yaml --dry-run").err,
      Contains("row 'tflite-qat fine_tuning=none' is not the scheme tflite-qat as "
               "published: fine_tuning=none (scheme: trained with its quantizers)"));
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

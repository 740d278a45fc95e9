// The format's page against the format: a reader in Python, written from README.md, reads
// what was packed.
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "framework/pack/model_file.h"
#include "tests/pack/packed_networks.h"
#include "tests/pack/symbols.h"
#include "tests/results/scratch_folder.h"

namespace bitsweep {
namespace {

bool python_has_numpy() {
  if (std::system("/usr/bin/python3 -c 'import numpy' >/dev/null 2>&1") == 0) return true;
  WARN("skipped: /usr/bin/python3 has no numpy");
  return false;
}

std::string hexadecimal(std::span<const float> values) {
  std::string text;
  for (const float value : values) {
    text += fmt::format("{}{:08x}", text.empty() ? "" : " ",
                        std::bit_cast<std::uint32_t>(value));
  }
  return text;
}

std::string line_of(const GraphNode& node) {
  std::vector<int> numbers = node.inputs;
  const ImageShape& shape = node.output;
  numbers.insert(numbers.end(), {shape.height, shape.width, shape.channels});
  std::vector<float> floats;
  switch (node.operation) {
    case Operation::kConvolution:
    case Operation::kMaxPool:
    case Operation::kAveragePool:
    case Operation::kPixelScale: {
      const Window& w = node.window;
      numbers.insert(numbers.end(),
                     {w.kernel.height, w.kernel.width, w.stride.height, w.stride.width,
                      w.pad.top, w.pad.left, w.pad.bottom, w.pad.right, w.groups});
      break;
    }
    case Operation::kPadShortcut:
      numbers.insert(numbers.end(), {node.window.stride.height, node.window.stride.width,
                                     node.zero_channels});
      break;
    case Operation::kLrnAcross:
    case Operation::kLrnWithin:
      numbers.push_back(node.lrn.size);
      floats = {node.lrn.alpha, node.lrn.beta, node.lrn.k};
      break;
    case Operation::kAffine:
      for (const char* name : {"scale", "shift"}) {
        const auto& values = node.constants.at(name);
        floats.insert(floats.end(), values.begin(), values.end());
      }
      break;
    default:
      break;
  }
  const bool named = is_product(node) || node.operation == Operation::kQuantize ||
                     node.operation == Operation::kAffine;
  return fmt::format("node {} {} {} {}\n", int(node.operation), named ? node.name : "",
                     numbers, hexadecimal(floats));
}

std::string lines_of(const PackedQuantizer& quantizer) {
  const auto& [grid, rule] = quantizer;
  std::vector<float> thresholds, levels;
  if (rule.is_dynamic()) {  // in the place of its own settings
    const AffineCodes& own = rule.affine;
    thresholds = {
        float(int(own.symmetric) | int(own.half_range) << 1 | int(own.order) << 2),
        float(own.centre), own.least_scale};
  }
  for (const float t : rule.thresholds) {
    if (std::isfinite(t)) thresholds.push_back(t);
  }
  for (auto code = grid.low_code(); code <= grid.high_code(); ++code) {
    levels.push_back(grid.value(code, 0));
  }
  return fmt::format("rule {} {} {} {}\nthresholds {}\nlevels {}\n", int(rule.kind),
                     int(rule.rounding), int(rule.of_magnitude), int(rule.order),
                     hexadecimal(thresholds), hexadecimal(levels));
}

std::string lines_of(const NetworkTensor& tensor, std::string_view coding) {
  return fmt::format(
      "tensor {} {} {}\ncodes {}\nvalues {}\n", tensor.name, tensor.shape, coding,
      tensor.encoded ? tensor.encoded->codes : std::vector<std::int32_t>{},
      hexadecimal(tensor.encoded ? tensor.encoded->values() : tensor.values));
}

// As the script prints a model.
std::string text_of(const PackedModel& model, const ModelBits& bits) {
  std::string text = fmt::format("{}, {}, {} classes\nfactor {}\noffset {}\n",
                                 model.title, model.dataset, model.graph.classes,
                                 hexadecimal(model.preprocessing.factor),
                                 hexadecimal(model.preprocessing.offset));
  for (const auto& node : model.graph.nodes) text += line_of(node);
  for (const auto& quantizer : model.quantizers) text += lines_of(quantizer);
  for (std::size_t i = 0; i < model.tensors.size(); ++i) {
    const auto coding = bits.tensors[i].coding;
    text += lines_of(model.tensors[i], coding ? coding_name(*coding) : "float");
  }
  return text;
}

// Line by line: a difference shows where it is.
void check_same(const std::string& a, std::istream& second) {
  std::istringstream first(a);
  std::string one, other;
  while (std::getline(first, one)) {
    REQUIRE(std::getline(second, other));
    REQUIRE(one == other);
  }
  CHECK_FALSE(std::getline(second, other));
}

// Writes the models, and has Python read them all. What it used of codings.
std::set<Coding> check_read(const std::vector<PackedModel>& models) {
  const testing::ScratchFolder folder;
  std::string files, expected;
  std::set<Coding> codings;
  for (std::size_t i = 0; i < models.size(); ++i) {
    const auto path = folder / fmt::format("{}.bsw", i);
    files += fmt::format(" '{}'", path.string());
    ModelBits bits;
    const auto bytes = model_bytes(models[i], &bits);
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               std::streamsize(bytes.size()));
    expected += text_of(models[i], bits);
    for (const auto& tensor : bits.tensors) {
      if (tensor.coding) codings.insert(*tensor.coding);
    }
  }
  const auto text = folder / "text";
  REQUIRE(
      std::system(fmt::format("/usr/bin/python3 '{}/tests/pack/read_model.py' {} > '{}'",
                              BITSWEEP_SOURCE_DIR, files, text.string())
                      .c_str()) == 0);
  std::ifstream file(text);
  check_same(expected, file);
  return codings;
}

// A linear layer of these codes alone.
PackedModel model_of(std::vector<std::int32_t> codes, Grid grid) {
  constexpr int kOutputs = 5;
  const int inputs = int(codes.size() * grid.dimension()) / kOutputs;
  PackedModel model{.title = "codes", .dataset = "none"};
  model.graph = {.image = {1, 1, inputs}, .classes = kOutputs};
  model.graph.nodes = {{.operation = Operation::kLinear,
                        .name = "fc",
                        .inputs = {0},
                        .output = {1, 1, kOutputs}}};
  model.tensors = {{.name = "fc/weight",
                    .shape = {kOutputs, inputs},
                    .encoded = Encoded{.codes = std::move(codes), .grid = grid}}};
  return model;
}

std::vector<std::int32_t> codes_of(const std::vector<std::uint32_t>& symbols,
                                   std::int32_t low) {
  std::vector<std::int32_t> codes;
  for (const auto symbol : symbols) codes.push_back(low + std::int32_t(symbol));
  return codes;
}

// Sums of four flat ones.
std::vector<std::uint32_t> bell_symbols(std::size_t count, std::uint32_t alphabet) {
  const auto flat = flat_symbols(4 * count, alphabet / 4);
  std::vector<std::uint32_t> symbols(count);
  for (std::size_t i = 0; i < flat.size(); ++i) symbols[i % count] += flat[i];
  return symbols;
}

TEST_CASE("a reader written from the page reads what methods pack", "[pack][format]") {
  if (!python_has_numpy()) return;
  std::vector<PackedModel> models;
  for (const char* method : {"lsq", "ttq", "lognet", "apot", "inq", "float"}) {
    models.push_back(Quantized(plain_model(), method, {}, kEverything).pack());
  }
  models.push_back(
      Quantized(plain_model(), "affine", {{"activation_scales", "image"}}, kEverything)
          .pack());
  models.push_back(Quantized(residual_model(), "lsq", {{"offset", "true"}}).pack());
  models.push_back(Quantized(fire_model(), "affine", {{"operands", "true"}}).pack());
  models.push_back(Quantized(mobile_model(), "affine", {}).pack());
  models.push_back(Quantized(side_model(), "affine", {}).pack());
  models.push_back(Quantized(plain_model(), "affine", {}, kEverything).pack());
  models.push_back(
      Quantized(plain_model(), "affine", {{"activation_bits", "16"}}, kEverything)
          .pack());
  models.push_back(
      Quantized(side_model(), "affine", {{"activation_scales", "batch"}}, kEverything)
          .pack());
  models.push_back(Quantized(sign_model(), "xnor", {{"input_scale", "true"}}).pack());
  PackedModel& sparse = models.emplace_back(models[5]);
  auto& weights = sparse.tensors[2].values;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (i % 11 != 0 && i % 17 != 0) weights[i] = 0;
  }
  const auto halves =
      model_bytes(Quantized(plain_model(), "float16", {}, kEverything).pack());
  models.push_back(parse_model(halves));
  PackedModel& sparse_halves = models.emplace_back(parse_model(halves));
  for (auto& tensor : sparse_halves.tensors) {
    for (std::size_t i = 0; i < tensor.values.size(); ++i) {
      if (i % 20 != 0) tensor.values[i] = 0;
    }
  }
  check_read(models);
}

// Which coding is the smallest depends on the codes.
TEST_CASE("a reader written from the page reads every coding", "[pack][format]") {
  if (!python_has_numpy()) return;
  const auto uniform = [](std::int32_t low, std::int32_t high) {
    return Grid(UniformGrid{.low = low, .high = high, .scale = {0.25f}});
  };
  std::vector<PackedModel> models = {
      model_of(codes_of(flat_symbols(1000, 16), -8), uniform(-8, 7)),
      model_of(codes_of(skewed_symbols(4000, 3, 1, 0.97), -1), uniform(-1, 1)),
      model_of(codes_of(skewed_symbols(2000, 300, 150, 0.5), -150), uniform(-150, 149))};
  // By symbols: few, enough for counts to be halved, many that spread, and more than are
  // learned.
  models.push_back(
      model_of(codes_of(skewed_symbols(5000, 16, 8, 0.3), -8), uniform(-8, 7)));
  models.push_back(
      model_of(codes_of(skewed_symbols(150000, 5, 2, 0.3), -2), uniform(-2, 2)));
  models.push_back(model_of(codes_of(bell_symbols(5000, 256), -128), uniform(-128, 127)));
  auto shuffled = bell_symbols(40000, 1100);
  for (auto& symbol : shuffled) symbol = symbol / 2 * 7 % 550 * 2 + symbol % 2;
  models.push_back(model_of(codes_of(shuffled, -550), uniform(-550, 549)));
  for (std::size_t i = 3; i < models.size(); ++i) {
    ModelBits bits;
    model_bytes(models[i], &bits);
    CAPTURE(i, coding_name(*bits.tensors[0].coding));
    CHECK(bits.tensors[0].coding == Coding::arithmetic_symbols);
  }
  // Four codes of a large alphabet: learned more slowly than a table says them.
  std::vector<std::int32_t> few;
  for (const auto symbol : flat_symbols(2000, 4)) {
    few.push_back(std::int32_t(symbol * symbol * 7001) % 32749);
  }
  models.push_back(model_of(few, uniform(-100, 32767)));
  // One or two codes among zeros.
  for (const std::int32_t value : {1, 200, 30000}) {
    for (const std::size_t size : {40u, 200u, 5000u}) {
      std::vector<std::int32_t> lone(size);
      lone[size / 3] = value;
      for (std::size_t i = 5; size > 200 && i < size; i += 97) {
        lone[i] = value - std::int32_t(i % 2);
      }
      models.push_back(model_of(lone, uniform(-32768, 32767)));
    }
  }
  CHECK(check_read(models) == std::set<Coding>(kCodings.begin(), kCodings.end()));
}

TEST_CASE("a reader written from the page reads books of vectors", "[pack][format]") {
  if (!python_has_numpy()) return;
  // Two books of three vectors of two values, two apart; channels of four values.
  const Grid grid(LevelGrid{.levels = {0.5f, 1, -1, 0, 2, 3, -2, -3, 1, 1, 7, 8},
                            .scale = {1, 0.5f, 2, 3, 0.1f, 1, 1, 1, 1, 1},
                            .learned = true,
                            .books = 2,
                            .book_of = {0, 1, 1, 0, 1, 0, 0, 1, 0, 1},
                            .vectors = {.dimension = 2, .stride = 2}},
                  {.channels = 10, .inner = 4});
  const Grid scalars(LevelGrid{.levels = {-1, 0, 1, -3, 0, 4},
                               .scale = {0.5f},
                               .books = 2,
                               .book_of = {0, 1, 1, 0, 1}},
                     {.channels = 5, .inner = 40});
  check_read({model_of(codes_of(flat_symbols(200, 3), 0), grid),
              model_of(codes_of(skewed_symbols(200, 3, 1, 0.5), 0), scalars)});
}

}  // namespace
}  // namespace bitsweep

// Schemas: reading, ranges, canonical words, and what is said of mistakes.

#include "framework/schema/schema.h"

#include <catch2/catch.hpp>

using namespace bitsweep;

namespace {

struct Params {
  int bits = 4;
  std::int64_t seed = 1;
  double rate = 0.1;
  bool exact = false;
  std::string group = "layer";
  std::vector<double> shares = {0.5, 1};
  std::vector<int> sizes;
  std::vector<std::string> names = {"a"};
  std::optional<double> loss;
  Sides kernel = 3;
  Padding pad = 0;

  static Schema<Params> schema() {
    return Schema<Params>{}
        .field("bits", &Params::bits, "Width.", between(2, 8))
        .field("seed", &Params::seed, "Seed.", at_least<std::int64_t>(0))
        .field("rate", &Params::rate, "Rate.", above(0.0))
        .field("exact", &Params::exact, "Exact.")
        .field("group", &Params::group, "Group.", one_of({"layer", "filter"}))
        .formerly("granularity")
        .field("shares", &Params::shares, "Shares.")
        .field("sizes", &Params::sizes, "Sizes.")
        .field("names", &Params::names, "Names.")
        .field("loss", &Params::loss, "Loss.")
        .field("kernel", &Params::kernel, "Kernel.", sides_between(1, 9))
        .field("pad", &Params::pad, "Pad.", padding_between(0, 4));
  }
};

std::vector<std::string> problems_of(const RawParams& raw) {
  std::vector<ParamProblem> problems;
  Params::schema().parse(raw, problems);
  std::vector<std::string> texts;
  for (const auto& problem : problems)
    texts.push_back(problem.name + ": " + problem.text);
  return texts;
}

std::string problem_of(const std::string& name, const RawValue& value) {
  const auto texts = problems_of({{name, value}});
  return texts.empty() ? "" : texts.front();
}

Params parsed(const RawParams& raw) {
  std::vector<ParamProblem> problems;
  auto params = Params::schema().parse(raw, problems);
  REQUIRE(problems.empty());
  return params;
}

RawValue word(const std::string& text) { return RawValue::scalar(text); }

}  // namespace

TEST_CASE("what is not given keeps its default", "[schema]") {
  const auto params = parsed({{"bits", word("8")}});
  CHECK(params.bits == 8);
  CHECK(params.rate == 0.1);
  CHECK(params.shares == std::vector<double>{0.5, 1});
}

TEST_CASE("words are read as their field's type", "[schema]") {
  const auto params = parsed({{"seed", word("9000000000")},
                              {"rate", word("1e-3")},
                              {"exact", word("true")},
                              {"group", word("filter")},
                              {"shares", RawValue::list({"0.25", "+1"})},
                              {"sizes", word("3")},
                              {"names", RawValue::list({})},
                              {"loss", word("-0.2")}});
  CHECK(params.seed == 9000000000);
  CHECK(params.rate == 1e-3);
  CHECK(params.exact);
  CHECK(params.group == "filter");
  CHECK(params.shares == std::vector<double>{0.25, 1});
  CHECK(params.sizes == std::vector<int>{3});
  CHECK(params.names.empty());
  CHECK(params.loss == -0.2);
}

TEST_CASE("sides are one number, or one each", "[schema]") {
  const auto kernel = [](const RawValue& raw) {
    return parsed({{"kernel", raw}}).kernel;
  };
  CHECK(kernel(word("5")) == Sides(5, 5));
  CHECK(kernel(RawValue::list({"3", "1"})) == Sides(3, 1));
  const auto pad = [](const RawValue& raw) { return parsed({{"pad", raw}}).pad; };
  CHECK(pad(word("2")) == Padding(2));
  CHECK(pad(RawValue::list({"1", "0"})) == Padding(Border(1, 0, 1, 0)));
  CHECK(pad(RawValue::list({"0", "1", "2", "3"})) == Padding(Border(0, 1, 2, 3)));
  CHECK(pad(word("same")) == Padding::same());
  const auto schema = Params::schema();
  const auto written = [&](const char* name, const RawValue& raw) {
    return schema.write(parsed({{name, raw}})).at(name).text();
  };
  CHECK(written("kernel", RawValue::list({"3", "3"})) == "3");
  CHECK(written("kernel", RawValue::list({"3", "1"})) == "[3, 1]");
  CHECK(written("pad", RawValue::list({"1", "1", "1", "1"})) == "1");
  CHECK(written("pad", RawValue::list({"1", "0", "1", "0"})) == "[1, 0]");
  CHECK(written("pad", RawValue::list({"0", "1", "2", "3"})) == "[0, 1, 2, 3]");
  CHECK(written("pad", word("same")) == "same");
}

TEST_CASE("sides that are none are refused", "[schema][refusal]") {
  CHECK(problem_of("kernel", RawValue::list({"3"})) ==
        "kernel: '[3]' is not a whole number, or two: [height, width]");
  CHECK(problem_of("kernel", word("same")) ==
        "kernel: 'same' is not a whole number, or two: [height, width]");
  CHECK(problem_of("kernel", RawValue::list({"3", "0"})) ==
        "kernel: [3, 0] is not allowed (1 to 9)");
  CHECK(problem_of("pad", RawValue::list({"1", "2", "3"})) ==
        "pad: '[1, 2, 3]' is not a whole number, [height, width], [top, left, bottom, "
        "right] or same");
  CHECK(problem_of("pad", RawValue::list({"0", "5"})) ==
        "pad: [0, 5] is not allowed (0 to 4)");
}

TEST_CASE("a border of 'same' gives an output for each stride", "[schema]") {
  // 7 pixels in steps of 2 are 4 windows, which reach over 6 + 3 pixels.
  CHECK(Padding::same().around({7, 8, 1}, {3, 4}, {2, 3}) == Border(1, 1, 1, 1));
  CHECK(Padding::same().around({7, 8, 1}, {2, 1}, 1) == Border(0, 0, 1, 0));
  CHECK(Padding::same().around({6, 6, 1}, 1, 2) == Border(0));
  CHECK(Padding(Border(1, 2, 3, 4)).around({7, 8, 1}, 9, 1) == Border(1, 2, 3, 4));
}

TEST_CASE("a wrong type says what was found and what was expected", "[schema][refusal]") {
  CHECK(problem_of("bits", word("4.5")) == "bits: '4.5' is not a whole number");
  CHECK(problem_of("bits", word("4 ")) == "bits: '4 ' is not a whole number");
  CHECK(problem_of("bits", word("99999999999")) ==
        "bits: '99999999999' is not a whole number of at most 2147483647");
  CHECK(problem_of("bits", word("-99999999999")) ==
        "bits: '-99999999999' is not a whole number of at least -2147483648");
  CHECK(problem_of("sizes", RawValue::list({"1", "99999999999"})) ==
        "sizes: '[1, 99999999999]' is not a list of whole numbers from -2147483648 to "
        "2147483647");
  CHECK(problem_of("bits", RawValue::list({"4"})) == "bits: '[4]' is not a whole number");
  CHECK(problem_of("rate", word("nan")) == "rate: 'nan' is not a number");
  CHECK(problem_of("rate", word("")) == "rate: '' is not a number");
  CHECK(problem_of("exact", word("yes")) == "exact: 'yes' is not a bool (true or false)");
  CHECK(problem_of("shares", RawValue::list({"1", "x"})) ==
        "shares: '[1, x]' is not a list of numbers");
  CHECK(problem_of("sizes", word("1.5")) ==
        "sizes: '1.5' is not a list of whole numbers");
  CHECK(problem_of("group", RawValue::list({"a"})) ==
        "group: '[a]' is not a single word");
  CHECK(problem_of("loss", word("much")) == "loss: 'much' is not a number");
}

TEST_CASE("a value out of range says the range", "[schema][refusal]") {
  CHECK(problem_of("bits", word("2")).empty());
  CHECK(problem_of("bits", word("8")).empty());
  CHECK(problem_of("bits", word("1")) == "bits: 1 is not allowed (2 to 8)");
  CHECK(problem_of("bits", word("9")) == "bits: 9 is not allowed (2 to 8)");
  CHECK(problem_of("seed", word("0")).empty());
  CHECK(problem_of("seed", word("-1")) == "seed: -1 is not allowed (at least 0)");
  CHECK(problem_of("rate", word("0")) == "rate: 0 is not allowed (above 0)");
  CHECK(problem_of("group", word("row")) ==
        "group: row is not allowed (one of: layer, filter)");
}

TEST_CASE("an unknown name is answered with the nearest, or with all",
          "[schema][refusal]") {
  CHECK(problem_of("bit", word("4")) == "bit: unknown parameter; did you mean 'bits'?");
  CHECK(problem_of("temperature", word("4")) ==
        "temperature: unknown parameter; known: bits, seed, rate, exact, group, shares, "
        "sizes, names, loss, kernel, pad");
  CHECK(unknown_text("key", "x", {}) == "unknown key; there are none here");
}

TEST_CASE("every problem is found in one reading", "[schema][refusal]") {
  CHECK(problems_of({{"bits", word("x")}, {"rate", word("0")}, {"shapes", word("1")}})
            .size() == 3);
}

TEST_CASE("equal structs are written alike, however they were given",
          "[schema][round trip]") {
  const auto schema = Params::schema();
  const auto written =
      schema.write(parsed({{"rate", word("1.0e-3")}, {"bits", word("+5")}}));
  CHECK(written.at("rate").text() == "0.001");
  CHECK(written.at("bits").text() == "5");
  CHECK(written.at("shares").text() == "[0.5, 1]");
  CHECK(written == schema.write(parsed({{"rate", word("0.001")}, {"bits", word("5")}})));
  RawParams again = written;
  again.erase("loss");  // a number that is not there has no word
  CHECK(schema.write(parsed(again)) == written);
}

TEST_CASE("fields are described in the order of their declaration", "[schema]") {
  const auto fields = Params::schema().fields();
  REQUIRE(fields.size() == 11);
  CHECK(fields[0].name == "bits");
  CHECK(fields[0].type == "int");
  CHECK(fields[0].default_value == "4");
  CHECK(fields[0].range == "2 to 8");
  CHECK(fields[0].help == "Width.");
  CHECK(fields[2].type == "real");
  CHECK(fields[4].range == "one of: layer, filter");
  CHECK(fields[4].choices == std::vector<std::string>{"layer", "filter"});
  CHECK(fields[3].choices == std::vector<std::string>{"true", "false"});
  CHECK(fields[0].choices.empty());
  CHECK_FALSE(fields[4].is_list());
  CHECK(fields[5].is_list());
  CHECK(fields[5].default_value == "[0.5, 1]");
}

TEST_CASE("a former name is read as the present one, which alone is written",
          "[schema]") {
  CHECK(parsed({{"granularity", word("filter")}}).group == "filter");
  const auto written = Params::schema().write(parsed({{"granularity", word("filter")}}));
  CHECK(written == Params::schema().write(parsed({{"group", word("filter")}})));
  CHECK_FALSE(written.contains("granularity"));
  CHECK(Params::schema().fields()[4].former_names ==
        std::vector<std::string>{"granularity"});
}

TEST_CASE("a former name beside the present one, or with a wrong value, is refused",
          "[schema][refusal]") {
  CHECK(problems_of({{"granularity", word("layer")}, {"group", word("filter")}}) ==
        std::vector<std::string>{"granularity: is the former name of 'group', which is "
                                 "given too; write 'group' alone"});
  CHECK(problem_of("granularity", word("net")) ==
        "granularity: net is not allowed (one of: layer, filter)");
}

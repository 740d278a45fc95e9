// The checks of methods as a whole: what is asked, of which quantizers, and the text.
#include <set>
#include <stdexcept>

#include <catch2/catch.hpp>

#include "tests/quant/broken_quantizers.h"

namespace bitsweep::testing {

using Catch::Matchers::Contains;

TEST_CASE("a sound quantizer breaks no promise", "[conformance]") {
  CHECK(broken<Plain>() == Names{});
}

TEST_CASE("a sound quantizer that learns breaks no promise", "[conformance]") {
  CHECK(broken<Learning>() == Names{});
}

TEST_CASE("what a method throws is found, with its quantizer and values",
          "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void prepare(std::span<const float> x) override {
      if (x[0] > 1e20f) throw std::runtime_error("boom");
    }
  };
  CHECK(broken<Wrong>() == Names{"law", "finite", "lost values"});
  CHECK_THAT(example_of(entry_of<Wrong>(), "finite"),
             Contains("weight, 2 bits, 1 value in 1 channel: it throws 'boom', on 1 "
                      "value of 1e+30"));
}

TEST_CASE("a quantizer that cannot be made is found, and the checks go on",
          "[conformance]") {
  const auto entry = entry_of([](const Site& site) -> std::unique_ptr<Quantizer> {
    if (site.role == Role::kInput) throw 1;
    return std::make_unique<Plain>(site);
  });
  const auto found = check_conformance(entry);
  for (const auto& check : found.checks) {
    if (check.name != "widths" && check.name != "law") continue;
    CHECK(check.broken > 0);
    CHECK(check.asked > check.broken / 2);
    CHECK_THAT(check.example, Contains("input") && Contains("no std::exception"));
  }
}

TEST_CASE("choices are made otherwise than by default, one at a time", "[conformance]") {
  struct Params {
    int weight_bits = 2;
    std::string group = "layer";
    bool spoils = false;
    static Schema<Params> schema() {
      return Schema<Params>{}
          .field("weight_bits", &Params::weight_bits, "Bits.", bits_between(2, 2))
          .field("group", &Params::group, "Choice.", one_of({"layer", "filter", "odd"}))
          .field("spoils", &Params::spoils, "Choice.");
    }
  };
  class Wrong : public Plain {
    using Plain::Plain;
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass&) const override {
      std::copy(x.begin(), x.end(), y.begin());
    }
  };
  auto entry = entry_of<Plain>();
  entry.fields = Params::schema().fields();
  std::set<std::string> made;
  entry.resolve = [](const RawParams& raw, std::vector<ParamProblem>& problems) {
    const auto params = Params::schema().parse(raw, problems);
    if (params.group == "odd") problems.push_back({"group", "is refused"});
    return Params::schema().write(params);
  };
  entry.make = [&made](const RawParams& raw) {
    std::vector<ParamProblem> problems;
    const auto params = Params::schema().parse(raw, problems);
    made.insert(params.group + (params.spoils ? " spoils" : ""));
    const bool is_wrong = params.group == "filter";
    return std::make_unique<Made>([is_wrong](const Site& site) {
      std::unique_ptr<Quantizer> quantizer = std::make_unique<Plain>(site);
      if (is_wrong) quantizer = std::make_unique<Wrong>(site);
      return quantizer;
    });
  };
  CHECK_THAT(example_of(entry, "law"), Contains("weight, 2 bits, group=filter, 1 value"));
  CHECK(made == std::set<std::string>{"layer", "filter", "layer spoils"});
  made.clear();
  CHECK(check_conformance(entry, {{"group", RawValue::scalar("layer")}}).sound());
  CHECK(made == std::set<std::string>{"layer", "layer spoils"});
}

TEST_CASE("a method without widths is found, and nothing is counted", "[conformance]") {
  auto entry = entry_of<Plain>();
  entry.fields.clear();
  entry.resolve = [](const RawParams&, std::vector<ParamProblem>& problems) {
    problems.push_back({"weight_bits", "unknown"});
    return RawParams{};
  };
  const auto text = conformance_text(entry, check_conformance(entry));
  CHECK_THAT(text, Contains("widths         VIOLATED") && !Contains("of 0"));
}

TEST_CASE("the short text has what is broken, and a closing line", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    Grid grid() const override {
      return {UniformGrid{.low = -2, .high = 2, .scale = {0.5f}}};
    }
  };
  const auto of = [](const MethodEntry& entry) {
    return broken_text(entry, check_conformance(entry));
  };
  CHECK_THAT(of(entry_of<Plain>()), Catch::StartsWith("made: passes all "));
  CHECK_THAT(of(entry_of<Wrong>()), Catch::StartsWith("  levels         VIOLATED") &&
                                        Contains("made: fails ") && !Contains("holds"));
}

TEST_CASE("each check is named before it is made", "[conformance]") {
  Names begun, made;
  const auto found = check_conformance(entry_of<Plain>(), {}, false,
                                       [&](const auto& name) { begun.push_back(name); });
  for (const auto& check : found.checks) made.push_back(check.name);
  CHECK(begun == made);
}

TEST_CASE("a width that quantizes nothing is found", "[conformance]") {
  const auto entry = entry_of([](const Site& site) -> std::unique_ptr<Quantizer> {
    if (site.role == Role::kInput) return nullptr;
    return std::make_unique<Plain>(site);
  });
  const auto found = check_conformance(entry);
  CHECK_FALSE(found.sound());
  CHECK(found.checks.front().example == "activation_bits: 2 quantizes nothing");
}

}  // namespace bitsweep::testing

// What the checks of methods find wrong with values and codes.
#include <stdexcept>

#include <catch2/catch.hpp>

#include "tests/quant/broken_quantizers.h"

namespace bitsweep::testing {

using Catch::Matchers::Contains;

TEST_CASE("codes that are not those of forward are found", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
      for (std::size_t i = 0; i < x.size(); ++i) codes[i] = x[i] > 1.2f ? 0 : code(x[i]);
    }
  };
  CHECK(broken<Wrong>() == Names{"law", "large law"});
}

TEST_CASE("ties that codes break otherwise than values are found", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
      for (std::size_t i = 0; i < x.size(); ++i) {
        codes[i] = x[i] == -0.75f ? -1 : code(x[i]);  // half to even is -2
      }
    }
  };
  CHECK(broken<Wrong>() == Names{"ties"});
}

TEST_CASE("a preparation that NaN or infinity upsets is found", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void prepare(std::span<const float> x) override {
      sum_ = 0;
      for (const float v : x) sum_ += v;
    }
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass& pass) const override {
      if (std::isnan(sum_)) throw std::out_of_range("no such bin");
      Plain::forward(x, y, pass);
    }
    float sum_ = 0;
  };
  CHECK(broken<Wrong>() == Names{"lost values"});
}

TEST_CASE("a code that the grid has not is found", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
      for (std::size_t i = 0; i < x.size(); ++i) codes[i] = x[i] > 1.2f ? 2 : code(x[i]);
    }
  };
  const auto names = broken<Wrong>();
  CHECK(std::count(names.begin(), names.end(), "codes") == 1);
}

TEST_CASE("more levels than bits hold are found", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    Grid grid() const override {
      return {UniformGrid{.low = -2, .high = 2, .scale = {0.5f}}};
    }
  };
  CHECK(broken<Wrong>() == Names{"levels"});
}

TEST_CASE("a negative zero is found", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass& pass) const override {
      Plain::forward(x, y, pass);
      for (float& v : y) v = v == 0 ? -0.0f : v;
    }
  };
  CHECK(broken<Wrong>() == Names{"law", "large law", "ties", "finite"});
}

TEST_CASE("claims that do not hold are found", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass&) const override {
      for (std::size_t i = 0; i < x.size(); ++i) y[i] = value(-1 - code(x[i]));
    }
    void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
      for (std::size_t i = 0; i < x.size(); ++i) codes[i] = -1 - code(x[i]);
    }
  };
  CHECK(broken<Wrong>() == Names{"idempotent", "monotonic", "zero"});
}

TEST_CASE("claims that are not made are not asked for", "[conformance]") {
  auto entry = entry_of([](const Site& site) { return std::make_unique<Plain>(site); });
  entry.weight_claims = entry.activation_claims = {false, false, false};
  for (const auto& check : check_conformance(entry).checks) {
    const bool is_claim =
        check.name == "idempotent" || check.name == "monotonic" || check.name == "zero";
    CHECK((check.unclaimed > 0) == is_claim);
    CHECK((check.asked == 0 && is_claim) == is_claim);
  }
  CHECK_THAT(conformance_text(entry, check_conformance(entry)), Contains("not claimed"));
}

TEST_CASE("a grid that is none is a finding, not the end", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void prepare(std::span<const float> x) override {
      scale_ =
          std::all_of(x.begin(), x.end(), [&](float v) { return v == x[0]; }) ? 0 : 0.5f;
    }
    Grid grid() const override {
      return {UniformGrid{.low = -2, .high = 1, .scale = {scale_}}};
    }
    float scale_ = 0.5f;
  };
  const auto found = check_conformance(entry_of<Wrong>());
  CHECK_FALSE(found.sound());
  CHECK_THAT(example_of(entry_of<Wrong>(), "law"),
             Contains("its grid has a scale of 0; expected a finite one above 0"));
}

}  // namespace bitsweep::testing

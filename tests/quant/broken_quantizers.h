// Quantizers that break one promise each, for the checks of methods to find.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "framework/quant/conformance.h"
#include "framework/quant/method.h"

namespace bitsweep::testing {

// Steps of a half from -1 to 1/2, as two bits hold them; the defects change one thing.
class Plain : public Quantizer {
 public:
  explicit Plain(const Site& site) : step_(site.name + ".step", 1) {
    step_.value[0] = 0.5f;
  }
  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = value(code(x[i]));
  }
  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
    for (std::size_t i = 0; i < x.size(); ++i) codes[i] = code(x[i]);
  }
  void backward(std::span<const float>, std::span<const float> dy, std::span<float> dx,
                std::span<double> sums, const Pass&) const override {
    for (std::size_t i = 0; i < dy.size(); ++i) {
      if (!sums.empty()) sums[0] += double(dy[i]);
      dx[i] = dy[i];
    }
  }
  Grid grid() const override {
    return {UniformGrid{.low = -2, .high = 1, .scale = {step_.value[0]}}};
  }

 protected:
  std::int32_t code(float x) const {
    if (!(std::fabs(x) < 100)) return x > 0 ? 1 : x < 0 ? -2 : 0;
    return std::clamp(std::int32_t(std::nearbyint(x / step_.value[0])), -2, 1);
  }
  float value(std::int32_t code) const { return step_.value[0] * float(code) + 0.0f; }
  Parameter step_;
};

// The same with its step learned, as LSQ does; the defects change one thing.
class Learning : public Plain {
 public:
  using Plain::Plain;
  void backward(std::span<const float> x, std::span<const float> dy, std::span<float> dx,
                std::span<double> sums, const Pass&) const override {
    for (std::size_t i = 0; i < dy.size(); ++i) {
      const float v = x[i] / step_.value[0];
      const bool inside = -2 < v && v < 1;
      sums[0] += double(dy[i] * (inside ? std::nearbyint(v) - v : v <= -2 ? -2 : 1));
      dx[i] = inside ? dy[i] : 0;
    }
  }
  void finish_gradient(std::span<const double> sums) override {
    step_.gradient[0] = float(sums[0]);
  }
  std::vector<Parameter*> trainable() override { return {&step_}; }
};

using Make = std::function<std::unique_ptr<Quantizer>(const Site&)>;

struct BitsParams {
  int weight_bits = 2;
  int activation_bits = 2;
  static Schema<BitsParams> schema() {
    return Schema<BitsParams>{}
        .field("weight_bits", &BitsParams::weight_bits, "Bits.", bits_between(2, 2))
        .field("activation_bits", &BitsParams::activation_bits, "Bits.",
               bits_between(2, 2));
  }
};

class Made final : public Method {
 public:
  explicit Made(const Make& make) : make_(make) {}
  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    const bool concerned = site.role == Role::kWeight || site.role == Role::kInput;
    return concerned ? make_(site) : nullptr;
  }

 private:
  Make make_;
};

inline MethodEntry entry_of(const Make& make) {
  MethodEntry entry;
  entry.id = "made";
  entry.fields = BitsParams::schema().fields();
  entry.resolve = [](const RawParams& raw, std::vector<ParamProblem>& problems) {
    const auto schema = BitsParams::schema();
    return schema.write(schema.parse(raw, problems));
  };
  entry.make = [make](const RawParams&) { return std::make_unique<Made>(make); };
  return entry;
}

template <class Q>
MethodEntry entry_of() {
  return entry_of([](const Site& site) { return std::make_unique<Q>(site); });
}

// What is said of the check `name`.
inline std::string example_of(const MethodEntry& entry, const std::string& name) {
  for (const auto& check : check_conformance(entry).checks) {
    if (check.name == name) return check.example;
  }
  return "there is no check " + name;
}

template <class Q>
std::vector<std::string> broken() {
  const auto found = check_conformance(entry_of<Q>());
  std::vector<std::string> names;
  for (const auto& check : found.checks) {
    if (!check.holds()) names.push_back(check.name);
    CHECK(check.holds() == check.example.empty());
  }
  CHECK(found.sound() == names.empty());
  return names;
}

using Names = std::vector<std::string>;

}  // namespace bitsweep::testing

// Quantizers of registered methods on made-up sites.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "framework/quant/method.h"
#include "framework/quant/probe.h"
#include "framework/quant/registry.h"
#include "framework/quant/transforms_values.h"
#include "methods/builtin_methods.h"

namespace bitsweep::testing {

using namespace probe;

inline const MethodRegistry& builtin_methods() {
  static const MethodRegistry registry = [] {
    MethodRegistry all;
    register_builtin_methods(all);
    return all;
  }();
  return registry;
}

/// "weight_bits", "2" and so on in pairs.
inline RawParams params(
    std::initializer_list<std::pair<const char*, const char*>> pairs) {
  RawParams raw;
  for (const auto& [name, word] : pairs) raw[name] = RawValue::scalar(word);
  return raw;
}

inline std::unique_ptr<Quantizer> quantizer_for(const std::string& id,
                                                const RawParams& raw, const Site& site) {
  return builtin_methods().at(id).make(raw)->quantizer(site);
}

/// Calibrated on x, and prepared with it.
inline std::unique_ptr<Quantizer> calibrated(const std::string& id, const RawParams& raw,
                                             const Site& site, const Values& x) {
  auto quantizer = quantizer_for(id, raw, site);
  if (!quantizer) return quantizer;
  probe::calibrate(*quantizer, x);
  return quantizer;
}

/// The optional interface I of a quantizer that must have it.
template <class I>
I& as(Quantizer& quantizer) {
  return dynamic_cast<I&>(quantizer);
}

/// The first learned value after calibration on x.
inline float learned_start(const std::string& id, const RawParams& raw, const Site& site,
                           const Values& x) {
  return calibrated(id, raw, site, x)->trainable()[0]->value[0];
}

/// What the quantizer rounds.
inline Values transformed(const Quantizer& quantizer, const Values& x) {
  Values u = x;
  const auto* transforms = dynamic_cast<const TransformsValues*>(&quantizer);
  if (transforms != nullptr) transforms->transformed(x, u);
  return u;
}

// The vectors that most worked numbers start from.
inline const Values kW8 = {0.9f, -0.4f, 0.05f, -1.3f, 0.6f, -0.02f, 0.27f, -0.7f};
inline const Values kX8 = {-0.6f, 0.1f, 0.4f, 0.55f, 0.9f, 1.2f, 1.7f, 3.0f};
inline const Values kG8 = {0.1f, -0.2f, 0.3f, 0.4f, -0.5f, 0.6f, -0.7f, 0.8f};

/// Matches values within `tolerance` of each expected one.
inline bool near(const Values& x, const std::vector<double>& expected, double tolerance) {
  if (x.size() != expected.size()) return false;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double error = double(x[i]) - expected[i];
    if (!(-tolerance <= error && error <= tolerance)) return false;
  }
  return true;
}

}  // namespace bitsweep::testing

#include "framework/quant/quantizer.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/engine/elementwise.h"

namespace bitsweep {

// Straight through: the gradient of the identity.
void Quantizer::backward(std::span<const float> /*x*/, std::span<const float> dy,
                         std::span<float> dx, std::span<double> /*sums*/,
                         const Pass& /*pass*/) const {
  kernels::copy(dy, dx);
}

void Quantizer::finish_gradient(std::span<const double> /*sums*/) {}

void Quantizer::encode(std::span<const float> x, std::span<std::int32_t> codes) const {
  grid().nearest_codes(x, codes);
}

namespace {

// "conv1/weight.step" is learned as "step".
std::string own_name(const Parameter& learned) {
  return learned.name.substr(learned.name.rfind('.') + 1);
}

class Reader final : public StateVisitor {
 public:
  explicit Reader(QuantizerState& state) : state_(state) {}
  void values(const char* name, std::vector<float>& values) override {
    state_[name] = values;
  }

 private:
  QuantizerState& state_;
};

class Writer final : public StateVisitor {
 public:
  explicit Writer(const QuantizerState& state) : state_(state) {}
  void values(const char* name, std::vector<float>& values) override {
    values = take(name);
  }
  const std::vector<float>& take(const std::string& name) {
    const auto found = state_.find(name);
    if (found == state_.end()) {
      throw MethodError(fmt::format("its state has no '{}'", name));
    }
    taken_.insert(name);
    return found->second;
  }
  void refuse_rest() const {
    for (const auto& [name, values] : state_) {
      if (taken_.contains(name)) continue;
      throw MethodError(fmt::format("it has no use for '{}' of the state", name));
    }
  }

 private:
  const QuantizerState& state_;
  std::set<std::string> taken_;
};

}  // namespace

QuantizerState state_of(Quantizer& quantizer) {
  QuantizerState state;
  for (const Parameter* learned : quantizer.trainable()) {
    const auto values = learned->value.span();
    state[own_name(*learned)] = {values.begin(), values.end()};
  }
  Reader reader(state);
  quantizer.visit_state(reader);
  return state;
}

void set_state(Quantizer& quantizer, const QuantizerState& state) {
  Writer writer(state);
  for (Parameter* learned : quantizer.trainable()) {
    const auto& values = writer.take(own_name(*learned));
    if (values.size() != learned->value.size()) {
      throw MethodError(fmt::format("its '{}' has {} values, the state {}",
                                    own_name(*learned), learned->value.size(),
                                    values.size()));
    }
    std::copy(values.begin(), values.end(), learned->value.data());
  }
  quantizer.visit_state(writer);
  writer.refuse_rest();
}

}  // namespace bitsweep

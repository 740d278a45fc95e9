// A method: a paper's idea, with its parameters, the quantizer it puts on each site, and
// the stages of its training.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "framework/quant/quantizer.h"
#include "framework/quant/registry.h"
#include "framework/quant/site.h"
#include "framework/quant/stage.h"
#include "framework/schema/schema.h"

namespace bitsweep {

/// What a method is told of the run that it is a part of.
struct RunFacts {
  std::int64_t steps = 0;         // of the training behind calibration; 0: there is none
  bool has_normalisation = true;  // batch normalisation, anywhere in the network
  bool has_operands = true;       // additions or concatenations
};

class Method {
 public:
  virtual ~Method() = default;

  /// The quantizer for a site, or null where the method leaves it in float. Edges have
  /// been seen to: a site that the run keeps in float is not asked for.
  virtual std::unique_ptr<Quantizer> quantizer(const Site& site) const = 0;

  /// What happens to the sites of this method, in order; by default: calibrate, then
  /// train. Other methods of a run have stages of their own beside these
  /// (`merge_stages`). Where a calibration is listed, the sites stay in float until it
  /// has been. A list without training comes behind all training of the others.
  virtual std::vector<Stage> stages() const;

  /// Whether batch normalisation, in the whole network, is a part of the weights before it
  /// from the start, so that weight quantizers see both; behind the last stage it becomes
  /// one for good.
  virtual bool folds_in_training() const { return false; }

  /// Parameters that change nothing in such a run, with a sentence each ("has no effect:
  /// blocks alone have a size"). They are refused where a study writes them and none of its
  /// rows has a use for them; what is a default or a preset's is nobody's mistake.
  virtual std::vector<ParamProblem> without_effect(const RunFacts&) const { return {}; }
};

/// `low` to `high`, or 32 for float.
Allowed<int> bits_between(int low, int high);

/// Makes an entry out of a class with `Params` (with a `schema()`), `summary`,
/// `reference` and, where there are any, `formula`, `recipe`, `departures`, `biases`,
/// `version`, `weight_claims`, `activation_claims` (or `claims(params, of_weights)`), and
/// `check(params, problems)` for what parameters must be to each other.
template <class M>
MethodEntry make_method_entry(std::string id) {
  using Params = typename M::Params;
  MethodEntry entry;
  entry.id = std::move(id);
  entry.summary = M::summary;
  entry.reference = M::reference;
  entry.fields = Params::schema().fields();
  if constexpr (requires { M::formula; }) entry.formula = M::formula;
  if constexpr (requires { M::recipe; }) entry.recipe = M::recipe;
  if constexpr (requires { M::departures; }) entry.departures = M::departures;
  if constexpr (requires { M::biases; }) entry.biases = M::biases;
  if constexpr (requires { M::version; }) entry.version = M::version;
  if constexpr (requires { M::weight_claims; }) entry.weight_claims = M::weight_claims;
  if constexpr (requires { M::activation_claims; }) {
    entry.activation_claims = M::activation_claims;
  }
  entry.resolve = [](const RawParams& raw, std::vector<ParamProblem>& problems) {
    const auto schema = Params::schema();
    const auto params = schema.parse(raw, problems);
    if constexpr (requires { M::check(params, problems); }) M::check(params, problems);
    return schema.write(params);
  };
  if constexpr (requires(Params p) { M::claims(p, true); }) {
    entry.claims_of = [](const RawParams& raw, bool of_weights) {
      std::vector<ParamProblem> problems;
      return M::claims(Params::schema().parse(raw, problems), of_weights);
    };
  }
  entry.make = [](const RawParams& raw) -> std::unique_ptr<Method> {
    std::vector<ParamProblem> problems;
    return std::make_unique<M>(Params::schema().parse(raw, problems));
  };
  return entry;
}

}  // namespace bitsweep

/// Defines the one public name of a method's file: `bitsweep::methods::entry_<id>()`. Who
/// calls it is the build's affair, so that the same source serves built in or as a
/// plugin.
#define BITSWEEP_METHOD(id, Class)                                                       \
  namespace bitsweep::methods {                                                          \
  bitsweep::MethodEntry entry_##id() { return bitsweep::make_method_entry<Class>(#id); } \
  }

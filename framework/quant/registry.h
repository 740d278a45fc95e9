// The methods that are known: a value, so that a test makes its own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "framework/schema/schema.h"

namespace bitsweep {

class Method;

/// What a method promises beyond the law, for the checks that run over all of them.
struct Claims {
  bool idempotent = true;       // Q(Q(x)) == Q(x)
  bool monotonic = true;        // x <= x' gives Q(x) <= Q(x') within a channel
  bool zero_preserving = true;  // Q(0) == 0
  /// Gradients of learned values have the sign of the squared error's slope, rounding and
  /// all; without it, that of what is clipped.
  bool learns_from_rounding = true;
  /// Gradients are those of x, or of x clipped to the grid, with what rounding adds held
  /// fixed; of what is rounded in place of x, where that is another value
  /// (`TransformsValues`).
  bool straight_through = true;
};

/// A method as help, validation, docs and tests see it.
struct MethodEntry {
  std::string id;
  std::string summary;
  std::string reference;
  std::string formula;              // of the quantizers, in a line
  std::string recipe;               // how the paper trains, in a line
  std::string departures;           // from the paper, in a sentence or two
  std::string biases;               // what becomes of them, where that asks for a word
  std::string origin = "built-in";  // or the plugin's path
  std::string plugin;               // SHA-256 of the plugin's file; "" for a built-in
  int version = 1;                  // raise it with each change of the method's numbers
  std::vector<FieldInfo> fields;
  Claims weight_claims;
  Claims activation_claims;
  /// Where the claims depend on parameters; else null, and the two above hold for all.
  std::function<Claims(const RawParams&, bool of_weights)> claims_of;
  Claims claims(const RawParams& raw, bool of_weights) const {
    if (claims_of) return claims_of(raw, of_weights);
    return of_weights ? weight_claims : activation_claims;
  }
  /// Complete, canonical parameters; mistakes are added to the list.
  std::function<RawParams(const RawParams&, std::vector<ParamProblem>&)> resolve;
  /// From parameters that `resolve` found nothing wrong with.
  std::function<std::unique_ptr<Method>(const RawParams&)> make;
};

class MethodRegistry {
 public:
  /// Throws PluginError naming both origins when the id is taken.
  void add(MethodEntry entry);
  bool contains(const std::string& id) const { return entries_.count(id) != 0; }
  /// Throws ConfigError with a did-you-mean and the list when there is none of that id.
  const MethodEntry& at(const std::string& id) const;
  /// "unknown method 'lqs'; did you mean 'lsq'? available: ...".
  std::string unknown_message(const std::string& id) const;
  std::vector<std::string> ids() const;  // sorted

 private:
  std::map<std::string, MethodEntry> entries_;
};

}  // namespace bitsweep

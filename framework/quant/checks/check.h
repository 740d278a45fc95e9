// What the checks of a method share: the quantizer under test, how it is made and called,
// and the form of a check. The checks themselves are in the files beside this one.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "framework/quant/method.h"
#include "framework/quant/probe.h"

namespace bitsweep::checks {

using probe::Codes;
using probe::Values;
using probe::zero_sums;

/// What went wrong, or "".
using Finding = std::string;

/// One quantizer under test, and how it came to be.
struct Case {
  const MethodEntry* entry = nullptr;
  RawParams raw;
  int bits = 0;
  bool is_usual = true;  // of the method's own width: for checks that take their time
  std::string choice;    // "group=filter" where one parameter is not the default, or ""
  Site site;

  Role role() const { return site.role; }
  bool is_gradient() const { return site.role == Role::kGradient; }
  /// Weights and biases: the others come in slices.
  bool comes_whole() const;
  Claims claims() const { return entry->claims(raw, comes_whole()); }

  /// A quantizer of its own, as it comes from the method.
  std::unique_ptr<Quantizer> fresh(const Site& where) const;
  /// The same for the case's site, calibrated on x and prepared with it.
  std::unique_ptr<Quantizer> made(const Values& x) const;
  /// Normal values, without their sign where the site's have none.
  Values values(std::uint64_t seed = 7, std::size_t images = 1) const;
  std::string name() const;
};

/// What a method threw, with the values it threw at.
class Thrown : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What the exception under way says.
std::string text_of_exception();
/// "31 values from -2.1 to 1.7".
std::string summary(const Values& x);

/// `work()` on x: what it throws is told with a summary of x.
template <class Work>
auto on(const Values& x, Work work) {
  try {
    return work();
  } catch (const Thrown&) {
    throw;
  } catch (...) {
    throw Thrown(text_of_exception() + ", on " + summary(x));
  }
}

void calibrate(Quantizer& quantizer, const Values& x);
Values quantized(const Quantizer& quantizer, const Values& x, Pass pass = {});
Codes encoded(const Quantizer& quantizer, const Values& x);
/// dx; what is learned adds its gradients to `sums`, which has room for them.
Values propagated(const Quantizer& quantizer, const Values& x, const Values& dy,
                  std::vector<double>& sums, Pass pass = {.training = true});
/// Forward and backward in training.
Values propagated(Quantizer& quantizer, const Values& x, const Values& dy,
                  std::vector<double>& sums);

/// normal_values, drawn once.
Values normal_values(std::size_t size, std::uint64_t seed, float spread = 1);

/// `size` values of x from `begin`.
Values part(const Values& x, std::size_t begin, std::size_t size);

/// The first place where two results differ in a bit: "value 3 is 0.2 and becomes 0;
/// <what> 0.5".
Finding difference(const Values& x, const Values& got, const Values& wanted,
                   const char* what);

struct Check {
  const char* name;
  const char* promise;
  std::vector<std::size_t> sizes;
  bool (*concerns)(const Case&, Quantizer&);
  bool Claims::*claim;  // or null: promised by all
  Finding (*finding)(const Case&);
};

// Whom a check concerns.
bool any(const Case&, Quantizer&);
bool is_value(const Case&, Quantizer&);
bool has_grid(const Case&, Quantizer&);
bool has_filters(const Case&, Quantizer&);
bool has_slices(const Case&, Quantizer&);
bool learns(const Case&, Quantizer&);
bool learns_by_slice(const Case&, Quantizer&);

/// Sizes for what hides in a vector loop's ends.
inline const std::vector<std::size_t> kSizes = {1, 9, 31, 257};

std::vector<Check> value_checks();     // what comes out, and its codes
std::vector<Check> call_checks();      // slices, threads, memory, other quantizers
std::vector<Check> learning_checks();  // gradients, and what is learned by them
std::vector<Check> saving_checks();    // that training goes on after loading
std::vector<Check> straight_through_checks();  // gradients against differences

}  // namespace bitsweep::checks

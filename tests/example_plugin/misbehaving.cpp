// A method that ends, or holds up, the process that asks for its quantizers: how, its
// parameter says; 'no' is a sound one.

#include <cstdlib>
#include <stdexcept>

#include <unistd.h>

#include "framework/quant/method.h"
#include "framework/quant/uniform.h"

namespace bitsweep::methods {
namespace {

struct MisbehavingParams {
  std::string how = "no";
  int weight_bits = 4;

  static Schema<MisbehavingParams> schema() {
    return Schema<MisbehavingParams>{}
        .field("how", &MisbehavingParams::how, "What becomes of the process.",
               one_of({"no", "abort", "throw", "exit", "hang", "fork"}))
        .field("weight_bits", &MisbehavingParams::weight_bits, "Width of the grid.",
               bits_between(4, 4));
  }
};

void misbehave(const std::string& how) {
  if (how == "abort") std::abort();
  if (how == "throw") throw std::out_of_range("vector::at");
  if (how == "exit") std::exit(0);
  if (how == "hang") pause();
  if (how == "fork") {
    if (fork() == 0) {  // keeps the pipes open behind its parent
      sleep(600);
      _exit(0);
    }
    _exit(0);
  }
}

class Misbehaving final : public Method {
 public:
  using Params = MisbehavingParams;
  static constexpr auto summary = "Symmetric uniform weights, or the end.";
  static constexpr auto reference = "none: a test";

  explicit Misbehaving(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    misbehave(params_.how);
    if (site.role != Role::kWeight) return nullptr;
    return std::make_unique<UniformQuantizer>(
        site, UniformSettings{
                  .grid = [](const Range& range) { return symmetric_grid(range, 4); },
                  .follows_weights = true});
  }

 private:
  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(misbehaving, bitsweep::methods::Misbehaving)

// A method of one's own, to copy with the CMakeLists.txt beside it: weights on a
// symmetric uniform grid whose scale follows their largest magnitude.

#include "framework/quant/method.h"
#include "framework/quant/uniform.h"

namespace bitsweep::methods {
namespace {

struct ExampleParams {
  int weight_bits = 4;

  static Schema<ExampleParams> schema() {
    return Schema<ExampleParams>{}.field("weight_bits", &ExampleParams::weight_bits,
                                         "Width of the weights' grid.",
                                         bits_between(2, 8));
  }
};

class Example final : public Method {
 public:
  using Params = ExampleParams;
  static constexpr auto summary = "Symmetric uniform weights.";
  static constexpr auto reference = "none: an example";

  explicit Example(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role != Role::kWeight || params_.weight_bits == kFloatBits) return nullptr;
    return std::make_unique<UniformQuantizer>(
        site, UniformSettings{
                  .grid = [bits = params_.weight_bits](
                              const Range& range) { return symmetric_grid(range, bits); },
                  .follows_weights = true});
  }

 private:
  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(example_plugin, bitsweep::methods::Example)

// The float network: quantizes nothing. Every other row of a table starts from its run
// and is compared with it.

#include "framework/quant/method.h"

namespace bitsweep::methods {
namespace {

struct FloatParams {
  static Schema<FloatParams> schema() { return {}; }
};

class Float final : public Method {
 public:
  using Params = FloatParams;
  static constexpr auto summary = "The float32 baseline: nothing is quantized.";
  static constexpr auto reference = "IEEE 754 binary32";

  explicit Float(const Params&) {}

  std::unique_ptr<Quantizer> quantizer(const Site&) const override { return nullptr; }
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(float, bitsweep::methods::Float)

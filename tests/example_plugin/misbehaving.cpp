// A method that ends, or holds up, the process that asks for its quantizers, or forgets a
// member when it is saved: how, its parameter says; 'no' is a sound one.

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
               one_of({"no", "abort", "throw", "exit", "hang", "fork", "forget"}))
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

// Does not show how many steps it has seen.
class Forgetful final : public Quantizer, public ChangesLatent {
 public:
  Forgetful(const Site& site, const UniformSettings& settings) : inner_(site, settings) {}

  void calibrate(std::span<const float> x) override { inner_.calibrate(x); }
  void finish_calibration() override { inner_.finish_calibration(); }
  void prepare(std::span<const float> x) override { inner_.prepare(x); }
  void forward(std::span<const float> x, std::span<float> y,
               const Pass& pass) const override {
    inner_.forward(x, y, pass);
  }
  void backward(std::span<const float> x, std::span<const float> dy, std::span<float> dx,
                std::span<double> sums, const Pass& pass) const override {
    inner_.backward(x, dy, dx, sums, pass);
  }
  Grid grid() const override { return inner_.grid(); }
  void visit_state(StateVisitor& visitor) override { inner_.visit_state(visitor); }
  void after_step(std::span<float> latent) override {
    if (++steps_ > 4) latent[0] = 0;
  }

 private:
  UniformQuantizer inner_;
  int steps_ = 0;
};

class Misbehaving final : public Method {
 public:
  using Params = MisbehavingParams;
  static constexpr auto summary = "Symmetric uniform weights, or the end.";
  static constexpr auto reference = "none: a test";

  explicit Misbehaving(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    misbehave(params_.how);
    if (site.role != Role::kWeight) return nullptr;
    const UniformSettings settings{
        .grid = [](const Range& range) { return symmetric_grid(range, 4); },
        .follows_weights = true};
    if (params_.how == "forget") return std::make_unique<Forgetful>(site, settings);
    return std::make_unique<UniformQuantizer>(site, settings);
  }

 private:
  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(misbehaving, bitsweep::methods::Misbehaving)

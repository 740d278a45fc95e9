// The checks of methods find what is wrong: quantizers that break one promise each.
#include "framework/quant/conformance.h"

#include <chrono>
#include <cmath>
#include <functional>
#include <set>
#include <stdexcept>
#include <thread>

#include <catch2/catch.hpp>

#include "framework/core/parallel.h"
#include "framework/quant/method.h"

using namespace bitsweep;
using Catch::Matchers::Contains;

namespace {

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

MethodEntry entry_of(const Make& make) {
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
std::string example_of(const MethodEntry& entry, const std::string& name) {
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

}  // namespace

TEST_CASE("a sound quantizer breaks no promise", "[conformance]") {
  CHECK(broken<Plain>() == Names{});
}

TEST_CASE("codes that are not those of forward are found", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
      for (std::size_t i = 0; i < x.size(); ++i) codes[i] = x[i] > 1.2f ? 0 : code(x[i]);
    }
  };
  CHECK(broken<Wrong>() == Names{"law", "large law"});
}

TEST_CASE("ties that codes break otherwise than values are found", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
      for (std::size_t i = 0; i < x.size(); ++i) {
        codes[i] = x[i] == -0.75f ? -1 : code(x[i]);  // half to even is -2
      }
    }
  };
  CHECK(broken<Wrong>() == Names{"ties"});
}

TEST_CASE("a preparation that NaN or infinity upsets is found", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void prepare(std::span<const float> x) override {
      sum_ = 0;
      for (const float v : x) sum_ += v;
    }
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass& pass) const override {
      if (std::isnan(sum_)) throw std::out_of_range("no such bin");
      Plain::forward(x, y, pass);
    }
    float sum_ = 0;
  };
  CHECK(broken<Wrong>() == Names{"lost values"});
}

TEST_CASE("a code that the grid has not is found", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
      for (std::size_t i = 0; i < x.size(); ++i) codes[i] = x[i] > 1.2f ? 2 : code(x[i]);
    }
  };
  const auto names = broken<Wrong>();
  CHECK(std::count(names.begin(), names.end(), "codes") == 1);
}

TEST_CASE("more levels than bits hold are found", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    Grid grid() const override {
      return {UniformGrid{.low = -2, .high = 2, .scale = {0.5f}}};
    }
  };
  CHECK(broken<Wrong>() == Names{"levels"});
}

TEST_CASE("a negative zero is found", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass& pass) const override {
      Plain::forward(x, y, pass);
      for (float& v : y) v = v == 0 ? -0.0f : v;
    }
  };
  CHECK(broken<Wrong>() == Names{"law", "large law", "ties", "finite"});
}

TEST_CASE("a sound quantizer that learns breaks no promise", "[conformance]") {
  CHECK(broken<Learning>() == Names{});
}

TEST_CASE("claims that do not hold are found", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass&) const override {
      for (std::size_t i = 0; i < x.size(); ++i) y[i] = value(-1 - code(x[i]));
    }
    void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
      for (std::size_t i = 0; i < x.size(); ++i) codes[i] = -1 - code(x[i]);
    }
  };
  CHECK(broken<Wrong>() == Names{"idempotent", "monotonic", "zero"});
}

TEST_CASE("claims that are not made are not asked for", "[conformance]") {
  auto entry = entry_of([](const Site& site) { return std::make_unique<Plain>(site); });
  entry.weight_claims = entry.activation_claims = {false, false, false};
  for (const auto& check : check_conformance(entry).checks) {
    const bool is_claim =
        check.name == "idempotent" || check.name == "monotonic" || check.name == "zero";
    CHECK((check.unclaimed > 0) == is_claim);
    CHECK((check.asked == 0 && is_claim) == is_claim);
  }
  CHECK_THAT(conformance_text(entry, check_conformance(entry)), Contains("not claimed"));
}

TEST_CASE("a draw that a slice makes otherwise than the batch is found",
          "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass& pass) const override {
      Plain::forward(x, y, pass);
      if (pass.training) y[0] = pass.offset == 0 ? 0.5f : 0;
    }
  };
  CHECK(broken<Wrong>() == Names{"slices"});
}

TEST_CASE("results that depend on the number of threads are found", "[conformance]") {
  const int before = threads();
  set_threads(1);
  class Wrong : public Plain {
    using Plain::Plain;
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass& pass) const override {
      Plain::forward(x, y, pass);
      if (threads() == 2) y[0] = y[0] == 0 ? 0.5f : 0;
    }
  };
  CHECK(broken<Wrong>() == Names{"threads"});
  set_threads(before);
}

TEST_CASE("what forward keeps for backward is found when slices come by turns",
          "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass& pass) const override {
      inside_.resize(x.size());
      for (std::size_t i = 0; i < x.size(); ++i) inside_[i] = std::fabs(x[i]) < 1;
      Plain::forward(x, y, pass);
    }
    void backward(std::span<const float>, std::span<const float> dy, std::span<float> dx,
                  std::span<double>, const Pass&) const override {
      for (std::size_t i = 0; i < dy.size(); ++i) dx[i] = inside_[i] ? dy[i] : 0;
    }
    mutable std::vector<char> inside_;
  };
  const auto names = broken<Wrong>();
  CHECK(std::count(names.begin(), names.end(), "interleaved") == 1);
  CHECK(std::count(names.begin(), names.end(), "law") == 0);
}

TEST_CASE("scratch memory that two threads share is found", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass&) const override {
      scratch_.resize(x.size());
      for (std::size_t i = 0; i < x.size(); ++i) scratch_[i] = code(x[i]);
      // Long enough for the other thread, on whatever machine.
      if (x.size() == 2048) std::this_thread::sleep_for(std::chrono::microseconds(200));
      for (std::size_t i = 0; i < x.size(); ++i) y[i] = value(scratch_[i]);
    }
    mutable std::vector<std::int32_t> scratch_;
  };
  CHECK(broken<Wrong>() == Names{"concurrent"});
}

TEST_CASE("state that sites share is found", "[conformance]") {
  static float scale = 1;
  class Wrong : public Plain {
    using Plain::Plain;
    void prepare(std::span<const float> x) override {
      float largest = 0;
      for (const float v : x) largest = std::max(largest, std::fabs(v));
      scale = 0 < largest && largest < 10 ? largest : 1;
    }
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass&) const override {
      for (std::size_t i = 0; i < x.size(); ++i) y[i] = scale * value(code(x[i] / scale));
    }
    void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
      for (std::size_t i = 0; i < x.size(); ++i) codes[i] = code(x[i] / scale);
    }
    Grid grid() const override {
      return {UniformGrid{.low = -2, .high = 1, .scale = {0.5f * scale}}};
    }
  };
  const auto names = broken<Wrong>();
  CHECK(std::count(names.begin(), names.end(), "two sites") == 1);
}

TEST_CASE("arguments that are overwritten too early are found", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass&) const override {
      y[0] = 0;
      for (std::size_t i = 0; i < x.size(); ++i) y[i] = value(code(x[i]));
    }
  };
  CHECK(broken<Wrong>() == Names{"in place"});
}

TEST_CASE("gradients that are not linear are found", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void backward(std::span<const float>, std::span<const float> dy, std::span<float> dx,
                  std::span<double>, const Pass&) const override {
      for (std::size_t i = 0; i < dy.size(); ++i) dx[i] = dy[i] * dy[i];
    }
  };
  CHECK(broken<Wrong>() == Names{"gradient"});
}

TEST_CASE("learned sums that are set and not added to are found", "[conformance]") {
  class Wrong : public Learning {
    using Learning::Learning;
    void backward(std::span<const float> x, std::span<const float> dy,
                  std::span<float> dx, std::span<double> sums,
                  const Pass& pass) const override {
      sums[0] = 0;
      Learning::backward(x, dy, dx, sums, pass);
    }
  };
  class FirstAlone : public Learning {
    using Learning::Learning;
    void backward(std::span<const float> x, std::span<const float> dy,
                  std::span<float> dx, std::span<double> sums,
                  const Pass& pass) const override {
      Learning::backward(x.first(1), dy.first(1), dx, sums, pass);
      std::copy(dy.begin(), dy.end(), dx.begin());
    }
  };
  CHECK(broken<Wrong>() == Names{"sums"});
  const auto names = broken<FirstAlone>();
  CHECK(std::count(names.begin(), names.end(), "slice sums") == 1);
}

TEST_CASE("what is learned under another name or below its minimum is found",
          "[conformance]") {
  class Wrong : public Learning {
   public:
    explicit Wrong(const Site& site) : Learning(site) {
      step_.name = site.name + "/step";
      step_.minimum = 1;
    }
  };
  const auto names = broken<Wrong>();
  CHECK(std::count(names.begin(), names.end(), "learned") == 1);
}

TEST_CASE("learned gradients that are not set, or added to, are found", "[conformance]") {
  class Missing : public Learning {
    using Learning::Learning;
    void finish_gradient(std::span<const double>) override {}
  };
  class Added : public Learning {
    using Learning::Learning;
    void finish_gradient(std::span<const double> sums) override {
      step_.gradient[0] += float(sums[0]);
    }
  };
  class Remembering : public Learning {
    using Learning::Learning;
    void finish_gradient(std::span<const double> sums) override {
      total_ += sums[0];
      step_.gradient[0] = float(total_);
    }
    double total_ = 0;
  };
  for (const auto& names : {broken<Missing>(), broken<Added>(), broken<Remembering>()}) {
    CHECK(std::count(names.begin(), names.end(), "totals") == 1);
  }
}

TEST_CASE("learned gradients that lead uphill or nowhere are found", "[conformance]") {
  class Uphill : public Learning {
    using Learning::Learning;
    void finish_gradient(std::span<const double> sums) override {
      step_.gradient[0] = -float(sums[0]);
    }
  };
  class Nowhere : public Learning {
    using Learning::Learning;
    void finish_gradient(std::span<const double>) override { step_.gradient[0] = 0; }
  };
  CHECK(broken<Uphill>() == Names{"slope"});
  CHECK(broken<Nowhere>() == Names{"slope"});
}

TEST_CASE(
    "without rounding in its claim, what is learned from clipping must lead downhill",
    "[conformance]") {
  // As PACT: the step is a constant within the range.
  class Clipping : public Learning {
    using Learning::Learning;
    void backward(std::span<const float> x, std::span<const float> dy,
                  std::span<float> dx, std::span<double> sums,
                  const Pass& pass) const override {
      std::vector<float> beyond(dy.begin(), dy.end());
      for (std::size_t i = 0; i < x.size(); ++i) {
        const float v = x[i] / step_.value[0];
        if (-2 < v && v < 1) beyond[i] = 0;
      }
      Learning::backward(x, beyond, beyond, sums, pass);
      std::copy(dy.begin(), dy.end(), dx.begin());
    }
  };
  class Uphill : public Clipping {
    using Clipping::Clipping;
    void finish_gradient(std::span<const double> sums) override {
      step_.gradient[0] = -float(sums[0]);
    }
  };
  CHECK(broken<Clipping>() == Names{"slope"});
  auto entry = entry_of<Clipping>();
  entry.weight_claims = entry.activation_claims = {.learns_from_rounding = false};
  CHECK(example_of(entry, "slope").empty());
  auto uphill = entry_of<Uphill>();
  uphill.weight_claims = uphill.activation_claims = {.learns_from_rounding = false};
  CHECK_FALSE(example_of(uphill, "slope").empty());
}

TEST_CASE("gradients of values that lead backwards or nowhere are found",
          "[conformance]") {
  class Backwards : public Plain {
    using Plain::Plain;
    void backward(std::span<const float>, std::span<const float> dy, std::span<float> dx,
                  std::span<double>, const Pass&) const override {
      for (std::size_t i = 0; i < dy.size(); ++i) dx[i] = -dy[i];
    }
  };
  class Nowhere : public Plain {
    using Plain::Plain;
    void backward(std::span<const float>, std::span<const float>, std::span<float> dx,
                  std::span<double>, const Pass&) const override {
      std::fill(dx.begin(), dx.end(), 0.0f);
    }
  };
  CHECK(broken<Backwards>() == Names{"direction"});
  CHECK(broken<Nowhere>() == Names{"direction"});
}

TEST_CASE("state that training leaves beside weights and learned values is found",
          "[conformance]") {
  class AtFinish : public Learning {
    using Learning::Learning;
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass& pass) const override {
      Learning::forward(x, y, pass);
      if (steps_ > 3) y[0] = value(1 - code(x[0]) % 2);
    }
    void finish_gradient(std::span<const double> sums) override {
      Learning::finish_gradient(sums);
      ++steps_;
    }
    int steps_ = 0;
  };
  class AfterStep : public Plain, public ChangesLatent {
    using Plain::Plain;
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass&) const override {
      for (std::size_t i = 0; i < x.size(); ++i) y[i] = value(code(x[i] - shift_));
    }
    void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
      for (std::size_t i = 0; i < x.size(); ++i) codes[i] = code(x[i] - shift_);
    }
    void after_step(std::span<float>) override { shift_ += 0.2f; }
    float shift_ = 0;
  };
  CHECK(broken<AtFinish>() == Names{"save and load"});
  CHECK(broken<AfterStep>() == Names{"save and load"});
}

TEST_CASE("a forgotten member that only further training shows is found",
          "[conformance]") {
  class Late : public Plain, public ChangesLatent {
    using Plain::Plain;
    void after_step(std::span<float> latent) override {
      if (++steps_ > 8) latent[0] = 0;
    }
    int steps_ = 0;
  };
  CHECK(broken<Late>() == Names{"save and load"});
  const auto example = example_of(entry_of<Late>(), "save and load");
  CHECK_THAT(example, Contains("trained on after loading, value 0 of the weights is") &&
                          Contains(", without saving 0;") &&
                          Contains("visit_state is to show every member"));

  // A range that follows batches, whose age is forgotten.
  class Following : public Plain, public FollowsBatches {
   public:
    using Plain::Plain;
    std::size_t measures() const override { return 1; }
    void measure(std::span<const float> x, std::span<double> measures) const override {
      measures[0] = std::fabs(x[0]);
    }
    void follow(std::span<const double> rows) override {
      ++age_;
      most_ += (float(rows[0]) - most_) / float(age_);
    }
    void visit_state(StateVisitor& visitor) override { visitor.value("most", most_); }

   private:
    int age_ = 0;
    float most_ = 0;
  };
  CHECK_THAT(example_of(entry_of<Following>(), "save and load"),
             Contains("value 0 of 'most' is"));
}

TEST_CASE("what a method throws is found, with its quantizer and values",
          "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void prepare(std::span<const float> x) override {
      if (x[0] > 1e20f) throw std::runtime_error("boom");
    }
  };
  CHECK(broken<Wrong>() == Names{"law", "finite", "lost values"});
  CHECK_THAT(example_of(entry_of<Wrong>(), "finite"),
             Contains("weight, 2 bits, 1 value in 1 channel: it throws 'boom', on 1 "
                      "value of 1e+30"));
}

TEST_CASE("a quantizer that cannot be made is found, and the checks go on",
          "[conformance]") {
  const auto entry = entry_of([](const Site& site) -> std::unique_ptr<Quantizer> {
    if (site.role == Role::kInput) throw 1;
    return std::make_unique<Plain>(site);
  });
  const auto found = check_conformance(entry);
  for (const auto& check : found.checks) {
    if (check.name != "widths" && check.name != "law") continue;
    CHECK(check.broken > 0);
    CHECK(check.asked > check.broken / 2);
    CHECK_THAT(check.example, Contains("input") && Contains("no std::exception"));
  }
}

TEST_CASE("choices are made otherwise than by default, one at a time", "[conformance]") {
  struct Params {
    int weight_bits = 2;
    std::string group = "layer";
    bool spoils = false;
    static Schema<Params> schema() {
      return Schema<Params>{}
          .field("weight_bits", &Params::weight_bits, "Bits.", bits_between(2, 2))
          .field("group", &Params::group, "Choice.", one_of({"layer", "filter", "odd"}))
          .field("spoils", &Params::spoils, "Choice.");
    }
  };
  class Wrong : public Plain {
    using Plain::Plain;
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass&) const override {
      std::copy(x.begin(), x.end(), y.begin());
    }
  };
  auto entry = entry_of<Plain>();
  entry.fields = Params::schema().fields();
  std::set<std::string> made;
  entry.resolve = [](const RawParams& raw, std::vector<ParamProblem>& problems) {
    const auto params = Params::schema().parse(raw, problems);
    if (params.group == "odd") problems.push_back({"group", "is refused"});
    return Params::schema().write(params);
  };
  entry.make = [&made](const RawParams& raw) {
    std::vector<ParamProblem> problems;
    const auto params = Params::schema().parse(raw, problems);
    made.insert(params.group + (params.spoils ? " spoils" : ""));
    const bool is_wrong = params.group == "filter";
    return std::make_unique<Made>([is_wrong](const Site& site) {
      std::unique_ptr<Quantizer> quantizer = std::make_unique<Plain>(site);
      if (is_wrong) quantizer = std::make_unique<Wrong>(site);
      return quantizer;
    });
  };
  CHECK_THAT(example_of(entry, "law"), Contains("weight, 2 bits, group=filter, 1 value"));
  CHECK(made == std::set<std::string>{"layer", "filter", "layer spoils"});
  made.clear();
  CHECK(check_conformance(entry, {{"group", RawValue::scalar("layer")}}).sound());
  CHECK(made == std::set<std::string>{"layer", "layer spoils"});
}

TEST_CASE("a method without widths is found, and nothing is counted", "[conformance]") {
  auto entry = entry_of<Plain>();
  entry.fields.clear();
  entry.resolve = [](const RawParams&, std::vector<ParamProblem>& problems) {
    problems.push_back({"weight_bits", "unknown"});
    return RawParams{};
  };
  const auto text = conformance_text(entry, check_conformance(entry));
  CHECK_THAT(text, Contains("widths         VIOLATED") && !Contains("of 0"));
}

TEST_CASE("the short text has what is broken, and a closing line", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    Grid grid() const override {
      return {UniformGrid{.low = -2, .high = 2, .scale = {0.5f}}};
    }
  };
  const auto of = [](const MethodEntry& entry) {
    return broken_text(entry, check_conformance(entry));
  };
  CHECK_THAT(of(entry_of<Plain>()), Catch::StartsWith("made: passes all "));
  CHECK_THAT(of(entry_of<Wrong>()), Catch::StartsWith("  levels         VIOLATED") &&
                                        Contains("made: fails ") && !Contains("holds"));
}

TEST_CASE("each check is named before it is made", "[conformance]") {
  Names begun, made;
  const auto found = check_conformance(entry_of<Plain>(), {}, false,
                                       [&](const auto& name) { begun.push_back(name); });
  for (const auto& check : found.checks) made.push_back(check.name);
  CHECK(begun == made);
}

TEST_CASE("a grid that is none is a finding, not the end", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void prepare(std::span<const float> x) override {
      scale_ =
          std::all_of(x.begin(), x.end(), [&](float v) { return v == x[0]; }) ? 0 : 0.5f;
    }
    Grid grid() const override {
      return {UniformGrid{.low = -2, .high = 1, .scale = {scale_}}};
    }
    float scale_ = 0.5f;
  };
  const auto found = check_conformance(entry_of<Wrong>());
  CHECK_FALSE(found.sound());
  CHECK_THAT(example_of(entry_of<Wrong>(), "law"),
             Contains("its grid has a scale of 0; expected a finite one above 0"));
}

TEST_CASE("a width that quantizes nothing is found", "[conformance]") {
  const auto entry = entry_of([](const Site& site) -> std::unique_ptr<Quantizer> {
    if (site.role == Role::kInput) return nullptr;
    return std::make_unique<Plain>(site);
  });
  const auto found = check_conformance(entry);
  CHECK_FALSE(found.sound());
  CHECK(found.checks.front().example == "activation_bits: 2 quantizes nothing");
}

// What the checks of methods find wrong with gradients, learning and saved state.
#include <catch2/catch.hpp>

#include "framework/quant/transforms_values.h"
#include "tests/quant/broken_quantizers.h"

namespace bitsweep::testing {

using Catch::Matchers::Contains;

TEST_CASE("gradients that are not linear are found", "[conformance]") {
  class Wrong : public Plain {
    using Plain::Plain;
    void backward(std::span<const float>, std::span<const float> dy, std::span<float> dx,
                  std::span<double>, const Pass&) const override {
      for (std::size_t i = 0; i < dy.size(); ++i) dx[i] = dy[i] * dy[i];
    }
  };
  CHECK(broken<Wrong>() == Names{"gradient", "straight through"});
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
  CHECK(broken<Clipping>() == Names{"slope", "straight through"});
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
  CHECK(broken<Backwards>() == Names{"direction", "straight through"});
  CHECK(broken<Nowhere>() == Names{"direction", "straight through"});
}

TEST_CASE("gradients that are not those of what is claimed are found", "[conformance]") {
  class Halved : public Plain {
    using Plain::Plain;
    void backward(std::span<const float>, std::span<const float> dy, std::span<float> dx,
                  std::span<double>, const Pass&) const override {
      for (std::size_t i = 0; i < dy.size(); ++i) dx[i] = dy[i] / 2;
    }
  };
  // Of values beyond the grid the nearer are stopped, and the farther pass.
  class Spotted : public Plain {
    using Plain::Plain;
    void backward(std::span<const float> x, std::span<const float> dy,
                  std::span<float> dx, std::span<double>, const Pass&) const override {
      for (std::size_t i = 0; i < dy.size(); ++i) {
        dx[i] = 0.8f < x[i] && x[i] < 1.2f ? 0 : dy[i];
      }
    }
  };
  // A tenth more than LSQ's.
  class Larger : public Learning {
    using Learning::Learning;
    void backward(std::span<const float> x, std::span<const float> dy,
                  std::span<float> dx, std::span<double> sums,
                  const Pass& pass) const override {
      std::vector<double> own(sums.size());
      Learning::backward(x, dy, dx, own, pass);
      sums[0] += 1.1 * own[0];
    }
  };
  CHECK(broken<Halved>() == Names{"straight through"});
  CHECK(broken<Spotted>() == Names{"straight through"});
  CHECK(broken<Larger>() == Names{"straight through"});
  CHECK_THAT(example_of(entry_of<Larger>(), "straight through"),
             Contains("learned value 0 has gradient ") && Contains("; expected "));
  auto entry = entry_of<Halved>();
  entry.weight_claims = entry.activation_claims = {.straight_through = false};
  CHECK(check_conformance(entry).sound());
}

TEST_CASE("gradients of a value that is rounded in the other's place are known",
          "[conformance]") {
  class Cubic : public Plain, public TransformsValues {
   public:
    using Plain::Plain;
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass&) const override {
      for (std::size_t i = 0; i < x.size(); ++i) y[i] = value(code(raised(x[i])));
    }
    void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
      for (std::size_t i = 0; i < x.size(); ++i) codes[i] = code(raised(x[i]));
    }
    void backward(std::span<const float> x, std::span<const float> dy,
                  std::span<float> dx, std::span<double>, const Pass&) const override {
      for (std::size_t i = 0; i < x.size(); ++i) {
        dx[i] = dy[i] * (1 + 0.3f * x[i] * x[i]);
      }
    }
    void transformed(std::span<const float> x, std::span<float> u) const override {
      for (std::size_t i = 0; i < x.size(); ++i) u[i] = raised(x[i]);
    }
    static float raised(float x) { return x + 0.1f * x * x * x; }
  };
  class Forgetting : public Cubic {
    using Cubic::Cubic;
    void backward(std::span<const float>, std::span<const float> dy, std::span<float> dx,
                  std::span<double>, const Pass&) const override {
      std::copy(dy.begin(), dy.end(), dx.begin());
    }
  };
  CHECK(example_of(entry_of<Cubic>(), "straight through").empty());
  CHECK_FALSE(example_of(entry_of<Forgetting>(), "straight through").empty());
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

}  // namespace bitsweep::testing

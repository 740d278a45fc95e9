// Sites live on tensors: readers of one activation share its quantizer, additions have
// sites, and each site has a switch.

#include <atomic>
#include <cmath>

#include <catch2/catch.hpp>

#include "framework/core/parallel.h"
#include "framework/nn/attachment.h"
#include "framework/quant/registry.h"
#include "methods/builtin_methods.h"
#include "tests/nn/networks.h"

namespace bitsweep {
namespace {

constexpr ImageShape kSiteImage{6, 6, 2};
constexpr int kSiteClasses = 3;

// conv1's output is read by inner, by the projection and, where the block has the
// identity as its shortcut, by the addition.
ModelSpec block_model(const char* shortcut, bool strided) {
  const RawParams window{{"pad", word("1")}, {"stride", word(strided ? "2" : "1")}};
  return model({convolution("conv1", 4, 3, {{"pad", word("1")}}), layer("relu1", "relu"),
                layer("block", "residual", {{"shortcut", word(shortcut)}},
                      {convolution("inner", strided ? 8 : 4, 3, window),
                       layer("bn", "batch_norm")}),
                layer("relu2", "relu"), linear("fc", "classes")});
}

// Without ReLUs, which bend within the step of a finite difference.
ModelSpec smooth_model(const char* shortcut, bool strided) {
  ModelSpec spec = block_model(shortcut, strided);
  std::erase_if(spec.layers, [](const LayerSpec& l) { return l.kind == "relu"; });
  return spec;
}

Network network_of(const ModelSpec& spec, int batch = 10) {
  return {spec,
          {.image = kSiteImage,
           .classes = kSiteClasses,
           .batch = batch,
           .engine = EngineKind::kReference}};
}

BoundSite& bound_site(Network& network, const std::string& name) {
  for (BoundSite* bound : network.sites()) {
    if (bound->site.name == name) return *bound;
  }
  throw std::runtime_error("no site " + name);
}

// y = s x, s learned: smooth, so that finite differences can tell what its gradient is.
class Scaling final : public Quantizer {
 public:
  Scaling() : scale_("scale", 1) { scale_.value[0] = 1.25f; }
  void calibrate(std::span<const float>) override { ++calibrations; }
  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    ++forwards;
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = scale_.value[0] * x[i];
  }
  void backward(std::span<const float> x, std::span<const float> dy, std::span<float> dx,
                std::span<double> sums, const Pass&) const override {
    for (std::size_t i = 0; i < x.size(); ++i) {
      sums[0] += double(dy[i]) * x[i];
      dx[i] = scale_.value[0] * dy[i];
    }
  }
  void finish_gradient(std::span<const double> sums) override {
    scale_.gradient[0] = float(sums[0]);
  }
  Grid grid() const override { return {UniformGrid{}}; }
  std::vector<Parameter*> trainable() override { return {&scale_}; }

  mutable std::atomic<int> forwards = 0;
  int calibrations = 0;

 private:
  Parameter scale_;
};

// The mean of what it has met in training, and nothing done to the values but to
// multiply them by that.
class Following final : public Quantizer, public FollowsBatches {
 public:
  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = float(mean) * x[i];
  }
  Grid grid() const override { return {UniformGrid{}}; }
  std::size_t measures() const override { return 2; }
  void measure(std::span<const float> x, std::span<double> measures) const override {
    measures[0] = double(x.size());
    measures[1] = 0;
    for (const float v : x) measures[1] += v;
  }
  void follow(std::span<const double> rows) override {
    double count = 0, sum = 0;
    for (std::size_t i = 0; i < rows.size(); i += 2) {
      count += rows[i];
      sum += rows[i + 1];
    }
    counted = std::size_t(count);
    mean = 0.5 * mean + 0.5 * sum / count;
  }

  double mean = 1;
  std::size_t counted = 0;
};

double mean_loss(Network& network, const BatchSource& source) {
  return network.train_step(source, Loss::kCrossEntropy, 0).loss / network.batch();
}

MethodSpec method_of(const MethodRegistry& registry, const std::string& id) {
  std::vector<ParamProblem> problems;
  return {id, registry.at(id).resolve({}, problems)};
}

// Those that have a quantizer of their own, and those that follow another.
struct Places {
  std::vector<std::string> own, shared;
};

Places inputs_of(const char* shortcut, const EdgesSpec& edges,
                 const std::vector<SiteRule>& rules) {
  MethodRegistry registry;
  register_builtin_methods(registry);
  Network network = network_of(block_model(shortcut, true));
  attach_quantizers(network, method_of(registry, "lsq"), edges, rules, registry);
  Places places;
  for (const BoundSite* bound : network.sites()) {
    if (bound->site.role != Role::kInput) continue;
    if (bound->is_quantized()) places.own.push_back(bound->site.name);
    if (bound->leader != nullptr) {
      places.shared.push_back(bound->site.name + " of " + bound->leader->site.name);
    }
  }
  return places;
}

const EdgesSpec kNoEdges{
    .first = "method", .last = "method", .bias = "float", .image = "method"};

}  // namespace

TEST_CASE("inputs of one activation share a quantizer", "[nn][sites]") {
  const auto all = inputs_of("projected", kNoEdges, {});
  CHECK(all.own ==
        std::vector<std::string>{"conv1/input", "block/projection/input", "fc/input"});
  CHECK(all.shared == std::vector<std::string>{"inner/input of block/projection/input"});
  CHECK(inputs_of("padded", kNoEdges, {}).shared.empty());
}

TEST_CASE("inputs that rules tell apart have quantizers of their own", "[nn][sites]") {
  MethodRegistry registry;
  register_builtin_methods(registry);
  const auto rule = [&](const std::string& match, const std::string& id) {
    return SiteRule{match, method_of(registry, id), {}};
  };
  CHECK(inputs_of("projected", kNoEdges, {rule("inner/input", "dorefa")}).shared.empty());
  CHECK(inputs_of("projected", kNoEdges, {rule("inner/input", "float")}).shared.empty());
  // Two rules of one method, with the same parameters, are one.
  CHECK(inputs_of("projected", kNoEdges,
                  {rule("inner/input", "dorefa"), rule("block/*/input", "dorefa")})
            .shared.size() == 1);
}

TEST_CASE("a shared quantizer works once for all its readers", "[nn][sites]") {
  Network network = network_of(block_model("projected", true));
  auto owned = std::make_unique<Scaling>();
  Scaling& scaling = *owned;
  BoundSite& leader = bound_site(network, "block/projection/input");
  network.attach(leader, std::move(owned));
  network.share(bound_site(network, "inner/input"), leader);
  network.build();
  const FixedBatch images(10, kSiteImage, kSiteClasses);
  const auto source = images.source();
  network.calibrate_activations(source, true);
  CHECK(scaling.calibrations == 1);
  CHECK(scaling.forwards == 0);
  mean_loss(network, source);
  CHECK(scaling.forwards == int(slice_batch(10).size()));
}

TEST_CASE("gradients pass a shared quantizer as finite differences do", "[nn][sites]") {
  // Which sites have one, the first of them for the second too where `shares`.
  const auto [shortcut, strided, first, second, shares] =
      GENERATE(table<const char*, bool, const char*, const char*, bool>({
          {"projected", true, "block/projection/input", "inner/input", true},
          {"projected", true, "block/projection/input", "inner/input", false},
          {"identity", false, "inner/input", "block/add/shortcut", true},
          {"identity", false, "block/add/body", "block/add/shortcut", false},
          {"padded", true, "inner/input", "block/add/shortcut", false},
      }));
  CAPTURE(shortcut, first, second, shares);
  const int batch = GENERATE(3, 11);
  Network network = network_of(smooth_model(shortcut, strided), batch);
  BoundSite& leader = bound_site(network, first);
  network.attach(leader, std::make_unique<Scaling>());
  if (shares) {
    network.share(bound_site(network, second), leader);
  } else {
    network.attach(bound_site(network, second), std::make_unique<Scaling>());
  }
  network.build();
  const FixedBatch images(batch, kSiteImage, kSiteClasses);
  const auto source = images.source();
  const double here = mean_loss(network, source);
  int scales = 0;
  for (Parameter* parameter : network.parameters()) {
    scales += parameter->name == "scale";
    mean_loss(network, source);
    const std::vector<float> gradient(parameter->gradient.span().begin(),
                                      parameter->gradient.span().end());
    for (std::size_t i = 0; i < gradient.size(); i += 1 + gradient.size() / 3) {
      constexpr float kStep = 1e-3f;
      const float before = parameter->value[i];
      parameter->value[i] = before + kStep;
      const double right = (mean_loss(network, source) - here) / kStep;
      parameter->value[i] = before - kStep;
      const double left = (here - mean_loss(network, source)) / kStep;
      parameter->value[i] = before;
      // A float loss of about 1 is good to 1e-7, its difference over the step to 2e-4;
      // the rest is for curvature.
      const double bound = 2e-3 + 0.005 * std::fabs(gradient[i]);
      CAPTURE(parameter->name, i, left, right);
      CHECK(gradient[i] >= std::min(left, right) - bound);
      CHECK(gradient[i] <= std::max(left, right) + bound);
    }
  }
  CHECK(scales == (shares ? 1 : 2));
}

TEST_CASE("an addition does with identity quantizers what it does without",
          "[nn][sites]") {
  class Identity final : public Quantizer {
    void forward(std::span<const float> x, std::span<float> y,
                 const Pass&) const override {
      std::copy(x.begin(), x.end(), y.begin());
    }
    Grid grid() const override { return {UniformGrid{}}; }
  };
  const auto logits = [](bool quantized) {
    Network network = network_of(block_model("identity", false));
    if (quantized) {
      for (const char* name : {"block/add/body", "block/add/shortcut"}) {
        network.attach(bound_site(network, name), std::make_unique<Identity>());
      }
    }
    network.build();
    const FixedBatch images(10, kSiteImage, kSiteClasses);
    mean_loss(network, images.source());
    std::vector<float> all(network.logits().begin(), network.logits().end());
    for (const Parameter* p : network.parameters()) {
      all.insert(all.end(), p->gradient.span().begin(), p->gradient.span().end());
    }
    return all;
  };
  // The same sums; the normalisation multiplies and adds in one pass or in two.
  const auto fused = logits(false), apart = logits(true);
  REQUIRE(fused.size() == apart.size());
  for (std::size_t i = 0; i < fused.size(); ++i) {
    CHECK(apart[i] == Approx(fused[i]).margin(1e-5).epsilon(1e-4));
  }
}

TEST_CASE("a switched-off site lets values pass", "[nn][sites]") {
  const auto logits = [](bool attached, bool on) {
    Network network = network_of(block_model("projected", true));
    if (attached) {
      network.attach(bound_site(network, "fc/input"), std::make_unique<Scaling>());
      network.attach(bound_site(network, "conv1/weight"), std::make_unique<Scaling>());
    }
    network.build();
    network.set_switches(SitePart::kAll, on);
    const FixedBatch images(10, kSiteImage, kSiteClasses);
    mean_loss(network, images.source());
    for (Parameter* p : network.parameters()) {
      if (p->name == "scale") CHECK((p->gradient[0] != 0) == on);
    }
    return std::vector<float>(network.logits().begin(), network.logits().end());
  };
  const auto plain = logits(false, true);
  CHECK(logits(true, true) != plain);
  CHECK(logits(true, false) == plain);
}

TEST_CASE("switches reach the part they name", "[nn][sites]") {
  Network network = network_of(block_model("projected", true));
  BoundSite& weight = bound_site(network, "conv1/weight");
  BoundSite& input = bound_site(network, "fc/input");
  network.attach(weight, std::make_unique<Scaling>());
  network.attach(input, std::make_unique<Scaling>());
  network.set_switches(SitePart::kActivations, false);
  CHECK(weight.is_active());
  CHECK_FALSE(input.is_active());
  network.set_switches(SitePart::kParameters, false);
  network.set_switches(SitePart::kActivations, true);
  CHECK_FALSE(weight.is_active());
  CHECK(input.is_active());
}

TEST_CASE("a quantizer that follows batches sees each whole before it quantizes",
          "[nn][sites]") {
  const auto run = [](int threads, bool on) {
    set_threads(threads);
    Network network = network_of(block_model("projected", true), 19);
    auto owned = std::make_unique<Following>();
    Following& following = *owned;
    network.attach(bound_site(network, "block/projection/input"), std::move(owned));
    network.build();
    network.set_switches(SitePart::kAll, on);
    const FixedBatch images(19, kSiteImage, kSiteClasses);
    mean_loss(network, images.source());
    const double after_one = following.mean;
    network.prepare_evaluation();
    network.evaluate(images.source(), Loss::kCrossEntropy, 19, {});
    CHECK(following.mean == after_one);  // in training alone
    mean_loss(network, images.source());
    CHECK(following.counted == 19 * 6 * 6 * 4);
    set_threads(2);
    std::vector<float> all(network.logits().begin(), network.logits().end());
    all.push_back(float(following.mean));
    return all;
  };
  const auto one = run(1, true);
  CHECK(run(2, true) == one);
  CHECK(run(3, true) == one);
  CHECK(run(2, false).back() == one.back());  // the switch does not blind it
  CHECK(run(2, false) != one);
}

}  // namespace bitsweep

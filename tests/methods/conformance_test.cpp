// What every registered method keeps, at each of its bit-widths: the law of quantizers,
// and what its claims promise. A new method is tested here the day it is listed.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <set>
#include <sstream>

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "framework/core/parallel.h"
#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

constexpr float kHuge = 1e30f;
constexpr float kDenormal = 1e-42f;

bool same_bits(const Values& a, const Values& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

const char* bits_name(Role role) {
  switch (role) {
    case Role::kWeight:
    case Role::kBias:
      return "weight_bits";
    case Role::kInput:
    case Role::kOutput:
      return "activation_bits";
    case Role::kGradient:
      return "gradient_bits";
  }
  return "";
}

// The widths that the method's own schema lets through, without float.
std::vector<int> legal_bits(const MethodEntry& entry, Role role) {
  std::vector<int> legal;
  for (int bits = 1; bits < kFloatBits; ++bits) {
    std::vector<ParamProblem> problems;
    entry.resolve({{bits_name(role), RawValue::scalar(std::to_string(bits))}}, problems);
    if (problems.empty()) legal.push_back(bits);
  }
  return legal;
}

// One quantizer under test, and how it came to be.
struct Case {
  std::string id;
  Role role;
  int bits;
  Site site;
  Claims claims;
  RawParams raw;

  bool is_gradient() const { return role == Role::kGradient; }
  std::unique_ptr<Quantizer> made(const Values& x) const {
    return calibrated(id, raw, site, x);
  }
  std::string name() const {
    std::ostringstream text;
    text << id << ' ' << role_name(role) << ' ' << bits << " bits, " << site.elements
         << " values in " << site.channels.channels << " channels, "
         << (site.is_signed ? "signed" : "unsigned");
    return text.str();
  }
};

Site site_of(Role role, std::size_t size, bool is_signed) {
  if (role != Role::kWeight) return value_site(role, size, is_signed);
  // As many filters as fit: of nine values (3x3, one input), or of all.
  if (size % 9 == 0) return weight_site({int(size / 9), 3, 3, 1});
  if (size % 8 == 0) return weight_site({int(size / 8), 2, 1, 4});
  return weight_site({1, int(size)});
}

// Whether the method puts a quantizer there; it may refuse a site at some width.
bool takes(const Case& c) {
  try {
    return quantizer_for(c.id, c.raw, c.site) != nullptr;
  } catch (const ConfigError&) {
    return false;
  }
}

// Calls `check` for each method, role, width, size and sign that gives a quantizer.
void for_each_case(const std::vector<std::size_t>& sizes,
                   const std::function<void(const Case&)>& check) {
  for (const auto& id : builtin_methods().ids()) {
    const auto& entry = builtin_methods().at(id);
    for (const Role role :
         {Role::kWeight, Role::kInput, Role::kOutput, Role::kGradient, Role::kBias}) {
      const bool is_weight = role == Role::kWeight || role == Role::kBias;
      for (const int bits : legal_bits(entry, role)) {
        for (const std::size_t size : sizes) {
          for (const bool is_signed : {true, false}) {
            if (is_weight && !is_signed) continue;
            Case c{id,
                   role,
                   bits,
                   site_of(role, size, is_signed),
                   is_weight ? entry.weight_claims : entry.activation_claims,
                   {{bits_name(role), RawValue::scalar(std::to_string(bits))}}};
            if (!takes(c)) continue;
            INFO(c.name());
            check(c);
          }
        }
      }
    }
  }
}

const std::vector<std::size_t> kSizes = {1, 2, 7, 8, 9, 31, 257, 4096};

Values values_for(const Case& c, std::uint64_t seed = 7) {
  Values x = normal_values(c.site.elements, seed);
  if (!c.site.is_signed) {
    for (float& v : x) v = std::fabs(v);
  }
  return x;
}

// What quantizers meet at their worst.
std::vector<Values> awkward_values(std::size_t size) {
  std::vector<Values> all;
  for (const float v : {0.0f, -0.0f, 1.0f, -1.0f, kDenormal, -kDenormal, kHuge, -kHuge}) {
    all.emplace_back(size, v);
  }
  Values mixed(size);
  for (std::size_t i = 0; i < size; ++i) {
    const float values[] = {0.5f, -0.5f, kHuge, -kDenormal, -0.0f, 1e-6f, -kHuge};
    mixed[i] = values[i % 7];
  }
  all.push_back(mixed);
  return all;
}

// The law, and what a grid promises of codes and levels.
void check_law(const Case& c, const Quantizer& quantizer, const Values& x) {
  if (quantizer.evaluates_float()) return;
  const auto y = quantized(quantizer, x);
  const auto codes = encoded(quantizer, x);
  const Grid grid = quantizer.grid();
  const auto [low, high] = std::minmax_element(codes.begin(), codes.end());
  CHECK(*low >= grid.low_code());
  CHECK(*high <= grid.high_code());
  CHECK(grid.level_count() <= (std::size_t{1} << c.bits));
  CHECK(grid.bits() <= c.bits);
  Values decoded(x.size());
  grid.decode(codes, decoded);
  CHECK(same_bits(y, decoded));
}

}  // namespace

TEST_CASE("outside training forward is exactly what the grid decodes", "[conformance]") {
  for_each_case(kSizes, [](const Case& c) {
    if (c.is_gradient()) return;  // its scale is each image's own
    const auto x = values_for(c);
    const auto quantizer = c.made(x);
    check_law(c, *quantizer, x);
    const bool is_activation = c.role == Role::kInput || c.role == Role::kOutput;
    if (is_activation) check_law(c, *quantizer, normal_values(x.size(), 99, 3));
  });
}

TEST_CASE("the law holds for constants, zeros, denormals and huge values",
          "[conformance]") {
  for_each_case({1, 9, 31}, [](const Case& c) {
    for (const auto& x : awkward_values(c.site.elements)) {
      CAPTURE(x[0]);
      const auto quantizer = c.made(x);
      for (const float v : quantized(*quantizer, x, {.training = true})) {
        CHECK(std::isfinite(v));
      }
      if (!c.is_gradient()) check_law(c, *quantizer, x);
    }
  });
}

TEST_CASE("quantized values keep to 2^bits levels, in training too", "[conformance]") {
  for_each_case({4096}, [](const Case& c) {
    if (c.site.channels.channels > 1 || c.bits > 8) return;
    const auto x = values_for(c);
    const auto y = quantized(*c.made(x), x, {.training = true, .step = 5});
    if (y == x) return;  // float in training
    CHECK(std::set<float>(y.begin(), y.end()).size() <= (std::size_t{1} << c.bits));
  });
}

TEST_CASE("quantizing twice changes nothing where that is claimed", "[conformance]") {
  for_each_case(kSizes, [](const Case& c) {
    if (c.is_gradient() || !c.claims.idempotent) return;
    const auto x = values_for(c);
    const auto quantizer = c.made(x);
    const auto once = quantized(*quantizer, x);
    CHECK(same_bits(quantized(*quantizer, once), once));
  });
}

TEST_CASE("larger values are quantized no lower where that is claimed", "[conformance]") {
  for_each_case(kSizes, [](const Case& c) {
    if (c.is_gradient() || !c.claims.monotonic) return;
    auto x = values_for(c);
    const auto quantizer = c.made(x);
    for (std::size_t i = 0; i < x.size(); i += c.site.channels.inner) {
      const auto end = std::min(x.size(), i + c.site.channels.inner);
      if (c.role == Role::kWeight) std::sort(x.begin() + long(i), x.begin() + long(end));
    }
    if (c.role != Role::kWeight) std::sort(x.begin(), x.end());
    const auto y = quantized(*quantizer, x);
    for (std::size_t i = 1; i < y.size(); ++i) {
      const auto layout = c.site.channels;
      if (c.role == Role::kWeight && layout.channel_of(i) != layout.channel_of(i - 1)) {
        continue;
      }
      REQUIRE(y[i - 1] <= y[i]);
    }
  });
}

TEST_CASE("zero stays zero where that is claimed", "[conformance]") {
  for_each_case({9, 31}, [](const Case& c) {
    if (c.is_gradient() || !c.claims.zero_preserving) return;
    auto x = values_for(c);
    x[x.size() / 2] = 0;
    CHECK(quantized(*c.made(x), x)[x.size() / 2] == 0);
  });
}

TEST_CASE("what is learned is named after its site", "[conformance]") {
  // Behind a dot: a file's tensors are in folders, and the site may be one itself.
  for_each_case({9}, [](const Case& c) {
    const auto quantizer = c.made(values_for(c));
    for (const Parameter* learned : quantizer->trainable()) {
      CHECK(learned->name.rfind(c.site.name + ".", 0) == 0);
      CHECK(learned->minimum <= learned->value[0]);
    }
  });
}

TEST_CASE("a slice of a batch is quantized as in the whole", "[conformance]") {
  for_each_case({31, 257}, [](const Case& c) {
    const bool comes_whole = c.role == Role::kWeight || c.role == Role::kBias;
    if (comes_whole) return;
    const std::size_t size = c.site.elements;
    const auto x = normal_values(3 * size, 7);  // three images
    const auto quantizer = c.made(x);
    for (const bool training : {false, true}) {
      const auto whole =
          quantized(*quantizer, x, {.training = training, .step = 4, .images = 3});
      for (std::size_t image = 0; image < 3; ++image) {
        const auto begin = x.begin() + long(image * size);
        const auto slice = quantized(
            *quantizer, Values(begin, begin + long(size)),
            {.training = training, .step = 4, .offset = image * size, .images = 1});
        const auto there = whole.begin() + long(image * size);
        CHECK(same_bits(slice, Values(there, there + long(size))));
      }
    }
  });
}

TEST_CASE("filters with scales of their own are quantized one by one", "[conformance]") {
  for_each_case({4096}, [](const Case& c) {
    if (c.role != Role::kWeight) return;
    const auto x = values_for(c);
    const auto whole = c.made(x);
    if (whole->grid().scale_count() < c.site.channels.channels) return;
    const auto y = quantized(*whole, x);
    auto shape = c.site.shape;
    shape[0] = 1;
    const Site filter = weight_site(shape);
    for (std::size_t begin = 0; begin < x.size(); begin += filter.elements) {
      const Values own(x.begin() + long(begin),
                       x.begin() + long(begin + filter.elements));
      const auto alone = quantized(*calibrated(c.id, c.raw, filter, own), own);
      REQUIRE(same_bits(
          alone, {y.begin() + long(begin), y.begin() + long(begin + filter.elements)}));
    }
  });
}

TEST_CASE("one thread and two quantize to the same bits", "[conformance]") {
  for_each_case({70001}, [](const Case& c) {
    if (c.bits != 1 && c.bits != 2 && c.bits != 4) return;
    const auto x = values_for(c);
    const auto dy = normal_values(x.size(), 8);
    const auto run = [&](int count) {
      set_threads(count);
      const auto quantizer = c.made(x);
      const Pass pass{.training = true, .step = 2};
      return std::pair(quantized(*quantizer, x, pass), gradient(*quantizer, x, dy));
    };
    const auto one = run(1);
    const auto two = run(2);
    CHECK(same_bits(one.first, two.first));
    CHECK(same_bits(one.second, two.second));
  });
}

TEST_CASE("values may be overwritten by what they are quantized to", "[conformance]") {
  for_each_case({9, 257}, [](const Case& c) {
    const auto x = values_for(c);
    const auto quantizer = c.made(x);
    for (const bool training : {false, true}) {
      const Pass pass{.training = training, .step = 1};
      const auto apart = quantized(*quantizer, x, pass);
      Values in_place = x;
      quantizer->forward(in_place, in_place, pass);
      CHECK(same_bits(in_place, apart));
    }
    const auto dy = normal_values(x.size(), 8);
    Values dx = dy, apart(x.size());
    auto sums = zero_sums(*quantizer), sums_apart = sums;
    quantizer->backward(x, dy, apart, sums_apart, {.training = true});
    quantizer->backward(x, dx, dx, sums, {.training = true});
    CHECK(same_bits(dx, apart));
    CHECK(sums == sums_apart);
  });
}

TEST_CASE("NaN takes a code of the grid and spoils no other value", "[conformance]") {
  // What NaN becomes in `forward` is the method's affair: NaN, mostly.
  for_each_case({31}, [](const Case& c) {
    if (c.is_gradient()) return;
    auto x = values_for(c);
    const auto quantizer = c.made(x);
    const auto clean = quantized(*quantizer, x);
    x[3] = std::numeric_limits<float>::quiet_NaN();
    const auto y = quantized(*quantizer, x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (i != 3) CHECK(y[i] == clean[i]);
    }
    const auto code = encoded(*quantizer, x)[3];
    CHECK(code >= quantizer->grid().low_code());
    CHECK(code <= quantizer->grid().high_code());
  });
}

TEST_CASE("a gradient is finite and linear in what comes from above",
          "[conformance][gradient]") {
  for_each_case({31}, [](const Case& c) {
    const auto x = values_for(c);
    const auto quantizer = c.made(x);
    const auto dy = normal_values(x.size(), 8);
    auto doubled = dy;
    for (float& v : doubled) v *= 2;
    const auto dx = gradient(*quantizer, x, dy);
    const auto twice = gradient(*quantizer, x, doubled);
    for (std::size_t i = 0; i < x.size(); ++i) {
      CHECK(std::isfinite(dx[i]));
      CHECK(twice[i] == 2 * dx[i]);  // exact: a power of two
    }
  });
}

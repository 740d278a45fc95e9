#include "framework/quant/conformance.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/core/parallel.h"
#include "framework/quant/method.h"
#include "framework/quant/probe.h"

namespace bitsweep {
namespace {

using namespace probe;

constexpr std::size_t kFew = 31;  // values, where many inputs are tried
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

const char* bits_name(Role role) {
  const bool is_parameter = role == Role::kWeight || role == Role::kBias;
  return is_parameter              ? "weight_bits"
         : role == Role::kGradient ? "gradient_bits"
                                   : "activation_bits";
}

bool comes_whole(Role role) { return role == Role::kWeight || role == Role::kBias; }

// One quantizer under test, and how it came to be.
struct Case {
  const MethodEntry* entry;
  RawParams raw;
  int bits;
  Site site;

  Role role() const { return site.role; }
  bool is_gradient() const { return site.role == Role::kGradient; }
  Claims claims() const { return entry->claims(raw, comes_whole(site.role)); }
  std::unique_ptr<Quantizer> fresh(const Site& where) const {
    return entry->make(raw)->quantizer(where);
  }
  std::unique_ptr<Quantizer> made(const Values& x) const {
    auto quantizer = fresh(site);
    probe::calibrate(*quantizer, x);
    return quantizer;
  }
  Values values(std::uint64_t seed = 7, std::size_t images = 1) const {
    Values x = normal_values(images * site.elements, seed);
    if (!site.is_signed) {
      for (float& v : x) v = std::fabs(v);
    }
    return x;
  }
  std::string name() const {
    return fmt::format("{}, {} bits, {} values in {} channels{}", role_name(site.role),
                       bits, site.elements, site.channels.channels,
                       site.is_signed ? "" : ", none negative");
  }
};

// What went wrong, or "".
using Finding = std::string;

bool same(float a, float b) { return std::memcmp(&a, &b, sizeof a) == 0; }

// The first place where two results differ in a bit.
Finding difference(const Values& x, const Values& got, const Values& wanted,
                   const char* what) {
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (same(got[i], wanted[i])) continue;
    return fmt::format("value {} is {} and becomes {}; {} {}", i, x[i], got[i], what,
                       wanted[i]);
  }
  return "";
}

// What quantizers meet at their worst.
std::vector<Values> awkward_values(const Case& c) {
  const std::size_t size = c.site.elements;
  constexpr float kDenormal = 1e-42f, kHuge = 1e30f;
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
  Values behind_zeros = c.values();
  std::fill_n(behind_zeros.begin(), size / 2, 0.0f);
  all.push_back(behind_zeros);
  return all;
}

// ---- The checks ----

Finding law_on(const Quantizer& quantizer, const Values& x) {
  const auto y = quantized(quantizer, x);
  Values decoded(x.size());
  quantizer.grid().decode(encoded(quantizer, x), decoded);
  return difference(x, y, decoded, "its code stands for");
}

Finding law(const Case& c) {
  const auto x = c.values();
  const auto quantizer = c.made(x);
  Finding found = law_on(*quantizer, x);
  if (found.empty() && !comes_whole(c.role())) {
    found = law_on(*quantizer, normal_values(x.size(), 99, 3));
  }
  if (x.size() > kFew) return found;
  for (const auto& awkward : awkward_values(c)) {
    if (found.empty()) found = law_on(*c.made(awkward), awkward);
  }
  return found;
}

Finding codes(const Case& c) {
  const auto x = c.values();
  const auto quantizer = c.made(x);
  const Grid grid = quantizer->grid();
  for (const std::int32_t code : encoded(*quantizer, x)) {
    if (grid.low_code() <= code && code <= grid.high_code()) continue;
    return fmt::format("a code is {}; the grid has {} to {}", code, grid.low_code(),
                       grid.high_code());
  }
  return "";
}

Finding levels(const Case& c) {
  const auto x = c.values();
  const auto quantizer = c.made(x);
  const Grid grid = quantizer->grid();
  if (grid.level_count() > std::size_t{1} << c.bits) {
    return fmt::format("the grid has {} levels; {} bits hold {}", grid.level_count(),
                       c.bits, 1 << c.bits);
  }
  if (c.site.channels.channels > 1 || c.bits > 8) return "";
  const auto y = quantized(*quantizer, x, {.training = true, .step = 5});
  const auto count = std::set<float>(y.begin(), y.end()).size();
  if (y == x || count <= std::size_t{1} << c.bits) return "";  // float in training
  return fmt::format("in training values become {} different ones; {} bits hold {}",
                     count, c.bits, 1 << c.bits);
}

Finding finite(const Case& c) {
  for (const auto& x : awkward_values(c)) {
    const auto quantizer = c.made(x);
    for (const bool training : {false, true}) {
      const auto y = quantized(*quantizer, x, {.training = training});
      for (std::size_t i = 0; i < y.size(); ++i) {
        if (!std::isfinite(y[i])) return fmt::format("{} becomes {}", x[i], y[i]);
        if (!training && !c.is_gradient() && y[i] == 0 && std::signbit(y[i]))
          return fmt::format("{} becomes -0", x[i]);
      }
    }
  }
  return "";
}

Finding not_a_number(const Case& c) {
  auto x = c.values();
  const auto quantizer = c.made(x);
  const auto clean = quantized(*quantizer, x);
  const std::size_t at = x.size() / 2;
  const float before = x[at];
  for (const float odd : {kNan, std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    x[at] = odd;
    auto y = quantized(*quantizer, x);
    y[at] = clean[at];
    const Finding spoilt = difference(x, y, clean, "beside a clean value it was");
    if (!spoilt.empty()) return fmt::format("with one value {}: {}", odd, spoilt);
    const auto code = encoded(*quantizer, x)[at];
    const Grid grid = quantizer->grid();
    if (code < grid.low_code() || code > grid.high_code()) {
      return fmt::format("the code of {} is {}; the grid has {} to {}", odd, code,
                         grid.low_code(), grid.high_code());
    }
  }
  x[at] = before;
  return "";
}

Finding idempotent(const Case& c) {
  const auto x = c.values();
  const auto quantizer = c.made(x);
  const auto once = quantized(*quantizer, x);
  return difference(once, quantized(*quantizer, once), once, "it was on the grid as");
}

Finding monotonic(const Case& c) {
  auto x = c.values();
  const auto quantizer = c.made(x);
  const std::size_t run = c.role() == Role::kWeight ? c.site.channels.inner : x.size();
  for (std::size_t i = 0; i < x.size(); i += run) {
    std::sort(x.begin() + long(i), x.begin() + long(std::min(x.size(), i + run)));
  }
  const auto y = quantized(*quantizer, x);
  for (std::size_t i = 1; i < y.size(); ++i) {
    if (i % run == 0 || y[i - 1] <= y[i]) continue;
    return fmt::format("{} becomes {}, and the larger {} becomes {}", x[i - 1], y[i - 1],
                       x[i], y[i]);
  }
  return "";
}

Finding zero_preserving(const Case& c) {
  auto x = c.values();
  x[x.size() / 2] = 0;
  const float y = quantized(*c.made(x), x)[x.size() / 2];
  return y == 0 ? "" : fmt::format("0 becomes {}", y);
}

Finding by_channel(const Case& c) {
  const auto x = c.values();
  const auto whole = c.made(x);
  if (whole->grid().scale_count() < c.site.channels.channels) return "";
  const auto y = quantized(*whole, x);
  auto shape = c.site.shape;
  shape[0] = 1;
  const Site filter = weight_site(shape);
  for (std::size_t begin = 0; begin < x.size(); begin += filter.elements) {
    const auto part = [&](const Values& all) {
      return Values(all.begin() + long(begin),
                    all.begin() + long(begin + filter.elements));
    };
    const auto alone = c.fresh(filter);
    probe::calibrate(*alone, part(x));
    const Finding found = difference(part(x), quantized(*alone, part(x)), part(y),
                                     "among other channels it becomes");
    if (!found.empty()) return found;
  }
  return "";
}

Finding by_slice(const Case& c) {
  const std::size_t size = c.site.elements;
  const auto x = c.values(7, 3);
  const auto quantizer = c.made(x);
  for (const bool training : {false, true}) {
    const auto whole =
        quantized(*quantizer, x, {.training = training, .step = 4, .images = 3});
    for (std::size_t image = 0; image < 3; ++image) {
      const auto part = [&](const Values& all) {
        return Values(all.begin() + long(image * size),
                      all.begin() + long((image + 1) * size));
      };
      const auto slice = quantized(
          *quantizer, part(x),
          {.training = training, .step = 4, .offset = image * size, .images = 1});
      const Finding found =
          difference(part(x), slice, part(whole), "in the whole batch it becomes");
      if (!found.empty()) return fmt::format("image {} alone: {}", image, found);
    }
  }
  return "";
}

Finding repeatable(const Case& c) {
  const auto x = c.values();
  const Pass pass{.training = true, .step = 3};
  return difference(x, quantized(*c.made(x), x, pass), quantized(*c.made(x), x, pass),
                    "in the same step again it becomes");
}

Finding threads_agree(const Case& c) {
  const auto x = c.values(), dy = normal_values(x.size(), 8);
  const int before = threads();
  const auto run = [&](int count) {
    set_threads(count);
    const auto quantizer = c.made(x);
    auto y = quantized(*quantizer, x, {.training = true, .step = 2});
    std::vector<double> sums;
    auto dx = propagated(*quantizer, x, dy, sums);
    return std::tuple(y, dx, sums);
  };
  const auto one = run(1), two = run(2);
  set_threads(before);
  Finding found =
      difference(x, std::get<0>(two), std::get<0>(one), "on one thread it is");
  if (found.empty()) {
    found = difference(dy, std::get<1>(two), std::get<1>(one),
                       "as a gradient, on one thread it is");
  }
  const bool same_sums = std::get<2>(one) == std::get<2>(two);
  if (found.empty() && !same_sums) found = "learned gradients differ";
  return found;
}

Finding in_place(const Case& c) {
  const auto x = c.values(), dy = normal_values(x.size(), 8);
  const auto quantizer = c.made(x);
  for (const bool training : {false, true}) {
    const Pass pass{.training = training, .step = 1};
    Values y = x;
    quantizer->forward(y, y, pass);
    const Finding found =
        difference(x, y, quantized(*quantizer, x, pass), "written elsewhere it is");
    if (!found.empty()) return found;
  }
  std::vector<double> sums;
  const auto apart = propagated(*quantizer, x, dy, sums);
  Values dx = dy;
  auto own = zero_sums(*quantizer);
  quantizer->backward(x, dx, dx, own, {.training = true});
  if (own != sums) return "learned gradients differ when dx overwrites dy";
  return difference(dy, dx, apart, "as a gradient, written elsewhere it is");
}

Finding gradients(const Case& c) {
  const auto x = c.values(), dy = normal_values(x.size(), 8);
  const auto quantizer = c.made(x);
  auto doubled = dy;
  for (float& v : doubled) v *= 2;
  std::vector<double> sums, twice_sums;
  const auto dx = propagated(*quantizer, x, dy, sums);
  const auto twice = propagated(*quantizer, x, doubled, twice_sums);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(dx[i])) return fmt::format("at {} it is {}", x[i], dx[i]);
    if (twice[i] != 2 * dx[i]) {
      return fmt::format("at {}, {} gives {}, and {} gives {}", x[i], dy[i], dx[i],
                         doubled[i], twice[i]);
    }
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (std::isfinite(sums[i]) && twice_sums[i] == 2 * sums[i]) continue;
    return fmt::format("learned value {} has gradient {}, and {} for twice as much", i,
                       sums[i], twice_sums[i]);
  }
  return "";
}

Finding slice_sums(const Case& c) {
  const std::size_t size = c.site.elements;
  const auto x = c.values(7, 2), dy = normal_values(2 * size, 8);
  const auto quantizer = c.made(x);
  const auto sums_of = [&](std::size_t begin, std::size_t images) {
    const Pass pass{.training = true, .offset = begin * size, .images = images};
    auto sums = zero_sums(*quantizer);
    Values dx(images * size);
    quantizer->backward(std::span(x).subspan(begin * size, images * size),
                        std::span(dy).subspan(begin * size, images * size), dx, sums,
                        pass);
    return sums;
  };
  const auto whole = sums_of(0, 2), first = sums_of(0, 1), second = sums_of(1, 1);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    const double parts = first[i] + second[i];
    const double size_of = std::fabs(first[i]) + std::fabs(second[i]);
    if (std::fabs(whole[i] - parts) <= 1e-4 * size_of + 1e-9) continue;
    return fmt::format("learned value {}: two images give {}, one by one {}", i, whole[i],
                       parts);
  }
  return "";
}

Finding learned(const Case& c) {
  const auto quantizer = c.made(c.values());
  for (const Parameter* p : quantizer->trainable()) {
    if (p->name.rfind(c.site.name + ".", 0) != 0) {
      return fmt::format("'{}' is not named '{}.something'", p->name, c.site.name);
    }
    for (const float v : p->value.span()) {
      if (!std::isfinite(v) || v < p->minimum) {
        return fmt::format("{} begins at {}; its minimum is {}", p->name, v, p->minimum);
      }
    }
  }
  return "";
}

Finding save_and_load(const Case& c) {
  const auto x = c.values();
  const auto trained = c.made(x), loaded = c.made(x);
  const auto from = trained->trainable(), to = loaded->trainable();
  for (std::size_t p = 0; p < from.size(); ++p) {
    for (std::size_t i = 0; i < from[p]->value.size(); ++i) {
      from[p]->value[i] *= 1.25f;
      to[p]->value[i] = from[p]->value[i];
    }
  }
  trained->prepare(x);
  loaded->prepare(x);
  return difference(x, quantized(*loaded, x), quantized(*trained, x), "before saving:");
}

// ---- The table of checks ----

struct Check {
  const char* name;
  const char* promise;
  std::vector<std::size_t> sizes;
  bool (*concerns)(const Case&, Quantizer&);
  bool Claims::*claim;  // or null
  Finding (*finding)(const Case&);
};

bool has_grid(const Case& c, Quantizer& q) {
  return !c.is_gradient() && !q.evaluates_float();
}
bool any(const Case&, Quantizer&) { return true; }
bool has_filters(const Case& c, Quantizer& q) {
  return c.role() == Role::kWeight && has_grid(c, q);
}
bool has_slices(const Case& c, Quantizer&) { return !comes_whole(c.role()); }
bool is_value(const Case& c, Quantizer&) { return !c.is_gradient(); }
bool learns(const Case&, Quantizer& q) { return !q.trainable().empty(); }
bool learns_by_slice(const Case& c, Quantizer& q) {
  return learns(c, q) && !comes_whole(c.role());
}

const std::vector<Check>& checks() {
  static const std::vector<std::size_t> kSizes = {1, 9, 31, 257};
  static const std::vector<Check> table = {
      {"law", "outside training, forward is exactly what the grid decodes", kSizes,
       has_grid, nullptr, law},
      {"large law", "the same for larger tensors", {4096}, has_grid, nullptr, law},
      {"codes", "codes are the grid's", kSizes, has_grid, nullptr, codes},
      {"levels",
       "there are at most 2^bits levels, in training too",
       {4096},
       has_grid,
       nullptr,
       levels},
      {"finite",
       "finite values stay finite, and none becomes -0",
       {1, 9, 31},
       any,
       nullptr,
       finite},
      {"odd values",
       "NaN and infinity take a code and spoil no other value",
       {31},
       has_grid,
       nullptr,
       not_a_number},
      {"idempotent", "quantizing twice changes nothing", kSizes, has_grid,
       &Claims::idempotent, idempotent},
      {"monotonic", "larger values are quantized no lower", kSizes, has_grid,
       &Claims::monotonic, monotonic},
      {"zero", "0 stays 0", {9, 31}, has_grid, &Claims::zero_preserving, zero_preserving},
      {"channels",
       "filters with scales of their own are as if alone",
       {4096},
       has_filters,
       nullptr,
       by_channel},
      {"slices",
       "a slice of a batch is quantized as in the whole",
       {31, 257},
       has_slices,
       nullptr,
       by_slice},
      {"repeatable", "the same step draws the same", {257}, any, nullptr, repeatable},
      {"threads",
       "one thread and two give the same bits",
       {70001},
       any,
       nullptr,
       threads_agree},
      {"in place",
       "results may overwrite their arguments",
       {9, 257},
       any,
       nullptr,
       in_place},
      {"gradient",
       "gradients are finite and linear in what comes from above",
       {31},
       is_value,
       nullptr,
       gradients},
      {"slice sums",
       "gradients of what is learned add up over slices",
       {31},
       learns_by_slice,
       nullptr,
       slice_sums},
      {"learned",
       "what is learned is named after its site and begins above its minimum",
       {9, 31},
       learns,
       nullptr,
       learned},
      {"save and load",
       "learned values are all that a trained quantizer needs",
       {257},
       learns,
       nullptr,
       save_and_load}};
  return table;
}

// ---- The quantizers that are asked ----

RawParams with_bits(const RawParams& settings, Role role, int bits) {
  RawParams raw = settings;
  raw[bits_name(role)] = RawValue::scalar(std::to_string(bits));
  return raw;
}

// The widths that settings or schema let through, without float.
std::vector<int> legal_bits(const MethodEntry& entry, const RawParams& settings,
                            Role role) {
  const auto fixed = settings.find(bits_name(role));
  std::vector<int> legal;
  for (int bits = 1; bits < kFloatBits; ++bits) {
    if (fixed != settings.end() && fixed->second.text() != std::to_string(bits)) continue;
    std::vector<ParamProblem> problems;
    entry.resolve(with_bits(settings, role, bits), problems);
    if (problems.empty()) legal.push_back(bits);
  }
  return legal;
}

Site site_of(Role role, std::size_t size, bool is_signed) {
  if (role != Role::kWeight) return value_site(role, size, is_signed);
  // As many filters as fit: of nine values (3x3, one input), of eight, or of all.
  if (size % 9 == 0) return weight_site({int(size / 9), 3, 3, 1});
  if (size % 8 == 0) return weight_site({int(size / 8), 2, 1, 4});
  return weight_site({1, int(size)});
}

// Null where the method leaves the site in float or refuses it at this width.
std::unique_ptr<Quantizer> attempt(const Case& c) {
  try {
    return c.fresh(c.site);
  } catch (const ConfigError&) {
    return nullptr;
  }
}

constexpr Role kRoles[] = {Role::kWeight, Role::kInput, Role::kOutput, Role::kGradient,
                           Role::kBias};

template <class Visit>
void for_each_case(const MethodEntry& entry, const RawParams& settings, std::size_t size,
                   Visit visit) {
  for (const Role role : kRoles) {
    for (const int bits : legal_bits(entry, settings, role)) {
      for (const bool is_signed : {true, false}) {
        if (comes_whole(role) && !is_signed) continue;
        const Case c{&entry, with_bits(settings, role, bits), bits,
                     site_of(role, size, is_signed)};
        if (const auto quantizer = attempt(c)) visit(c, *quantizer);
      }
    }
  }
}

CheckResult run_check(const Check& check, const MethodEntry& entry,
                      const RawParams& settings) {
  CheckResult result{.name = check.name, .promise = check.promise};
  for (const std::size_t size : check.sizes) {
    for_each_case(entry, settings, size, [&](const Case& c, Quantizer& quantizer) {
      if (!check.concerns(c, quantizer)) return;
      if (check.claim != nullptr && !(c.claims().*(check.claim))) {
        ++result.unclaimed;
        return;
      }
      ++result.asked;
      const Finding found = check.finding(c);
      if (found.empty()) return;
      if (++result.broken == 1) result.example = c.name() + ": " + found;
    });
  }
  return result;
}

// Each width that the schema lets through must do something.
CheckResult check_widths(const MethodEntry& entry, const RawParams& settings) {
  CheckResult result{.name = "widths",
                     .promise = "each legal width puts a quantizer somewhere"};
  std::set<std::pair<std::string, int>> served;
  for_each_case(entry, settings, 9, [&](const Case& c, Quantizer&) {
    served.insert({bits_name(c.role()), c.bits});
  });
  for (const Role role : {Role::kWeight, Role::kInput, Role::kGradient}) {
    for (const int bits : legal_bits(entry, settings, role)) {
      const bool has_field =
          std::any_of(entry.fields.begin(), entry.fields.end(),
                      [&](const FieldInfo& f) { return f.name == bits_name(role); });
      if (!has_field) continue;
      ++result.asked;
      if (served.count({bits_name(role), bits}) != 0) continue;
      if (++result.broken == 1) {
        result.example = fmt::format("{}: {} quantizes nothing", bits_name(role), bits);
      }
    }
  }
  if (result.asked == 0) {
    result.broken = 1;
    result.example = "the method has none of weight_bits, activation_bits, gradient_bits";
  }
  return result;
}

// ---- Speed ----

template <class Work>
double fastest_ns(std::size_t values, Work work) {
  using Clock = std::chrono::steady_clock;
  double fastest = std::numeric_limits<double>::infinity();
  for (int round = 0; round < 5; ++round) {
    const auto begin = Clock::now();
    work();
    const std::chrono::duration<double, std::nano> took = Clock::now() - begin;
    fastest = std::min(fastest, took.count() / double(values));
  }
  return fastest;
}

std::vector<QuantizerSpeed> measure(const MethodEntry& entry, const RawParams& settings) {
  constexpr std::size_t kSize = 9 << 14;
  std::vector<QuantizerSpeed> speeds;
  for_each_case(entry, settings, kSize, [&](const Case& c, Quantizer&) {
    if (!c.site.is_signed || c.role() == Role::kOutput || c.role() == Role::kBias) return;
    const auto x = c.values(), dy = normal_values(x.size(), 8);
    const auto quantizer = c.made(x);
    const Pass pass{.training = true};
    Values y(x.size());
    auto sums = zero_sums(*quantizer);
    QuantizerSpeed speed{fmt::format("{}, {} bits", role_name(c.role()), c.bits)};
    speed.forward_ns = fastest_ns(x.size(), [&] {
      if (comes_whole(c.role())) quantizer->prepare(x);
      quantizer->forward(x, y, pass);
    });
    if (!c.is_gradient()) {
      speed.backward_ns =
          fastest_ns(x.size(), [&] { quantizer->backward(x, dy, y, sums, pass); });
    }
    speeds.push_back(std::move(speed));
  });
  return speeds;
}

std::string outcome(const CheckResult& result) {
  if (!result.holds()) return "BROKEN";
  if (result.asked > 0) return "holds";
  return result.unclaimed > 0 ? "not claimed" : "does not apply";
}

}  // namespace

bool Conformance::sound() const {
  return std::all_of(checks.begin(), checks.end(),
                     [](const CheckResult& check) { return check.holds(); });
}

Conformance check_conformance(const MethodEntry& entry, const RawParams& settings,
                              bool with_speeds) {
  Conformance found;
  found.checks.push_back(check_widths(entry, settings));
  for (const Check& check : checks()) {
    found.checks.push_back(run_check(check, entry, settings));
  }
  if (with_speeds) found.speeds = measure(entry, settings);
  return found;
}

std::string conformance_text(const MethodEntry& entry, const Conformance& found) {
  std::string text = fmt::format("{}  {}\n\n", entry.id, entry.summary);
  for (const auto& check : found.checks) {
    std::string count;
    if (!check.holds()) {
      count = fmt::format("by {} of {} quantizers", check.broken, check.asked);
    } else if (check.asked > 0) {
      count = fmt::format("for {} quantizers{}", check.asked,
                          check.unclaimed > 0
                              ? fmt::format(", {} do not claim it", check.unclaimed)
                              : "");
    }
    text += fmt::format("  {:14} {:14} {}{}{}\n", check.name, outcome(check),
                        check.promise, count.empty() ? "" : ": ", count);
    if (!check.holds()) text += fmt::format("{:17}{}\n", "", check.example);
  }
  if (!found.speeds.empty()) text += "\n  nanoseconds a value, one thread\n";
  for (const auto& speed : found.speeds) {
    text += fmt::format("  {:22} forward {:6.2f}", speed.quantizer, speed.forward_ns);
    if (speed.backward_ns > 0)
      text += fmt::format("   backward {:6.2f}", speed.backward_ns);
    text += "\n";
  }
  return text;
}

}  // namespace bitsweep

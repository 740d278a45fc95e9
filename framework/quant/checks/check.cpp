#include "framework/quant/checks/check.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include <fmt/format.h>

#include "framework/core/counted.h"

namespace bitsweep::checks {

bool Case::comes_whole() const {
  return role() == Role::kWeight || role() == Role::kBias;
}

std::unique_ptr<Quantizer> Case::fresh(const Site& where) const {
  return entry->make(raw)->quantizer(where);
}

std::unique_ptr<Quantizer> Case::made(const Values& x) const {
  auto quantizer = fresh(site);
  calibrate(*quantizer, x);
  return quantizer;
}

Values Case::values(std::uint64_t seed, std::size_t images) const {
  Values x = normal_values(images * site.elements, seed);
  if (!site.is_signed) {
    for (float& v : x) v = std::fabs(v);
  }
  return x;
}

std::string Case::name() const {
  return fmt::format("{}, {}{}, {} in {}{}", role_name(role()), counted(bits, "bit"),
                     choice.empty() ? "" : ", " + choice, counted(site.elements, "value"),
                     counted(site.channels.channels, "channel"),
                     site.is_signed ? "" : ", none negative");
}

std::string text_of_exception() {
  try {
    throw;
  } catch (const std::exception& error) {
    return fmt::format("it throws '{}'", error.what());
  } catch (...) {
    return "it throws what is no std::exception";
  }
}

std::string summary(const Values& x) {
  const auto is_lost = [](float v) { return std::isnan(v); };
  if (std::all_of(x.begin(), x.end(), is_lost)) return fmt::format("{} NaNs", x.size());
  Values known;
  std::remove_copy_if(x.begin(), x.end(), std::back_inserter(known), is_lost);
  const auto [least, most] = std::minmax_element(known.begin(), known.end());
  const char* lost = known.size() < x.size() ? ", and NaN" : "";
  const auto count = counted(x.size(), "value");
  if (*least == *most) return fmt::format("{} of {}{}", count, *least, lost);
  return fmt::format("{} from {} to {}{}", count, *least, *most, lost);
}

void calibrate(Quantizer& quantizer, const Values& x) {
  on(x, [&] { probe::calibrate(quantizer, x); });
}

Values quantized(const Quantizer& quantizer, const Values& x, Pass pass) {
  return on(x, [&] { return probe::quantized(quantizer, x, pass); });
}

Codes encoded(const Quantizer& quantizer, const Values& x) {
  return on(x, [&] { return probe::encoded(quantizer, x); });
}

Values propagated(const Quantizer& quantizer, const Values& x, const Values& dy,
                  std::vector<double>& sums, Pass pass) {
  Values dx(x.size());
  on(x, [&] { quantizer.backward(x, dy, dx, sums, pass); });
  return dx;
}

Values propagated(Quantizer& quantizer, const Values& x, const Values& dy,
                  std::vector<double>& sums) {
  return on(x, [&] { return probe::propagated(quantizer, x, dy, sums); });
}

// A value depends on seed and index alone: the longest draw holds the shorter ones.
Values normal_values(std::size_t size, std::uint64_t seed, float spread) {
  static std::map<std::uint64_t, Values> drawn;
  Values& all = drawn[seed];
  if (all.size() < size) all = probe::normal_values(size, seed);
  Values x(all.begin(), all.begin() + std::ptrdiff_t(size));
  for (float& v : x) v *= spread;
  return x;
}

Values part(const Values& x, std::size_t begin, std::size_t size) {
  const auto from = x.begin() + std::ptrdiff_t(begin);
  return {from, from + std::ptrdiff_t(size)};
}

Finding difference(const Values& x, const Values& got, const Values& wanted,
                   const char* what) {
  const auto is_same = [&](std::size_t i, std::size_t count) {
    return std::memcmp(&got[i], &wanted[i], count * sizeof(float)) == 0;
  };
  if (got.empty() || is_same(0, got.size())) return "";
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (is_same(i, 1)) continue;
    return fmt::format("value {} is {} and becomes {}; {} {}", i, x[i], got[i], what,
                       wanted[i]);
  }
  return "";
}

bool any(const Case&, Quantizer&) { return true; }
bool is_value(const Case& c, Quantizer&) { return !c.is_gradient(); }
bool has_grid(const Case& c, Quantizer& q) {
  return !c.is_gradient() && !optional_interface<EvaluatesFloat>(&q);
}
bool has_filters(const Case& c, Quantizer& q) {
  return c.role() == Role::kWeight && has_grid(c, q);
}
bool has_slices(const Case& c, Quantizer&) { return !c.comes_whole(); }
bool learns(const Case&, Quantizer& q) { return !q.trainable().empty(); }
bool learns_by_slice(const Case& c, Quantizer& q) {
  return learns(c, q) && !c.comes_whole();
}

}  // namespace bitsweep::checks

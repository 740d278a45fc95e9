#include "framework/quant/conformance.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "framework/core/counted.h"
#include "framework/core/error.h"
#include "framework/quant/checks/check.h"

namespace bitsweep {
namespace {

using namespace checks;

std::vector<Check> all_checks() {
  std::vector<Check> all;
  for (const auto& some : {value_checks(), call_checks(), learning_checks(),
                           saving_checks(), straight_through_checks()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

// ---- The quantizers that are asked ----

const char* bits_name(Role role) {
  const bool is_parameter = role == Role::kWeight || role == Role::kBias;
  return is_parameter              ? "weight_bits"
         : role == Role::kGradient ? "gradient_bits"
                                   : "activation_bits";
}

RawParams with(RawParams raw, const std::string& name, const std::string& word) {
  raw[name] = RawValue::scalar(word);
  return raw;
}

bool is_legal(const MethodEntry& entry, const RawParams& raw) {
  std::vector<ParamProblem> problems;
  entry.resolve(raw, problems);
  return problems.empty();
}

// The widths that settings or schema let through, without float.
std::vector<int> legal_bits(const MethodEntry& entry, const RawParams& settings,
                            Role role) {
  const auto fixed = settings.find(bits_name(role));
  std::vector<int> legal;
  for (int bits = 1; bits < kFloatBits; ++bits) {
    const auto word = std::to_string(bits);
    if (fixed != settings.end() && fixed->second.text() != word) continue;
    if (is_legal(entry, with(settings, bits_name(role), word))) legal.push_back(bits);
  }
  return legal;
}

// Parameters for one role; the sites follow with their sizes.
struct Setting {
  Role role;
  int bits;
  RawParams raw;
  bool is_usual;
  std::string choice;  // "group=filter": another value than the default; or ""
};

// The default, or the narrowest where that is float.
int usual_bits(const MethodEntry& entry, Role role, const std::vector<int>& legal) {
  for (const FieldInfo& field : entry.fields) {
    if (field.name != bits_name(role)) continue;
    for (const int bits : legal) {
      if (field.default_value == std::to_string(bits)) return bits;
    }
  }
  return legal.front();
}

// Each role at each of its widths; and at its usual width with each free choice in turn
// made otherwise than by default.
std::vector<Setting> settings_of(const MethodEntry& entry, const RawParams& settings) {
  std::vector<Setting> all;
  for (const Role role : {Role::kWeight, Role::kInput, Role::kOutput, Role::kGradient,
                          Role::kBias, Role::kOperand}) {
    const auto legal = legal_bits(entry, settings, role);
    if (legal.empty()) continue;
    const int usual = usual_bits(entry, role, legal);
    const auto add = [&](int bits, const RawParams& raw, const std::string& choice) {
      all.push_back({role, bits, with(raw, bits_name(role), std::to_string(bits)),
                     bits == usual, choice});
    };
    for (const int bits : legal) add(bits, settings, "");
    for (const FieldInfo& field : entry.fields) {
      if (settings.count(field.name) != 0) continue;
      for (const auto& word : field.choices) {
        const RawParams raw = with(settings, field.name, word);
        const bool is_new = word != field.default_value;
        if (is_new &&
            is_legal(entry, with(raw, bits_name(role), std::to_string(usual)))) {
          add(usual, raw, field.name + "=" + word);
        }
      }
    }
  }
  return all;
}

Site site_of(Role role, std::size_t size, bool is_signed) {
  if (role != Role::kWeight) return probe::value_site(role, size, is_signed);
  // As many filters as fit: of nine values (3x3, one input), of eight, or of all.
  if (size % 9 == 0) return probe::weight_site({int(size / 9), 3, 3, 1});
  if (size % 8 == 0) return probe::weight_site({int(size / 8), 2, 1, 4});
  return probe::weight_site({1, int(size)});
}

// Null where the method leaves the site in float or refuses it at this width.
std::unique_ptr<Quantizer> attempt(const Case& c) {
  try {
    return c.fresh(c.site);
  } catch (const ConfigError&) {
    return nullptr;
  }
}

template <class Visit>
void for_each_case(const MethodEntry& entry, const std::vector<Setting>& settings,
                   std::size_t size, Visit visit) {
  for (const Setting& setting : settings) {
    for (const bool is_signed : {true, false}) {
      const Case c{.entry = &entry,
                   .raw = setting.raw,
                   .bits = setting.bits,
                   .is_usual = setting.is_usual,
                   .choice = setting.choice,
                   .site = site_of(setting.role, size, is_signed)};
      if (is_signed || !c.comes_whole()) visit(c);
    }
  }
}

// What the check finds, or that the method throws.
void ask(const Check& check, const Case& c, CheckResult& result) {
  Finding found;
  try {
    const auto quantizer = attempt(c);
    if (!quantizer || !check.concerns(c, *quantizer)) return;
    if (check.claim != nullptr && !(c.claims().*(check.claim))) {
      ++result.unclaimed;
      return;
    }
    found = check.finding(c);
  } catch (const Thrown& thrown) {
    found = thrown.what();
  } catch (...) {
    found = text_of_exception();
  }
  ++result.asked;
  if (found.empty()) return;
  if (++result.broken == 1) result.example = c.name() + ": " + found;
}

CheckResult run_check(const Check& check, const MethodEntry& entry,
                      const std::vector<Setting>& settings) {
  CheckResult result{.name = check.name, .promise = check.promise};
  for (const std::size_t size : check.sizes) {
    for_each_case(entry, settings, size, [&](const Case& c) { ask(check, c, result); });
  }
  return result;
}

// Each width that the schema lets through must do something.
CheckResult check_widths(const MethodEntry& entry, const std::vector<Setting>& settings) {
  CheckResult result{.name = "widths",
                     .promise = "each legal width puts a quantizer somewhere",
                     .asked_of = "width"};
  std::set<std::pair<std::string, int>> served;
  const auto breaks = [&](const std::string& how) {
    if (++result.broken == 1) result.example = how;
  };
  for_each_case(entry, settings, 9, [&](const Case& c) {
    try {
      if (attempt(c)) served.insert({bits_name(c.role()), c.bits});
    } catch (...) {
      served.insert({bits_name(c.role()), c.bits});
      breaks(c.name() + ": " + text_of_exception());
    }
  });
  std::set<std::pair<std::string, int>> asked;
  for (const Setting& setting : settings) {
    const std::string name = bits_name(setting.role);
    const bool is_new = asked.insert({name, setting.bits}).second;
    if (!is_new || served.count({name, setting.bits}) != 0) continue;
    breaks(fmt::format("{}: {} quantizes nothing", name, setting.bits));
  }
  result.asked = int(asked.size());
  if (asked.empty()) {
    breaks("the method has none of weight_bits, activation_bits, gradient_bits");
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

QuantizerSpeed speed_of(const Case& c) {
  const auto x = c.values(), dy = checks::normal_values(x.size(), 8);
  const auto quantizer = c.made(x);
  const Pass pass{.training = true};
  Values y(x.size());
  auto sums = zero_sums(*quantizer);
  QuantizerSpeed speed{fmt::format("{}, {} bits", role_name(c.role()), c.bits)};
  speed.forward_ns = fastest_ns(x.size(), [&] {
    if (c.comes_whole()) quantizer->prepare(x);
    quantizer->forward(x, y, pass);
  });
  if (!c.is_gradient()) {
    speed.backward_ns =
        fastest_ns(x.size(), [&] { quantizer->backward(x, dy, y, sums, pass); });
  }
  return speed;
}

// Of the quantizers that throw nothing: the checks tell of the others.
std::vector<QuantizerSpeed> measure(const MethodEntry& entry,
                                    const std::vector<Setting>& settings) {
  constexpr std::size_t kSize = 9 << 14;
  std::vector<QuantizerSpeed> speeds;
  for_each_case(entry, settings, kSize, [&](const Case& c) {
    if (!c.site.is_signed || c.role() == Role::kOutput || c.role() == Role::kBias) return;
    if (!c.choice.empty()) return;
    try {
      if (attempt(c)) speeds.push_back(speed_of(c));
    } catch (...) {
      return;
    }
  });
  return speeds;
}

// ---- Text ----

std::string outcome(const CheckResult& result) {
  if (!result.holds()) return "VIOLATED";
  if (result.asked > 0) return "holds";
  return result.unclaimed > 0 ? "not claimed" : "does not apply";
}

std::string count_of(const CheckResult& result) {
  if (result.asked == 0) return "";
  if (!result.holds()) {
    return fmt::format(": violated by {} of {}", result.broken,
                       counted(result.asked, result.asked_of));
  }
  const auto unclaimed =
      result.unclaimed > 0 ? fmt::format(", {} do not claim it", result.unclaimed) : "";
  return fmt::format(": for {}{}", counted(result.asked, result.asked_of), unclaimed);
}

std::string line_of(const CheckResult& check) {
  const auto line = fmt::format("  {:14} {:14} {}{}\n", check.name, outcome(check),
                                check.promise, count_of(check));
  if (check.holds()) return line;
  return line + fmt::format("{:17}{}\n", "", check.example);
}

std::string closing_line(const MethodEntry& entry, const Conformance& found) {
  const auto count = [&](const char* what) {
    return std::count_if(
        found.checks.begin(), found.checks.end(),
        [&](const CheckResult& check) { return outcome(check) == what; });
  };
  const auto broken = count("VIOLATED"), held = count("holds");
  if (broken > 0) {
    return fmt::format("{}: fails {} of {} checks\n", entry.id, broken, broken + held);
  }
  return fmt::format("{}: passes all {} checks\n", entry.id, held);
}

std::string speed_text(const std::vector<QuantizerSpeed>& speeds) {
  if (speeds.empty()) return "";
  std::string text = "\n  nanoseconds per value, one thread\n";
  for (const auto& speed : speeds) {
    text += fmt::format("  {:22} forward {:6.2f}", speed.quantizer, speed.forward_ns);
    if (speed.backward_ns > 0)
      text += fmt::format("   backward {:6.2f}", speed.backward_ns);
    text += "\n";
  }
  return text;
}

}  // namespace

bool Conformance::sound() const {
  return std::all_of(checks.begin(), checks.end(),
                     [](const CheckResult& check) { return check.holds(); });
}

Conformance check_conformance(const MethodEntry& entry, const RawParams& settings,
                              bool with_speeds,
                              const std::function<void(const std::string&)>& begins) {
  const auto begin = [&](const std::string& name) {
    if (begins) begins(name);
  };
  const auto all = settings_of(entry, settings);
  Conformance found;
  begin("widths");
  found.checks.push_back(check_widths(entry, all));
  for (const Check& check : all_checks()) {
    begin(check.name);
    found.checks.push_back(run_check(check, entry, all));
  }
  if (!with_speeds) return found;
  begin("speed");
  found.speeds = measure(entry, all);
  return found;
}

std::string conformance_text(const MethodEntry& entry, const Conformance& found) {
  std::string text = fmt::format("{}  {}\n\n", entry.id, entry.summary);
  for (const auto& check : found.checks) text += line_of(check);
  return text + speed_text(found.speeds) + "\n" + closing_line(entry, found);
}

std::string broken_text(const MethodEntry& entry, const Conformance& found) {
  std::string text;
  for (const auto& check : found.checks) {
    if (!check.holds()) text += line_of(check);
  }
  return text + closing_line(entry, found);
}

}  // namespace bitsweep

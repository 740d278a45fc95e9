#include "framework/quant/describe.h"

#include <algorithm>

#include <fmt/format.h>

namespace bitsweep {
namespace {

// The widest text that `text_of` gives of a field.
template <class TextOf>
std::size_t widest(const std::vector<FieldInfo>& fields, TextOf text_of) {
  std::size_t width = 0;
  for (const auto& field : fields) width = std::max(width, text_of(field).size());
  return width;
}

std::string describe_fields(const std::vector<FieldInfo>& fields) {
  const auto name = widest(fields, [](const auto& f) { return f.name; });
  const auto type = widest(fields, [](const auto& f) { return f.type; });
  const auto value = widest(fields, [](const auto& f) { return f.default_value; });
  const auto range = widest(fields, [](const auto& f) { return f.range; });
  std::string text;
  for (const auto& field : fields) {
    text += fmt::format("  {:{}}  {:{}}  default {:{}}  {:{}}  {}\n", field.name, name,
                        field.type, type, field.default_value, value, field.range, range,
                        field.help);
  }
  return text;
}

// "1 to 16, or 32 for float" of the field, "-" for a method without it.
std::string bits_of(const MethodEntry& entry, const std::string& name) {
  for (const auto& field : entry.fields) {
    if (field.name == name) return field.range.substr(0, field.range.find(','));
  }
  return "-";
}

constexpr auto kOpening = R"(# Methods

One folder and one `.cpp` a method: a paper's quantizers, with its letters and its choices as
parameters, and nothing else. What a method shares with others (grids, ranges, loops,
straight-through rules) is in `framework/quant`; how weights are trained or files are
written is no affair of a method.

| id | weight bits | activation bits | gradient bits | what it is | reference |
|---|---|---|---|---|---|
)";

constexpr auto kClosing = R"(## To add a method

1. Write `methods/<id>/<id>.cpp`: a parameter struct with its `schema()`, a class derived from
   `Method` with `Params`, `summary` and `reference` (and `departures` where it differs from
   the paper), and as the last line `BITSWEEP_METHOD(<id>, bitsweep::methods::<Class>)`.
2. `quantizer(site)` returns a `Quantizer` for the sites that the paper quantizes and null for
   the others. Outside training its `forward` gives exactly what `grid()` decodes from the
   codes of `encode`.
3. The build finds the folder by itself, and so do help, checks of parameters, this page and
   the conformance tests. A property which it lacks by design (its
   grid has no zero, quantizing twice differs) is declared in `weight_claims` or
   `activation_claims`.
4. Add `tests/methods/<id>_test.cpp` with the paper's own numbers, worked by hand.

Outside this tree the same file becomes a plugin: `bitsweep_add_plugin(<id> <id>.cpp)`, as in
`tests/example_plugin`.
)";

}  // namespace

std::string describe_method(const MethodEntry& entry) {
  std::string card = fmt::format("{}  {}\n  from {}; {}\n", entry.id, entry.summary,
                                 entry.origin, entry.reference);
  if (!entry.departures.empty()) {
    card += fmt::format("  departs from the paper: {}\n", entry.departures);
  }
  if (!entry.fields.empty()) card += fmt::format("\n{}", describe_fields(entry.fields));
  return card;
}

std::string methods_readme(const MethodRegistry& registry) {
  std::string page = kOpening;
  for (const auto& id : registry.ids()) {
    const auto& entry = registry.at(id);
    page += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", id,
                        bits_of(entry, "weight_bits"), bits_of(entry, "activation_bits"),
                        bits_of(entry, "gradient_bits"), entry.summary, entry.reference);
  }
  page += "\n## Parameters\n\n```\n";
  for (const auto& id : registry.ids()) {
    if (id != registry.ids().front()) page += "\n";
    page += describe_method(registry.at(id));
  }
  return page + "```\n\n" + kClosing;
}

}  // namespace bitsweep

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

A method is one `.cpp`. It can stay outside this tree, as a plugin:

1. Copy `tests/example_plugin/outside` to a folder of your own and rename `example_plugin` to
   `<id>` in both files. What stands there is a whole method: a parameter struct with its
   `schema()`, a class derived from `Method` with `Params`, `summary` and `reference` (and
   `departures` where it differs from the paper), and as the last line
   `BITSWEEP_METHOD(<id>, bitsweep::methods::<Class>)`.
2. `quantizer(site)` returns a `Quantizer` for the sites that the paper quantizes and null for
   the others. `UniformQuantizer` takes a grid and a rounding and does the rest; a quantizer of
   your own implements `forward`, `encode`, `backward` and `grid`, as `methods/twn/twn.cpp`
   does, and `trainable` for what it learns, as `methods/pact/pact.cpp`. Outside training its
   `forward` gives exactly what `grid()` decodes from the codes of `encode`.
3. Build it against a build of bitsweep:

   ```
   cmake -S . -B build -D bitsweep_DIR=$HOME/bitsweep/build/release && cmake --build build
   ```

4. Ask whether it is sound: codes, levels, zeros and infinities, channels, slices, threads,
   gradients, saving and loading, and the time it takes for a value.

   ```
   bitsweep check <id> --plugin build/<id>.so
   ```

   A property which it lacks by design (its grid has no zero, quantizing twice differs) is
   declared in `weight_claims` or `activation_claims`; all else must hold.
5. Put it into a study beside other methods and run it. Its bits, size and loss stand in the
   table like theirs.

   ```
   rows:
     - method: {id: <id>, weight_bits: [2, 4, 8]}
     - method: {id: lsq, weight_bits: [2, 4, 8], activation_bits: 32}
   ```

   ```
   bitsweep run study.yaml --plugin build/<id>.so
   ```

Within the tree it is `methods/<id>/<id>.cpp` and nothing else: the build finds the folder by
itself, and so do help, checks of parameters, this page and the checks of step 4. Add
`tests/methods/<id>_test.cpp` with the paper's own numbers, worked by hand.
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

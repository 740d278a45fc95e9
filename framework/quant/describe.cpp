#include "framework/quant/describe.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/quant/method.h"
#include "framework/quant/probe.h"

namespace bitsweep {
namespace {

// A longer range stands on a line of its own.
constexpr std::size_t kWidestRange = 24;

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
  const auto range = widest(fields, [](const auto& f) {
    return f.range.size() <= kWidestRange ? f.range : std::string();
  });
  std::string text;
  for (const auto& field : fields) {
    const std::string columns =
        fmt::format("  {:{}}  {:{}}  default {:{}}  ", field.name, name, field.type, type,
                    field.default_value, value);
    // A long list of choices stands above its help instead of widening the column.
    text += field.range.size() <= range
                ? fmt::format("{}{:{}}  ", columns, field.range, range)
                : fmt::format("{}{}\n{:{}}  ", columns, field.range, "",
                              columns.size() + range);
    text += field.help;
    if (!field.former_names.empty()) {
      text += fmt::format(" Formerly {}.", fmt::join(field.former_names, ", "));
    }
    text += '\n';
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

constexpr int kShownBits = 8;

// Null where the method leaves the site in float or refuses it at this width.
std::unique_ptr<Quantizer> attempt(const MethodEntry& entry, const RawParams& raw,
                                   const Site& site) {
  try {
    return entry.make(raw)->quantizer(site);
  } catch (const ConfigError&) {
    return nullptr;
  }
}

// All values of a short grid; of a long one the ends and what lies around zero.
std::string levels_text(const Quantizer& quantizer) {
  if (optional_interface<EvaluatesFloat>(&quantizer) != nullptr) {
    return "float outside training";
  }
  const Grid grid = quantizer.grid();
  std::vector<std::string> values;
  for (std::int32_t code = grid.low_code(); code <= grid.high_code(); ++code) {
    values.push_back(fmt::format("{:.4g}", grid.value(code, 0)));
  }
  constexpr std::size_t kAll = 9;
  if (values.size() <= kAll) return fmt::format("{}", fmt::join(values, " "));
  const auto some = [&](std::size_t begin) {
    return fmt::format("{} {}", values[begin], values[begin + 1]);
  };
  return fmt::format("{} ... {} ... {} ({} levels)", some(0), some(values.size() / 2),
                     some(values.size() - 2), values.size());
}

// The same on x; a method's mistake in making them stands in their place.
std::string prepared_levels_text(Quantizer& quantizer, const probe::Values& x) {
  try {
    probe::calibrate(quantizer, x);
    return levels_text(quantizer);
  } catch (const MethodError& error) {
    return fmt::format("none: {}", error.what());
  }
}

constexpr auto kOpening = R"(# Methods

One folder and one `.cpp` a method: a paper's quantizers, with its letters and its choices as
parameters, and nothing else. What a method shares with others (grids, ranges, loops,
straight-through rules) is in `framework/quant`; how weights are trained or files are
written is no affair of a method.

| id | weight bits | activation bits | gradient bits | what it is | reference |
|---|---|---|---|---|---|
)";

constexpr auto kGuide = R"(## To add a method

A method is one `.cpp`. It can stay outside this tree, as a plugin:

1. Copy `tests/example_plugin/outside` to a folder of your own, rename `example_plugin.cpp` to
   `<id>.cpp` and `example_plugin` to `<id>` in both files: the id is a C identifier, the same
   in `CMakeLists.txt` and in the macro. What stands there is a whole method: a parameter
   struct with its `schema()`, a class derived from `Method` with `Params`, `summary` and
   `reference` (and `departures` where it differs from the paper), and as the last line
   `BITSWEEP_METHOD(<id>, bitsweep::methods::<Class>)`. Widths are named `weight_bits`,
   `activation_bits` and `gradient_bits`: tables and checks know them by these names. With each
   change of its numbers raise `static constexpr int version` (1 without one): it is a part of
   every run, and older records are not used again.
2. `quantizer(site)` returns a `Quantizer` for the sites that the paper quantizes and null for
   the others; it keeps no reference to its `Method`. `UniformQuantizer` takes a grid and a
   rounding and does the rest; a quantizer of your own implements `forward`, `encode`,
   `backward` and `grid`, as `methods/twn/twn.cpp` does, and `trainable` and `finish_gradient`
   for what it learns, as `methods/pact/pact.cpp`.

   - Outside training `forward` gives exactly what `grid()` decodes from the codes of `encode`,
     and never -0: `-1 * 0.0f` is one, `+ 0.0f` mends it.
   - A grid is equal steps or a table of levels, times one scale or one scale a channel; tables
     may be several, one for each channel that names it, and a level may be a short vector.
     `LevelGrid::learned` says that tables are data, so that sizes count 32 bits for each level
     beside those of the scales; else the method implies them.
   - What calibration, stages and training leave in a quantizer, beside `trainable()` and what
     `prepare` computes again, is shown by `visit_state`: a run is saved and continued with it.
   - Interfaces for what few quantizers do stand below `Quantizer`: first values of the latent
     weights (`AdoptsLatent`), a clip or mask after each step (`ChangesLatent`), rounds
     (`HasStages`), scales of pixels (`PixelScaled`), evaluation in float (`EvaluatesFloat`),
     ranges that follow the batches of training (`FollowsBatches`).
     Weights that cost something beside the loss have `Penalised` (`penalised.h`).
   - `calibrate` sees weights once and then each calibration batch of activations;
     `finish_calibration` closes it. `prepare` sees the weights before each forward that follows
     a change of them, in training and outside; activations have no such call.
   - Activations come in slices, from several threads at once: `forward` and `backward` keep
     nothing, and `backward` computes anew what it needs of x.
3. Build it against a build of bitsweep:

   ```
   cmake -S . -B build -D bitsweep_DIR=$HOME/bitsweep/build/release && cmake --build build
   ```

4. Ask whether it is sound: codes, levels, ties, zeros and infinities, channels, slices,
   threads, gradients, training, saving and loading, at each width and with each choice, and
   the time it takes for a value.

   ```
   bitsweep check <id> --plugin build/<id>.so
   ```

   Gradients are compared with finite differences of what they are meant to be the gradients of:
   x, or x clipped, plus what rounding adds, held fixed. A property which it lacks by design (its
   grid has no zero, quantizing twice differs, what it learns looks at clipping alone, its
   gradients are those of something else: `straight_through`) is declared in `weight_claims` or
   `activation_claims`; all else must hold. The checks cannot see whether the formula is the
   paper's, combinations of choices (`--set` fixes some), stages, what quantizers share by way of
   their `Method`, and a race of threads that do not happen to meet.
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

| in `framework/quant` | for |
|---|---|
| `method.h`, `quantizer.h` | what a method and its quantizers implement |
| `site.h`, `grid.h` | what they are told, and where values may lie |
| `uniform.h`, `range.h` | grids of equal steps, and the ranges they follow from |
| `clip_start.h` | where a clip begins by what calibration has seen |
| `transforms_values.h` | for a grid of a transformed value: says what is rounded |
| `staircase.h` | the nearest of a few levels, in vector code |
| `stage.h` | what a method does between and during training |
| `penalised.h` | for weights that cost something beside the loss |
| `pruning.h` | masks, and how quantizers and methods take part in pruning |
| `loops.h` | element-wise passes and sums |
| `probe.h` | quantizers by themselves, for tests |

Within the tree it is `methods/<id>/<id>.cpp` and nothing else: the build finds the folder by
itself, and so do help, checks of parameters, this page and the checks of step 4. Add
`tests/methods/<id>_test.cpp` with the paper's own numbers, worked by hand.
)";

}  // namespace

std::string describe_method(const MethodEntry& entry) {
  std::string card =
      fmt::format("{}  {}\n  from {}, version {}; {}\n", entry.id, entry.summary,
                  entry.origin, entry.version, entry.reference);
  for (const auto& [name, text] : {std::pair{"formula", &entry.formula},
                                   {"the paper's recipe", &entry.recipe},
                                   {"departs from the paper", &entry.departures},
                                   {"biases", &entry.biases}}) {
    if (!text->empty()) card += fmt::format("  {}: {}\n", name, *text);
  }
  if (!entry.fields.empty()) card += fmt::format("\n{}", describe_fields(entry.fields));
  return card;
}

std::string describe_levels(const MethodEntry& entry) {
  std::string text;
  const auto show = [&](const char* role, const char* bits_name, const Site& site) {
    for (int bits = 1; bits <= kShownBits; ++bits) {
      const RawParams raw = {{bits_name, RawValue::scalar(std::to_string(bits))}};
      std::vector<ParamProblem> problems;
      entry.resolve(raw, problems);
      if (!problems.empty()) continue;
      const auto quantizer = attempt(entry, raw, site);
      if (!quantizer) continue;
      probe::Values x = probe::normal_values(site.elements, 1);
      for (float& v : x) v = site.is_signed ? v : std::fabs(v);
      text += fmt::format("  {:>10} {} bits  {}\n", role, bits,
                          prepared_levels_text(*quantizer, x));
    }
  };
  show("weights", "weight_bits", probe::weight_site({1, 1024}));
  show("inputs", "activation_bits", probe::value_site(Role::kInput, 1024, false));
  if (text.empty()) return "";
  return "\n  levels, for normal weights and non-negative normal inputs of std 1\n" +
         text;
}

std::string methods_readme(const MethodRegistry& registry) {
  std::string page = kOpening;
  for (const auto& id : registry.ids()) {
    const auto& entry = registry.at(id);
    page += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", id,
                        bits_of(entry, "weight_bits"), bits_of(entry, "activation_bits"),
                        bits_of(entry, "gradient_bits"), entry.summary, entry.reference);
  }
  page += std::string("\n") + kGuide + "\n## Parameters\n\n```\n";
  for (const auto& id : registry.ids()) {
    if (id != registry.ids().front()) page += "\n";
    page += describe_method(registry.at(id));
  }
  return page + "```\n";
}

}  // namespace bitsweep

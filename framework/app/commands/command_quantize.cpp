// bitsweep quantize: a method's quantizer on one tensor, so that anyone can check it
// against another library.

#include <algorithm>

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/app/method_words.h"
#include "framework/app/output_file.h"
#include "framework/app/quantize_tensor.h"
#include "framework/app/tensor_file.h"
#include "framework/core/counted.h"
#include "framework/core/error.h"
#include "framework/quant/method.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

Role role_named(const std::string& word) {
  if (word == "weight") return Role::kWeight;
  if (word == "activation") return Role::kInput;
  throw ConfigError(
      fmt::format("quantize: --role: '{}' is neither weight nor activation", word));
}

void write_grid(TensorFile& file, const Grid& grid) {
  file.attribute("low", grid.low_code());
  file.attribute("high", grid.high_code());
  file.attribute("bits", grid.bits());
  const auto write = [&](const char* name, const std::vector<float>& values) {
    file.tensor(name, std::span<const float>(values), {std::int64_t(values.size())});
  };
  if (const auto* uniform = grid.uniform()) {
    file.attribute("kind", "uniform");
    write("/scale", uniform->scale);
    write("/zero_point", uniform->zero_point);
  } else {
    file.attribute("kind", "levels");
    const LevelGrid& levels = *grid.levels();
    write("/scale", levels.scale);
    write("/levels", levels.levels);
    file.attribute("books", std::int64_t(levels.books));
    file.attribute("dimension", std::int64_t(levels.vectors.dimension));
    file.attribute("stride", std::int64_t(levels.vectors.stride));
  }
}

void write_quantized(const fs::path& path, const QuantizedTensor& quantized,
                     const std::vector<std::int64_t>& shape, const MethodSpec& method,
                     const std::string& role) {
  TensorFile file;
  file.tensor("/values", quantized.values, shape);
  // Of a grid of vectors a code stands for several values.
  const bool is_vector = quantized.grid.dimension() > 1;
  file.tensor("/codes", quantized.codes,
              is_vector ? std::vector{std::int64_t(quantized.codes.size())} : shape);
  write_grid(file, quantized.grid);
  file.attribute("role", role);
  file.attribute("method", method.id);
  for (const auto& [name, value] : method.params) {
    file.attribute("method." + name, value.text());
  }
  file.save(path);
}

// Not even --force may take the tensor's own file.
fs::path file_beside(const fs::path& in, const Arguments& arguments) {
  std::error_code not_there;
  if (fs::equivalent(in, arguments.text("out"), not_there)) {
    throw ConfigError(
        fmt::format("quantize: --out: '{}' is the file of --in; name another",
                    arguments.text("out")));
  }
  return output_file(arguments);
}

// The way out is a parameter of the method, where it has one for the role.
[[noreturn]] void refuse_float(const MethodEntry& entry, Role role) {
  const bool is_weight = role == Role::kWeight;
  const std::string bits = is_weight ? "weight_bits" : "activation_bits";
  const bool has_bits =
      std::any_of(entry.fields.begin(), entry.fields.end(),
                  [&](const FieldInfo& field) { return field.name == bits; });
  throw ConfigError(fmt::format(
      "quantize: '{}' leaves {} in float{}", entry.id,
      is_weight ? "weights" : "activations",
      has_bits ? fmt::format(" at this width; give another with --set {}=N", bits) : ""));
}

int quantize(const Arguments& arguments, Session& session) {
  load_plugins(arguments, session);
  const std::string role_word = arguments.text("role");
  const Role role = role_named(role_word);
  const MethodSpec spec =
      method_from_words(arguments.positional(0), arguments.all("set"), session.methods);
  const TensorPlace place = parse_tensor_place(arguments.text("in"));
  const StoredTensor tensor = read_tensor(place);
  const fs::path out = file_beside(place.file, arguments);

  const MethodEntry& entry = session.methods.at(spec.id);
  const auto quantized =
      quantize_tensor(*entry.make(spec.params), tensor_site(tensor, role), tensor);
  if (!quantized) refuse_float(entry, role);

  write_quantized(out, *quantized, tensor.shape, spec, role_word);
  print_note(fmt::format("{}: {} of {}", out.string(),
                         counted(quantized->codes.size(), "code"),
                         counted(quantized->grid.bits(), "bit")));
  return 0;
}

}  // namespace

Command quantize_command() {
  return {{.command = "quantize",
           .summary = "Apply a method's quantizer to a tensor of an HDF5 file.",
           .positionals = {{"METHOD", "A method's id; `bitsweep methods` lists them."}},
           .options = {{.name = "role",
                        .value = "weight|activation",
                        .help = "What the tensor is: weights have their output channels "
                                "first, activations their channels last.",
                        .required = true},
                       {.name = "in",
                        .value = "FILE.h5:/dataset",
                        .help = "The tensor. The method calibrates on it as well.",
                        .required = true},
                       {.name = "out",
                        .value = "FILE.h5",
                        .help = "Where /values, /codes and the grid (/scale, /zero_point "
                                "or /levels, and attributes) are written.",
                        .required = true},
                       force_option(),
                       {.name = "set",
                        .value = "KEY=VALUE",
                        .help = "A parameter of the method.",
                        .repeated = true},
                       plugin_option()}},
          quantize};
}

}  // namespace bitsweep

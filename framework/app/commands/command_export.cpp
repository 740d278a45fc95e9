// bitsweep export: the packed model of a finished run, as a file of its own or as ONNX.

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/app/model_argument.h"
#include "framework/app/output_file.h"
#include "framework/core/error.h"
#include "framework/pack/onnx.h"
#include "framework/results/whole_file.h"

namespace bitsweep {
namespace {

void check_ending(const std::filesystem::path& out) {
  if (out.extension() == ".onnx" || out.extension() == ".bsw") return;
  throw ConfigError(fmt::format(
      "export: --out: '{}' ends in neither .bsw (packed model) nor .onnx; the "
      "ending chooses the format",
      out.string()));
}

// Where the file is not what its dialect promises, or predicts otherwise than the table.
void tell_of_dialect(const PackedModel& model, OnnxDialect dialect,
                     const std::string& file) {
  const bool quantizes = dialect == OnnxDialect::kQdq;
  if (!quantizes && dialect != OnnxDialect::kQonnx) return;
  const auto plain = quantizes ? OnnxDialect::kInteger : OnnxDialect::kFloat;
  const bool is_plain = file == onnx_bytes(model, plain);
  if (quantizes && !is_plain) {
    print_note(
        "bitsweep: it makes codes of sums in one step, with rounded biases: it predicts "
        "as `bitsweep eval --requantize float` does, which may not be the table's "
        "accuracy");
  }
  if (!is_plain) return;
  print_note(fmt::format(
      "bitsweep: no layer of this model can be said in {} with the executor's results "
      "({}): the file is that of --dialect {}",
      quantizes ? "QuantizeLinear and DequantizeLinear" : "QONNX's Quant",
      quantizes
          ? "that wants weights and inputs of at most 8 bits, rounding to the nearest, "
            "zero points of 0, and ranges known before"
          : "its rounding, or ranges found at run time",
      quantizes ? "integer" : "float"));
}

int export_model(const Arguments& arguments, Session&) {
  const std::filesystem::path record = arguments.positional(0);
  const auto out = output_file(arguments);
  check_ending(out);
  const auto bytes = model_bytes_of(record);
  const PackedModel model = model_of(record);  // what cannot be read is not written
  std::string file(bytes.begin(), bytes.end());
  if (out.extension() == ".onnx") {
    const OnnxDialect dialect = onnx_dialect(arguments.text("dialect", "integer"));
    file = onnx_bytes(model, dialect);
    tell_of_dialect(model, dialect, file);
  } else if (arguments.has("dialect")) {
    throw ConfigError(fmt::format(
        "export: --dialect is of ONNX files; '{}' does not end in .onnx", out.string()));
  }
  write_whole_file(out, file);
  print_note(fmt::format("{}: {} bytes", out.string(), file.size()));
  return 0;
}

}  // namespace

Command export_command() {
  return {{.command = "export",
           .summary = "Write the packed model of a finished run to a file, or as ONNX.",
           .positionals = {{"FILE", "The record of a run (.h5), or a packed model."}},
           .options = {{.name = "out",
                        .value = "FILE",
                        .help = "Where to write the packed model (.bsw), or the ONNX "
                                "model (.onnx).",
                        .required = true},
                       {.name = "dialect",
                        .value = "NAME",
                        .help = "Of ONNX: integer, qdq, qonnx or float (integer)."},
                       force_option()}},
          export_model};
}

}  // namespace bitsweep

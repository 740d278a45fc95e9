// bitsweep export: the packed model of a finished run, as a file of its own.

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/app/model_argument.h"
#include "framework/app/output_file.h"
#include "framework/core/error.h"
#include "framework/results/whole_file.h"

namespace bitsweep {
namespace {

int export_model(const Arguments& arguments, Session&) {
  const std::filesystem::path record = arguments.positional(0);
  const auto out = output_file(arguments);
  const auto bytes = model_bytes_of(record);
  parse_model(bytes);  // what cannot be read is not written either
  write_whole_file(out, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  print_note(fmt::format("{}: {} bytes", out.string(), bytes.size()));
  return 0;
}

}  // namespace

Command export_command() {
  return {{.command = "export",
           .summary = "Write the packed model of a finished run to a file.",
           .positionals = {{"RECORD.h5", "The record of a run."}},
           .options = {{.name = "out",
                        .value = "FILE.bsw",
                        .help = "Where to write the packed model.",
                        .required = true},
                       force_option()}},
          export_model};
}

}  // namespace bitsweep

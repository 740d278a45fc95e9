// bitsweep version: what produced a result, as results record it.

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/engine/convolution.h"
#include "framework/results/record.h"

namespace bitsweep {
namespace {

int version(const Arguments&, Session&) {
  const auto here = current_provenance();
  print_out(fmt::format("{}{}\n{}, {}\nengine: {}\n", here.program,
                        here.revision.empty() ? "" : " (" + here.revision + ")",
                        here.compiler, here.arch, engine_name(selected_engine())));
  return 0;
}

}  // namespace

Command version_command() {
  return {{.command = "version",
           .summary = "Show version, source revision, compiler and engine.",
           .positionals = {},
           .options = {}},
          version};
}

}  // namespace bitsweep

// bitsweep report: the table again, from the records of a folder.

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/core/error.h"
#include "framework/report/report.h"

namespace bitsweep {
namespace {

int report(const Arguments& arguments, Session&) {
  const std::filesystem::path folder = arguments.positional(0);
  std::vector<std::string> damaged;
  const auto& format = report_format(arguments.text("format", "md"));
  const auto study =
      build_report(read_manifest(folder), records_in(folder, &damaged), format.depth);
  print_out(render(study, format.name));
  if (damaged.empty()) return 0;
  throw DataError(fmt::format("{}", fmt::join(damaged, "\n")));
}

}  // namespace

Command report_command() {
  return {{.command = "report",
           .summary = "Make a study's table from the records of a folder.",
           .positionals = {{"DIR", "A folder of results: what `run` calls --out."}},
           .options = {{.name = "format",
                        .value = "FORMAT",
                        .help = fmt::format(
                            "One of {} (md); runs: a line of csv for each run.",
                            fmt::join(report_format_names(), ", "))}}},
          report};
}

}  // namespace bitsweep

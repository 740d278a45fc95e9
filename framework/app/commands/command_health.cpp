// bitsweep health: signal-to-noise, clipping and drift of a folder's quantizers.

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/core/error.h"
#include "framework/report/health_tables.h"

namespace bitsweep {
namespace {

// Below the tables; nothing where there are warnings alone.
std::string legend(const std::string& tables) {
  if (tables.find("\n| site") == std::string::npos) return "";
  return "\nclipped: values outside the grid; unused levels: levels of the grid that no "
         "value takes; sign flips: weights whose sign changed since the epoch before; "
         "drift: change of learned parameters since the start, empty where a site learns "
         "none\n";
}

int health(const Arguments& arguments, Session&) {
  const std::filesystem::path folder = arguments.positional(0);
  const std::string row = arguments.positional(1);
  std::vector<std::string> lost;
  const std::string tables = health_tables(
      read_manifest(folder), records_in(folder, &lost), row.empty() ? "*" : row);
  print_out(tables + legend(tables));
  if (lost.empty()) return 0;
  throw DataError(fmt::format("{}", fmt::join(lost, "\n")));
}

}  // namespace

Command health_command() {
  return {
      {.command = "health",
       .summary = "Show the health of each quantizer in finished runs, site by site.",
       .positionals = {{"DIR", "A folder of results: what `run` calls --out."},
                       {"ROW", "Rows by their label; * stands for any text (*).", false}},
       .options = {}},
      health};
}

}  // namespace bitsweep

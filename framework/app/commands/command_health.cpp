// bitsweep health: how the quantizers of a folder's runs ended.

#include "framework/app/commands/commands.h"
#include "framework/report/health_tables.h"

namespace bitsweep {
namespace {

int health(const Arguments& arguments, Session&) {
  const std::filesystem::path folder = arguments.positional(0);
  const std::string row = arguments.positional(1);
  print_out(
      health_tables(read_manifest(folder), records_in(folder), row.empty() ? "*" : row));
  return 0;
}

}  // namespace

Command health_command() {
  return {
      {.command = "health",
       .summary = "Show how the quantizers of finished runs fared, site by site.",
       .positionals = {{"DIR", "A folder of results: what `run` calls --out."},
                       {"ROW", "Rows by their label; * stands for any text (*).", false}},
       .options = {}},
      health};
}

}  // namespace bitsweep

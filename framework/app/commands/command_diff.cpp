// bitsweep diff: how two runs, or two folders of results, differ.

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/app/record_diff.h"
#include "framework/core/error.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

int diff(const Arguments& arguments, Session&) {
  const fs::path a = arguments.positional(0);
  const fs::path b = arguments.positional(1);
  if (fs::is_directory(a) != fs::is_directory(b)) {
    throw ConfigError(fmt::format(
        "diff: one of {} and {} is a folder and one is not; give two records or two "
        "folders of results",
        a.string(), b.string()));
  }
  const Difference found = fs::is_directory(a)
                               ? folder_difference(a, b)
                               : record_difference(read_record(a), read_record(b));
  print_out(found.same ? "no difference\n" : found.text);
  return found.same ? 0 : 1;
}

}  // namespace

Command diff_command() {
  return {{.command = "diff",
           .summary = "Tell how two runs, or two folders of results, differ.",
           .positionals = {{"A", "A record (.h5), or a folder with a study's table."},
                           {"B", "Another; the exit code is 0 when nothing differs."}},
           .options = {}},
          diff};
}

}  // namespace bitsweep

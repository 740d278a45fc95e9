// bitsweep schemes: the presets of libraries that a row may name.

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/app/scheme_text.h"

namespace bitsweep {
namespace {

int list_schemes(const Arguments& arguments, Session&) {
  const ConfigFolders folders;
  const std::string id = arguments.positional(0);
  if (id.empty()) {
    print_out(scheme_list(folders));
  } else {
    print_out(scheme_card(scheme_info(id, folders)));
  }
  return 0;
}

}  // namespace

Command schemes_command() {
  return {{.command = "schemes",
           .summary = "List the presets of INT8 libraries, or show what one sets.",
           .positionals = {{"NAME",
                            "The preset to show; a row names it as `method: "
                            "{scheme: NAME}`.",
                            /*required=*/false}},
           .options = {}},
          list_schemes};
}

}  // namespace bitsweep

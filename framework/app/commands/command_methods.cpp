// bitsweep methods: what is registered, and the card of one.

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/quant/describe.h"

namespace bitsweep {
namespace {

std::string method_list(const MethodRegistry& methods) {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const auto& id : methods.ids()) {
    const auto& entry = methods.at(id);
    lines.emplace_back(id, fmt::format("{} [{}]", entry.summary, entry.origin));
  }
  return two_columns(lines);
}

int list_methods(const Arguments& arguments, Session& session) {
  load_plugins(arguments, session);
  const std::string id = arguments.positional(0);
  if (id.empty()) {
    print_out(method_list(session.methods));
    return 0;
  }
  const MethodEntry& entry = session.methods.at(id);
  print_out(describe_method(entry) + describe_levels(entry));
  return 0;
}

}  // namespace

Command methods_command() {
  return {{.command = "methods",
           .summary = "List the quantization methods, or describe one.",
           .positionals = {{"NAME", "The method to describe.", /*required=*/false}},
           .options = {plugin_option()}},
          list_methods};
}

}  // namespace bitsweep

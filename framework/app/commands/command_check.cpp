// bitsweep check: is a method sound?

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/app/method_words.h"
#include "framework/app/questioned.h"
#include "framework/app/resume_check.h"
#include "framework/core/error.h"
#include "framework/quant/conformance.h"

namespace bitsweep {
namespace {

// What was set, and nothing of the defaults: widths are gone through.
RawParams given(const MethodSpec& spec, const std::vector<std::string>& settings) {
  RawParams raw;
  for (const auto& setting : settings) {
    const auto name = setting.substr(0, setting.find('='));
    raw[name] = spec.params.at(name);
  }
  return raw;
}

int check(const Arguments& arguments, Session& session) {
  load_plugins(arguments, session);
  const auto settings = arguments.all("set");
  const MethodSpec spec =
      method_from_words(arguments.positional(0), settings, session.methods);
  const MethodEntry& entry = session.methods.at(spec.id);
  if (entry.fields.empty()) {
    throw ConfigError(fmt::format(
        "check: '{}' quantizes nothing, so there is nothing to check", spec.id));
  }
  const bool is_quiet = arguments.has("quiet");
  std::string step;
  try {
    const std::string text = ask_in_child(
        [&](const Tell& tell) {
          Conformance found =
              check_conformance(entry, given(spec, settings), !is_quiet, tell);
          tell("resume");
          found.checks.push_back(check_resume(spec, session.methods));
          // The first character tells whether all of it holds.
          return (found.sound() ? "+" : "-") +
                 (is_quiet ? broken_text(entry, found) : conformance_text(entry, found));
        },
        [&](const std::string& name) {
          step = name;
          if (!is_quiet) print_note("checking: " + name);
        });
    print_out(text.substr(1));
    if (text.front() == '+') return 0;
    throw RunError(fmt::format("'{}' fails the conformance checks", spec.id));
  } catch (const NoAnswer& failure) {
    throw RunError(
        fmt::format("check '{}' of '{}' failed: {}", step, spec.id, failure.what()));
  }
}

}  // namespace

Command check_command() {
  return {
      {.command = "check",
       .summary = "Check a method: codes, levels, gradients, threads, saving, speed.",
       .positionals = {{"METHOD", "A method's id; `bitsweep methods` lists them."}},
       .options = {{.name = "set",
                    .value = "KEY=VALUE",
                    .help = "Fix a parameter; all widths and choices that are not set "
                            "are tried.",
                    .repeated = true},
                   {.name = "quiet", .help = "Print failed checks only."},
                   plugin_option()}},
      check};
}

}  // namespace bitsweep

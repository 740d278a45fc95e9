// The program: its commands, and what they share.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "framework/app/bench.h"
#include "framework/app/check_run.h"
#include "framework/app/command_line.h"
#include "framework/app/run_experiment.h"
#include "framework/quant/plugin.h"
#include "framework/quant/registry.h"

namespace bitsweep {

/// The work behind the commands, as a value, so that a test can put its own in place.
struct Pipeline {
  decltype(&run_experiment) run = nullptr;
  decltype(&check_run) check = nullptr;
  decltype(&bench_train) bench = nullptr;
  decltype(&validation_accuracy) validate = nullptr;
};

struct Session {
  Pipeline pipeline;
  PluginLibraries& plugins;
  MethodRegistry& methods;
};

struct Command {
  Syntax syntax;
  /// The exit code: 0, or 1 where something the user asked for failed. Other failures are
  /// thrown.
  int (*run)(const Arguments& arguments, Session& session);
  bool hidden = false;          // for the program's own use
  bool runs_elsewhere = false;  // its --threads are another machine's
};

/// All commands, in the order in which they are listed.
const std::vector<Command>& commands();

/// Everything between `main` and the commands: finds the command, prints help, turns
/// errors into one line and an exit code.
int run_program(int argc, char** argv, const Pipeline& pipeline);

/// The only way to standard output. A reader who left early (`| head`) is no failure.
void print_out(const std::string& text);
/// One line of narration on standard error.
void print_note(const std::string& line);

}  // namespace bitsweep

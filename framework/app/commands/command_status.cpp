// bitsweep status: how far a study is, from another terminal or machine.

#include <cstdio>

#include <unistd.h>

#include "framework/app/commands/commands.h"
#include "framework/app/schedule/display.h"
#include "framework/app/schedule/interrupt.h"
#include "framework/app/schedule/status.h"
#include "framework/app/slurm/job_status.h"

namespace bitsweep {
namespace {

int status(const Arguments& arguments, Session&) {
  const std::filesystem::path folder = arguments.positional(0);
  JobStatus jobs(records_folder(read_manifest(folder), folder));
  const auto text = [&] {
    return status_text(read_manifest(folder), folder,
                       terminal_of(STDOUT_FILENO).columns) +
           jobs.text();
  };
  if (!arguments.has("watch")) {
    print_out(text());
    return 0;
  }
  constexpr int kMilliseconds = 2000;
  const bool is_terminal = isatty(STDOUT_FILENO) != 0;
  const InterruptSignals signals;
  do {
    print_out(is_terminal ? page_of(text(), terminal_of(STDOUT_FILENO)) : text());
    std::fflush(stdout);
  } while (!signals.arrived(kMilliseconds));
  return 0;
}

}  // namespace

Command status_command() {
  return {{.command = "status",
           .summary = "Tell what of a study is done, under way, failed and to do.",
           .positionals = {{"DIR", "A folder of results: what `run` calls --out."}},
           .options = {{.name = "watch",
                        .value = "",
                        .help = "Show it anew every 2 s, until Ctrl-C."}}},
          status};
}

}  // namespace bitsweep

// bitsweep calibrate: the grids that calibration chooses for a network's activations, as
// a table to read and to give to other runs.

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/app/float_network.h"
#include "framework/app/output_file.h"
#include "framework/app/schedule/interrupt.h"
#include "framework/app/schedule/plan.h"
#include "framework/app/study.h"
#include "framework/core/counted.h"
#include "framework/core/error.h"
#include "framework/core/parallel.h"
#include "framework/data/dataset.h"
#include "framework/results/whole_file.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

void refuse_without_float_network(const RunSpec& run) {
  if (run.starts_from_baseline()) return;
  throw ConfigError(
      "calibrate: the row trains from scratch, so there is no float network to calibrate "
      "on; take a row with start: baseline");
}

std::string set_text(const RunSpec& run) {
  const int batch = (run.fine_tuning ? *run.fine_tuning : run.training).batch_size;
  const CalibrationSpec& own = run.calibration;
  const std::string from = own.seed > 0 ? fmt::format("drawn by seed {}", own.seed)
                                        : std::string("from the first on");
  // Batches go over the images again where there are fewer.
  return own.images > 0
             ? fmt::format("on {} training images of {}, {}, in batches of {}",
                           own.images, run.dataset.id, from, batch)
             : fmt::format("on {} batches of {} training images of {}, {}",
                           run.calibration_batches, batch, run.dataset.id, from);
}

int calibrate(const Arguments& arguments, Session& session) {
  const int threads = arguments.whole_number("threads", 1, 1);
  const StudySpec study = checked_study(arguments, session, {.no_tables = true});
  const RowSpec row = chosen_row("calibrate", study, arguments.text("row"));
  const RunSpec& run = row.runs.front();
  refuse_without_float_network(run);
  const fs::path out =
      output_file(arguments, fmt::format("{}-{}-calibration.yaml", study.name,
                                         file_name(row.label).substr(0, 40)));
  RunEnvironment environment{.methods = &session.methods,
                             .data_folders = data_folders(arguments.text("data-dir")),
                             .baseline = {}};
  environment.baseline = float_record(run, study.name, arguments, threads);
  if (!environment.baseline) {
    print_note("bitsweep: calibrate: interrupted; no table was written");
    return kInterruptedCode;
  }
  set_threads(threads);
  const auto sites = calibrated_sites(run, environment);
  if (sites.empty()) {
    throw ConfigError(fmt::format(
        "calibrate: no activation of the row '{}' has a range that calibration chooses: "
        "there is nothing to write",
        row.label));
  }
  write_whole_file(
      out, calibration_table_text(
               sites, {arguments.command_line(), fmt::format("{}, seed {}, {}", row.label,
                                                             run.seed, set_text(run))}));
  print_out(fmt::format("written: {}, {}\nuse it in a row: calibration: {{table: {}}}\n",
                        out.string(), counted(sites.size(), "site"), out.string()));
  return 0;
}

}  // namespace

Command calibrate_command() {
  return {{.command = "calibrate",
           .summary = "Write the grids that a row's calibration chooses as a table.",
           .positionals = {{"STUDY", "The study's YAML file; its first seed counts."}},
           .options = {{.name = "row",
                        .value = "LABEL",
                        .help = "The row that is calibrated, where there are several."},
                       {.name = "out",
                        .value = "TABLE.yaml",
                        .help = "The table (<study>-<row>-calibration.yaml)."},
                       force_option(),
                       {.name = "threads", .value = "N", .help = "Threads (1)."},
                       data_folder_option(),
                       override_option(),
                       plugin_option()}},
          calibrate};
}

}  // namespace bitsweep

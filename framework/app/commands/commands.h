// One function a command, each in the file of its name.
#pragma once

#include "framework/app/program.h"

namespace bitsweep {

Command run_command();
Command submit_command();
Command validate_command();
Command keys_command();
Command report_command();
Command status_command();
Command merge_command();
Command rerun_command();
Command diff_command();
Command clean_command();
Command health_command();
Command methods_command();
Command schemes_command();
Command models_command();
Command schemes_command();
Command datasets_command();
Command quantize_command();
Command export_command();
Command inspect_command();
Command eval_command();
Command check_command();
Command search_command();
Command calibrate_command();
Command bench_train_command();
Command version_command();
Command worker_command();

/// Options that several commands share.
OptionInfo plugin_option();
OptionInfo override_option();
OptionInfo data_folder_option();

/// Loads what `--plugin` names into the program's registry, each first in a process of
/// its own. Throws PluginError for one that is broken, or ends that process, or hangs it.
void load_plugins(const Arguments& arguments, Session& session);
/// The same without the trial, for a process that is itself the one to lose.
void load_tried_plugins(const Arguments& arguments, Session& session);

}  // namespace bitsweep

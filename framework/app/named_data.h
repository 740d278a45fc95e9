// A dataset as a command line names it.
#pragma once

#include <string>

#include "framework/config/run_spec.h"

namespace bitsweep {

/// The dataset that `text` names, in the words of a study's `dataset`: an id
/// ("fashion-mnist"), `folder=PATH`, `npz=PATH` or `hdf5=PATH`, a mapping ("{folder:
/// pets, test_share: 0.2}"), or a YAML file that holds one. Nothing is cut for validation
/// unless it says so. Throws ConfigError, with `option` in front, for anything else.
DatasetSpec named_data(const std::string& text, const std::string& option);

}  // namespace bitsweep

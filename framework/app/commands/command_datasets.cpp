// bitsweep datasets: what is known, what is there, and how to get the rest.

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/core/error.h"
#include "framework/data/dataset.h"

namespace bitsweep {
namespace {

// Reads it whole, as a run would: files that are there but damaged are not "found".
std::string state_of(const DatasetInfo& info,
                     const std::vector<std::filesystem::path>& folders) {
  try {
    const Dataset dataset = load_dataset({.id = info.id, .validation = 0}, folders);
    const std::string counts = fmt::format(
        "{} training and {} test images", dataset.training.count(), dataset.test.count());
    if (dataset.folder.empty()) return counts + ", made by the program";
    return fmt::format("{} in {}", counts, dataset.folder);
  } catch (const DataError& error) {
    return fmt::format("not usable: {}", error.what());
  }
}

int list_datasets(const Arguments& arguments, Session&) {
  const auto folders = data_folders(arguments.text("data-dir"));
  for (const auto& info : known_datasets()) {
    print_out(fmt::format("{}\n  {}: {} x {} x {}, {} classes\n  {}\n", info.id,
                          info.title, info.shape.height, info.shape.width,
                          info.shape.channels, info.classes, state_of(info, folders)));
  }
  return 0;
}

}  // namespace

Command datasets_command() {
  return {{.command = "datasets",
           .summary = "List the datasets, where they are, or how to get them.",
           .positionals = {},
           .options = {data_folder_option()}},
          list_datasets};
}

}  // namespace bitsweep

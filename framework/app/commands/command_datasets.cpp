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

std::string shape_text(const DatasetInfo& info) {
  return fmt::format("{} x {} x {}, {} classes", info.shape.height, info.shape.width,
                     info.shape.channels, info.classes);
}

// Everything that is known of one, whether its files are there or not.
std::string dataset_card(const DatasetInfo& info,
                         const std::vector<std::filesystem::path>& folders) {
  std::vector<std::pair<std::string, std::string>> lines = {
      {"images", shape_text(info) + " (height x width x channels)"},
      {"found", state_of(info, folders)},
      {"source", info.source},
      {"licence", info.licence}};
  try {
    lines.emplace_back(
        "SHA-256",
        load_dataset({.id = info.id, .validation = 0}, folders).checksum +
            " (of the sums of the unpacked files; part of every run's identity)");
  } catch (const DataError&) {  // "found" says why
  }
  lines.emplace_back("classes", fmt::format("{}", fmt::join(class_names(info.id), ", ")));
  return fmt::format("{}: {}\n{}", info.id, info.title, two_columns(lines));
}

int list_datasets(const Arguments& arguments, Session&) {
  const auto folders = data_folders(arguments.text("data-dir"));
  if (const std::string id = arguments.positional(0); !id.empty()) {
    print_out(dataset_card(dataset_info(id), folders));
    return 0;
  }
  for (const auto& info : known_datasets()) {
    print_out(fmt::format("{}\n  {}: {}\n  {}\n", info.id, info.title, shape_text(info),
                          state_of(info, folders)));
  }
  return 0;
}

}  // namespace

Command datasets_command() {
  return {{.command = "datasets",
           .summary = "List the datasets, or describe one.",
           .positionals = {{"ID", "The dataset to describe.", /*required=*/false}},
           .options = {data_folder_option()}},
          list_datasets};
}

}  // namespace bitsweep

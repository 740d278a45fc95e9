// bitsweep search: the narrowest widths of a network's parts within a margin.

#include <cstdlib>
#include <functional>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/app/float_network.h"
#include "framework/app/output_file.h"
#include "framework/app/schedule/interrupt.h"
#include "framework/app/schedule/plan.h"
#include "framework/app/search/search_study.h"
#include "framework/app/study.h"
#include "framework/core/digest.h"
#include "framework/core/error.h"
#include "framework/core/parallel.h"
#include "framework/data/dataset.h"
#include "framework/results/whole_file.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

void refuse_without_validation(const RunSpec& run) {
  if (run.dataset.validation > 0) return;
  throw ConfigError(
      "search: dataset.validation is 0; widths are chosen on images cut from the "
      "training "
      "data, never on the test images: give it some thousands");
}

std::vector<int> widths(bool all) {
  if (!all) return {16, 8, 4, 2, 1};
  std::vector<int> every;
  for (int bits = 16; bits >= 1; --bits) every.push_back(bits);
  return every;
}

std::string bits_text(int bits) { return bits == 32 ? "float" : std::to_string(bits); }

// "convolution weights 4, activations 8"; parts that are not there are not told of.
std::string chosen_text(const PartBits& bits, const SearchedParts& parts) {
  std::vector<std::string> texts;
  const auto add = [&](bool is_there, const char* name, int width) {
    if (is_there) texts.push_back(fmt::format("{} {}", name, bits_text(width)));
  };
  add(parts.convolutions, "convolution weights", bits.convolutions);
  add(parts.fully_connected, "fully connected weights", bits.fully_connected);
  add(parts.activations, "activations", bits.activations);
  return fmt::format("{}", fmt::join(texts, ", "));
}

// Likewise.
std::string step_text(const SearchStep& step, const SearchedParts& parts) {
  std::string text = fmt::format("{:24}", step.part);
  const auto add = [&](bool is_there, const char* name, int bits) {
    if (is_there) text += fmt::format(" {} {:>5} ", name, bits_text(bits));
  };
  add(parts.convolutions, "conv", step.bits.convolutions);
  add(parts.fully_connected, "fc", step.bits.fully_connected);
  add(parts.activations, "activations", step.bits.activations);
  return text + fmt::format("  {:6.2f} %  {}", 100 * step.accuracy,
                            step.passes ? "passes" : "fails");
}

// "tiny-search-dorefa-w4-a4-2": a name for each search, and the same one for the same.
std::string search_name(const Arguments& arguments, const StudySpec& study,
                        const RowSpec& row, double points) {
  constexpr std::size_t kLongestLabel = 40;
  std::string name = fmt::format("{}-search-{}-{}", study.name,
                                 file_name(row.label).substr(0, kLongestLabel), points);
  if (arguments.has("all-widths")) name += "-all-widths";
  const std::string variant = variant_folder(arguments.all("set")).string();
  if (!variant.empty()) name += "-" + sha256_hex(variant).substr(0, 8);
  return name;
}

int tell_interrupted() {
  print_note(
      "bitsweep: search: interrupted; no study was written, the same command begins "
      "again");
  return kInterruptedCode;
}

// While it lives, Ctrl-C ends the program at once: what a search found so far is of no
// use, and a network's evaluation may take long.
class EndAtInterrupt {
 public:
  EndAtInterrupt() : watcher_([this](const std::stop_token& stop) { watch(stop); }) {}

 private:
  void watch(const std::stop_token& stop) const {
    while (!stop.stop_requested()) {
      if (signals_.arrived(/*milliseconds=*/50)) std::_Exit(tell_interrupted());
    }
  }

  InterruptSignals signals_;
  std::jthread watcher_;
};

SearchResult searched(const SearchOptions& limits,
                      const std::function<double(const PartBits&)>& accuracy_of,
                      const SearchedParts& parts, std::vector<std::string>& remarks) {
  const EndAtInterrupt at_interrupt;
  return search_bits(limits, accuracy_of, [&](const SearchStep& step) {
    remarks.push_back(step_text(step, parts));
    print_out(remarks.back() + "\n");
  });
}

int search(const Arguments& arguments, Session& session) {
  const int threads = arguments.whole_number("threads", 1, 1);
  const double margin = arguments.positive_number("margin", 2) / 100;
  const StudySpec study = checked_study(arguments, session);
  const RowSpec row = chosen_row("search", study, arguments.text("row"));
  const RunSpec& run = row.runs.front();
  refuse_without_validation(run);
  const std::string name = search_name(arguments, study, row, 100 * margin);
  const fs::path out = output_file(arguments, name + ".yaml");

  RunEnvironment environment{.methods = &session.methods,
                             .data_folders = data_folders(arguments.text("data-dir")),
                             .baseline = {}};
  environment.baseline = float_record(run, study.name, arguments, threads);
  if (!environment.baseline) return tell_interrupted();

  set_threads(threads);
  const auto every = widths(arguments.has("all-widths"));
  const SearchedParts parts = searched_parts(run, session.methods);
  const auto widths_of = [&](bool is_there, const char* parameter) {
    return is_there ? legal_widths(run.method, parameter, every, session.methods)
                    : std::vector<int>{};
  };
  const SearchOptions limits{
      .margin = margin,
      .convolution_bits = widths_of(parts.convolutions, "weight_bits"),
      .fully_connected_bits = widths_of(parts.fully_connected, "weight_bits"),
      .activation_bits = widths_of(parts.activations, "activation_bits")};
  const auto accuracy_of = [&](const PartBits& bits) {
    return session.pipeline.validate(run_with_bits(run, bits, session.methods),
                                     environment);
  };
  std::vector<std::string> remarks;
  const SearchResult found = searched(limits, accuracy_of, parts, remarks);
  if (!found.found_any()) {
    throw RunError(fmt::format(
        "search: nothing found: no width below float keeps within {} pp of the float "
        "network's {:.2f} % of {} validation images; no study was written; give a larger "
        "--margin, or another method",
        100 * margin, 100 * found.float_accuracy, run.dataset.validation));
  }

  const std::string heading = fmt::format(
      "At most {} pp below the float network's {:.2f} % of {} validation images; "
      "the last network passes.",
      100 * margin, 100 * found.float_accuracy, run.dataset.validation);
  remarks.insert(remarks.begin(), {arguments.command_line(), heading});
  write_whole_file(out, study_text(name, run, found.bits, session.methods, remarks));
  print_out(fmt::format(
      "\n{}\nchosen (bits): {}\n\n{}\nwritten: {}\nnext: bitsweep run {}\n", heading,
      chosen_text(found.bits, parts), row_text(run, found.bits, session.methods),
      out.string(), out.string()));
  return 0;
}

}  // namespace

Command search_command() {
  return {
      {.command = "search",
       .summary = "Find the narrowest widths of a network's parts within a margin.",
       .positionals = {{"STUDY", "The study's YAML file; its first seed counts."}},
       .options =
           {{.name = "margin",
             .value = "POINTS",
             .help = "Points of validation accuracy that may be lost (2)."},
            {.name = "row",
             .value = "LABEL",
             .help = "The row whose method is searched, where there are several."},
            {.name = "all-widths",
             .value = "",
             .help = "Try every width from 16 down, not 16, 8, 4, 2, 1."},
            {.name = "out",
             .value = "FILE.yaml",
             .help = "The study that is written (<study>-search-<row>-<margin>.yaml)."},
            force_option(),
            {.name = "threads", .value = "N", .help = "Threads (1)."},
            data_folder_option(),
            override_option(),
            plugin_option()}},
      search};
}

}  // namespace bitsweep

// bitsweep schemes: what libraries set when they quantize, for a row's `method: {scheme:
// NAME}`, and from which source.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/config/config_folders.h"
#include "framework/config/scheme_file.h"
#include "framework/config/yaml.h"
#include "framework/core/error.h"

namespace bitsweep {
namespace {

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The comment that a scheme begins with, up to its first full stop or colon.
std::string summary_of(const std::string& text) {
  std::string words;
  std::size_t begin = 0;
  while (text.compare(begin, 2, "# ") == 0) {
    const std::size_t end = text.find('\n', begin);
    words += (words.empty() ? "" : " ") + text.substr(begin + 2, end - begin - 2);
    if (end == std::string::npos) break;
    begin = end + 1;
  }
  return words.substr(0, words.find_first_of(":;"));
}

int list_schemes(const Arguments& arguments, Session&) {
  const ConfigFolders folders;
  const std::string id = arguments.positional(0);
  const auto known = known_schemes(folders);
  if (id.empty()) {
    std::vector<std::pair<std::string, std::string>> lines;
    for (const auto& scheme : known) {
      lines.emplace_back(scheme, summary_of(text_of(*folders.find("schemes", scheme))));
    }
    print_out(two_columns(lines));
    return 0;
  }
  const auto file = folders.find("schemes", id);
  if (!file) {
    throw ConfigError(
        fmt::format("schemes: '{}': {}", id, unknown_text("scheme", id, known)));
  }
  print_out(fmt::format("{}:\n{}", shown_path(*file), text_of(*file)));
  return 0;
}

}  // namespace

Command schemes_command() {
  return {{.command = "schemes",
           .summary = "List libraries' schemes, or show what one sets and its source.",
           .positionals = {{"NAME", "The scheme to show.", /*required=*/false}},
           .options = {}},
          list_schemes};
}

}  // namespace bitsweep

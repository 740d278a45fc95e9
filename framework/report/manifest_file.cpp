// The manifest as a text of `key: value` lines. A `row` begins a row, `run` adds a run to
// it; keys without a value are left out; `end` stands last.

#include <charconv>
#include <sstream>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/report/manifest.h"
#include "framework/results/whole_file.h"

namespace bitsweep {
namespace {

constexpr auto kKind = "bitsweep study";
constexpr auto kFirstLine = "bitsweep study 1";

// ---- The keys, named once for both directions. ----

template <class Manifest, class Visitor>
void visit_study(Manifest& study, Visitor&& visit) {
  visit("name", study.name);
  visit("title", study.title);
  visit("file", study.file);
  visit("options", study.options);
}

template <class Row, class Visitor>
void visit_row(Row& row, Visitor&& visit) {
  visit("group", row.group);
  visit("method", row.method);
  visit("plugin", row.plugin);
  visit("pruning", row.pruning);
  visit("network", row.network);
  visit("dataset", row.dataset);
  visit("weight_bits", row.weight_bits);
  visit("activation_bits", row.activation_bits);
  visit("first", row.edges.first);
  visit("last", row.edges.last);
  visit("bias", row.edges.bias);
  visit("image", row.edges.image);
  visit("training", row.training);
  visit("fine_tuning", row.fine_tuning);
  visit("published_loss", row.published.loss);
  visit("published_accuracy", row.published.accuracy);
  visit("published_baseline", row.published.baseline);
  visit("published_on", row.published.on);
  visit("published_source", row.published.source);
  visit("published_mark", row.published.mark);
  visit("published_recipe", row.published.recipe);
  visit("run", row.runs);
}

// ---- Writing ----

std::string escaped(const std::string& value) {
  std::string text;
  for (const char c : value) {
    if (c == '\n') {
      text += "\\n";
    } else if (c == '\\') {
      text += "\\\\";
    } else {
      text += c;
    }
  }
  return text;
}

struct Writer {
  std::string& text;

  void operator()(const char* key, const std::string& value) const {
    if (!value.empty()) text += fmt::format("{}: {}\n", key, escaped(value));
  }
  void operator()(const char* key, const std::optional<double>& value) const {
    if (value) text += fmt::format("{}: {}\n", key, *value);
  }
  void operator()(const char* key, const std::vector<ManifestRun>& runs) const {
    for (const auto& run : runs) {
      text += fmt::format("{}: {} {} {} {}\n", key, run.seed, run.name.digest,
                          run.name.baseline, escaped(run.name.record));
    }
  }
};

std::string text_of(const StudyManifest& manifest) {
  std::string text = fmt::format("{}\n", kFirstLine);
  const Writer write{text};
  visit_study(manifest, write);
  for (const auto& row : manifest.rows) {
    text += fmt::format("\nrow: {}\n", escaped(row.label));
    visit_row(row, write);
  }
  return text + "\nend\n";
}

// ---- Reading ----

std::string unescaped(std::string_view text) {
  std::string value;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 1 < text.size();
    value += !escape ? text[i] : text[++i] == 'n' ? '\n' : text[i];
  }
  return value;
}

/// One line's value, put where its key belongs.
struct Reader {
  std::string_view key;
  std::string_view value;
  bool& known;  // the key is one of those visited
  bool& valid;  // and the value can be read

  void operator()(const char* name, std::string& field) const {
    if (key != name) return;
    known = true;
    field = unescaped(value);
  }
  void operator()(const char* name, std::optional<double>& field) const {
    if (key != name) return;
    known = true;
    const char* end = value.data() + value.size();
    const auto result = std::from_chars(value.data(), end, field.emplace());
    valid = result.ec == std::errc{} && result.ptr == end;
  }
  void operator()(const char* name, std::vector<ManifestRun>& runs) const {
    if (key != name) return;
    known = true;
    std::istringstream words{std::string(value)};
    ManifestRun& run = runs.emplace_back();
    std::string record;
    words >> run.seed >> run.name.digest >> run.name.baseline;
    valid = words && words.get() == ' ' && std::getline(words, record);
    run.name.record = unescaped(record);
  }
};

class ManifestParser {
 public:
  explicit ManifestParser(std::string place) : place_(std::move(place)) {}

  StudyManifest parse(const std::string& text) {
    std::istringstream lines(text);
    std::string line;
    std::getline(lines, line);
    check_first(line);
    for (number_ = 2; std::getline(lines, line); ++number_) {
      if (line == "end") return std::move(manifest_);
      if (!line.empty()) take(line);
    }
    throw DataError(place_ + ": the study manifest is cut off; run the study again");
  }

 private:
  void check_first(const std::string& line) const {
    if (line == kFirstLine) return;
    if (line.starts_with(kKind)) {
      throw DataError(fmt::format(
          "{}: '{}', this program reads '{}'; use the program that wrote it, or run the "
          "study again",
          place_, line, kFirstLine));
    }
    throw DataError(place_ + ": is not a study manifest");
  }

  void take(const std::string& line) {
    const auto colon = line.find(": ");
    const std::string_view key = std::string_view(line).substr(0, colon);
    const std::string_view value =
        colon == line.npos ? "" : std::string_view(line).substr(colon + 2);
    if (key == "row") {
      manifest_.rows.emplace_back().label = unescaped(value);
      return;
    }
    bool known = false;
    bool valid = true;
    const Reader read{key, value, known, valid};
    if (manifest_.rows.empty()) {
      visit_study(manifest_, read);
    } else {
      visit_row(manifest_.rows.back(), read);
    }
    if (!known) fail(line, "is no line of a study manifest");
    if (!valid) fail(line, "has a value that cannot be read");
  }

  [[noreturn]] void fail(const std::string& line, const char* what) const {
    throw DataError(fmt::format("{}:{}: '{}' {}", place_, number_, line, what));
  }

  std::string place_;
  int number_ = 1;
  StudyManifest manifest_;
};

}  // namespace

std::filesystem::path manifest_path(const std::filesystem::path& folder) {
  return folder / "study.txt";
}

void write_manifest(const StudyManifest& manifest, const std::filesystem::path& folder) {
  write_whole_file(manifest_path(folder), text_of(manifest));
}

StudyManifest read_manifest(const std::filesystem::path& folder) {
  const auto path = manifest_path(folder);
  return ManifestParser(path.string()).parse(read_whole_file(path));
}

}  // namespace bitsweep

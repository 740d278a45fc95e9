#include "framework/app/study.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <sstream>
#include <string_view>

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/app/idle_settings.h"
#include "framework/app/questioned.h"
#include "framework/app/study_data.h"
#include "framework/config/calibration_table.h"
#include "framework/config/study_file.h"
#include "framework/config/written_row.h"
#include "framework/core/digest.h"
#include "framework/core/error.h"
#include "framework/data/dataset.h"
#include "framework/quant/method.h"
#include "framework/quant/pruning.h"

namespace bitsweep {
namespace {

std::string lost_text(const MethodEntry& entry, const std::string& what,
                      const NoAnswer& failure) {
  return fmt::format("method '{}' of {} was asked for {}: {}", entry.id, entry.origin,
                     what, failure.what());
}

class RegisteredMethods final : public MethodCatalog {
 public:
  explicit RegisteredMethods(const MethodRegistry& registry) : registry_(registry) {}

  const std::vector<FieldInfo>* fields(const std::string& id) const override {
    return registry_.contains(id) ? &registry_.at(id).fields : nullptr;
  }
  RawParams resolve(const std::string& id, const RawParams& params,
                    std::vector<ParamProblem>& problems) const override {
    const MethodEntry& entry = registry_.at(id);
    if (entry.plugin.empty()) return entry.resolve(params, problems);
    try {
      ask_in_child([&](const Tell&) -> std::string {
        std::vector<ParamProblem> unused;
        entry.resolve(params, unused);
        return "";
      });
      return entry.resolve(params, problems);
    } catch (const NoAnswer& failure) {
      problems.push_back({"id", lost_text(entry, "its parameters", failure)});
      return params;
    }
  }
  std::string plugin(const std::string& id) const override {
    return registry_.at(id).plugin;
  }
  int version(const std::string& id) const override { return registry_.at(id).version; }
  std::string unknown_message(const std::string& id) const override {
    return registry_.unknown_message(id);
  }

 private:
  const MethodRegistry& registry_;
};

constexpr std::string_view kIdle = "idle\t";

std::vector<std::string> dataset_ids() {
  std::vector<std::string> ids;
  for (const auto& info : known_datasets()) ids.push_back(info.id);
  return ids;
}

// The method of the run, or of one of its sites, that a plugin brings; null for none.
const MethodEntry* foreign_method(const RunSpec& run, const MethodRegistry& methods) {
  if (!run.method.plugin.empty()) return &methods.at(run.method.id);
  for (const auto& rule : run.sites) {
    if (!rule.method.plugin.empty()) return &methods.at(rule.method.id);
  }
  return nullptr;
}

// A line for each, as "key<tab>sentence", behind "idle<tab>" where it is of a setting
// without effect: what a child process can answer.
std::string problems_of(const RunSpec& run, const Session& session, std::size_t images) {
  std::string text;
  for (const auto& problem : session.pipeline.check(run, session.methods, images)) {
    text += fmt::format("{}{}\t{}\n", problem.is_idle ? kIdle : "", problem.key,
                        problem.text);
  }
  return text;
}

class Checks {
 public:
  Checks(const Session& session, const Tolerance& tolerance, Problems& problems)
      : session_(session), tolerance_(tolerance), problems_(problems) {}

  // Seeds change no shapes: the first run of a row stands for all. `images`: to train
  // on, 0 where that is not known.
  void check(const RowSpec& row, std::size_t images) {
    if (row.runs.empty()) return;
    const RunSpec& run = row.runs.front();
    if (!run.is_float()) ++quantized_rows_;
    check_pruning(row);
    const MethodEntry* foreign = foreign_method(run, session_.methods);
    try {
      add(row, foreign == nullptr ? problems_of(run, session_, images)
                                  : ask_in_child([&](const Tell&) {
                                      return problems_of(run, session_, images);
                                    }));
    } catch (const NoAnswer& failure) {
      const std::string why = lost_text(*foreign, "its quantizers", failure);
      if (!tolerance_.lost_rows) {
        return add_problem(problems_, *row.written, "method", why);
      }
      print_note(fmt::format("bitsweep: row '{}': {}; the row is tried and may fail",
                             row.label, why));
    }
  }

  // Behind all rows. `is_trial`: --set has changed what the study writes.
  void report(bool is_trial) {
    for (const Mistake& mistake : mistakes_) {
      const std::string sentence = mistake.sentence + of_rows(mistake);
      if (mistake.key.empty()) {
        add_placed(sentence);
      } else {
        add_problem(problems_, *mistake.written, mistake.key, sentence);
      }
    }
    for (const auto& remark : idle_.report(is_trial, problems_)) {
      print_note("bitsweep: note: " + remark);
    }
  }

  void tell(const std::vector<UnreadData>& unread) {
    bool any_told = false;
    for (const auto& data : unread) {
      const bool is_own = data.row->runs.front().dataset.is_own();
      if (tolerance_.missing_data && !is_own) {
        any_told = true;
        print_note(fmt::format("bitsweep: {}", data.why));
      } else {
        add_problem(problems_, *data.row->written, "dataset", data.why);
      }
    }
    if (any_told) {
      print_note(
          "bitsweep: without the data nothing counts as done, and what depends on it is "
          "not checked");
    }
  }

 private:
  // A mistake of one line that several rows may share.
  struct Mistake {
    std::shared_ptr<const WrittenRow> written;  // of the first of the rows
    std::string key;
    std::string sentence;
    std::vector<std::string> rows;  // but those of float
  };

  // Where a block of the study's own is a mistake in some of its rows alone.
  std::string of_rows(const Mistake& mistake) const {
    constexpr std::size_t kMostNamed = 5;
    const std::size_t rows = mistake.rows.size();
    if (rows == 0 || rows == quantized_rows_) return "";
    const std::size_t named = std::min(rows, kMostNamed);
    return fmt::format(" (row{} '{}'{})", rows == 1 ? "" : "s",
                       fmt::join(mistake.rows.begin(),
                                 mistake.rows.begin() + std::ptrdiff_t(named), "', '"),
                       named < rows ? fmt::format(" and {} more", rows - named) : "");
  }

  // A row's own block names the row by its place.
  static bool is_shared(const WrittenRow& written, const std::string& key) {
    const Node* node = written.row->find(key.substr(0, key.find('.')));
    return node != nullptr && !node->path.starts_with("rows.");
  }

  void note_mistake(const RowSpec& row, const std::string& key,
                    const std::string& sentence) {
    const bool names_row = !row.runs.front().is_float() &&
                           is_shared(*row.written, key.empty() ? "sites" : key);
    const auto known =
        std::find_if(mistakes_.begin(), mistakes_.end(), [&](const Mistake& other) {
          return names_row && !other.rows.empty() && other.key == key &&
                 other.sentence == sentence;
        });
    if (known != mistakes_.end()) {
      known->rows.push_back(row.label);
      return;
    }
    mistakes_.push_back({row.written, key, sentence, {}});
    if (names_row) mistakes_.back().rows.push_back(row.label);
  }

  // Of two places for one thing, one would go unheard.
  void check_pruning(const RowSpec& row) {
    const RunSpec& run = row.runs.front();
    const Node* method = row.written->row->find("method");
    if (!run.pruning || method == nullptr || !run.method.plugin.empty()) return;
    const auto made = session_.methods.at(run.method.id).make(run.method.params);
    const auto* prunes = dynamic_cast<const PrunesWeights*>(made.get());
    if (prunes == nullptr) return;
    for (const auto& key : prunes->pruning_keys()) {
      if (method->find(key) == nullptr) continue;
      add_problem(problems_, *row.written, "method." + key,
                  "given beside 'pruning', which takes its place; keep one of them");
    }
  }

  // "study.yaml:7: sites: ...": a sentence that begins with its place.
  void add_placed(const std::string& sentence) {
    const auto end = sentence.find(": ");
    const std::string head = sentence.substr(0, end);
    const auto colon = head.rfind(':');
    const std::string digits = colon == std::string::npos ? "" : head.substr(colon + 1);
    Place place{head, 0};
    const bool has_line = !digits.empty() && digits.size() < 9 &&
                          digits.find_first_not_of("0123456789") == std::string::npos;
    if (has_line) place = {head.substr(0, colon), std::stoi(digits)};
    problems_.add(place, "", sentence.substr(end + 2));
  }

  void add(const RowSpec& row, const std::string& text) {
    std::istringstream lines(text);
    std::map<std::string, std::string> idle;
    for (std::string line; std::getline(lines, line);) {
      const bool is_idle = line.starts_with(kIdle);
      if (is_idle) line.erase(0, kIdle.size());
      const auto tab = line.find('\t');
      const std::string key = line.substr(0, tab), sentence = line.substr(tab + 1);
      if (is_idle) {
        idle.emplace(key, sentence);
      } else {
        note_mistake(row, key, sentence);
      }
    }
    idle_.look(row, idle);
  }

  const Session& session_;
  const Tolerance& tolerance_;
  Problems& problems_;
  IdleSettings idle_;
  std::vector<Mistake> mistakes_;
  std::size_t quantized_rows_ = 0;
};

bool is_name_letter(unsigned char c) {
  return std::isalnum(c) ||
         std::string_view("._-").find(char(c)) != std::string_view::npos;
}

bool is_name_text(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_name_letter);
}

// "[1, 2]" is "1,2"; empty where it is no list of plain words.
std::string plain_list(const std::string& value) {
  if (value.size() < 2 || value.front() != '[' || value.back() != ']') return "";
  std::string list;
  std::istringstream items(value.substr(1, value.size() - 2));
  for (std::string item; std::getline(items, item, ',');) {
    const auto begin = item.find_first_not_of(' ');
    if (begin == std::string::npos) return "";
    item = item.substr(begin, item.find_last_not_of(' ') - begin + 1);
    if (!is_name_text(item)) return "";
    list += (list.empty() ? "" : ",") + item;
  }
  return list;
}

// A setting as a file name shows it, and whether no other setting is shown so, but for a
// list of one, which means the same as its word.
std::pair<std::string, bool> readable_setting(const std::string& setting) {
  const auto equals = setting.find('=');
  const std::string key = setting.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : setting.substr(equals + 1);
  const std::string list = plain_list(value);
  if (is_name_text(key) && is_name_text(value)) return {setting, true};
  if (is_name_text(key) && !list.empty()) return {key + "=" + list, true};
  std::string name;
  for (const char c : setting) {
    if (is_name_letter(static_cast<unsigned char>(c)) || c == '=') {
      name += c;
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  name.erase(name.find_last_not_of('-') + 1);
  return {name, false};
}

}  // namespace

std::filesystem::path variant_folder(const std::vector<std::string>& settings) {
  constexpr std::size_t kLongest = 80;
  std::string text;
  std::string name;
  bool is_plain = true;  // then the name tells the settings apart from all others
  for (const auto& setting : settings) {
    if (setting.starts_with("name=")) continue;  // another study, in its own folder
    const auto [part, is_whole] = readable_setting(setting);
    text += (text.empty() ? "" : "+") + setting;
    name += (name.empty() ? "" : "+") + part;
    is_plain = is_plain && is_whole;
  }
  if (text.empty()) return {};
  if (!is_plain || name.size() > kLongest || name.front() == '.') {
    name = fmt::format("{}-{}", name.substr(0, kLongest), sha256_hex(text).substr(0, 8));
  }
  return std::filesystem::path("variants") / name;
}

namespace {

void leave_out_tables(StudySpec& study) {
  for (RowSpec& row : study.rows) {
    for (RunSpec& run : row.runs) run.calibration.table.clear();
  }
}

}  // namespace

StudySpec checked_study(const Arguments& arguments, Session& session,
                        const Tolerance& tolerance) {
  load_plugins(arguments, session);
  const auto folders = data_folders(arguments.text("data-dir"));
  Problems problems;
  StudySpec study =
      read_study(arguments.positional(0), arguments.all("set"),
                 RegisteredMethods(session.methods), dataset_ids(), problems);
  if (tolerance.no_tables) leave_out_tables(study);
  Checks checks(session, tolerance, problems);
  const StudyData data = identify_data(study, folders, problems);
  for (std::size_t i = 0; i < study.rows.size(); ++i) {
    checks.check(study.rows[i], data.training_images[i]);
  }
  checks.report(/*is_trial=*/!arguments.all("set").empty());
  checks.tell(data.unread);
  problems.throw_if_any();
  for (const auto& note : study.notes) print_note("bitsweep: note: " + note);
  identify_calibration_tables(study);
  return study;
}

}  // namespace bitsweep

#include "framework/app/study.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/app/questioned.h"
#include "framework/app/study_data.h"
#include "framework/config/study_file.h"
#include "framework/core/digest.h"
#include "framework/core/error.h"
#include "framework/data/dataset.h"

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

// A sentence a line.
std::string problems_of(const RunSpec& run, const Session& session) {
  auto sentences = session.pipeline.check(run, session.methods);
  if (run.dataset.train_limit > 0) {  // else the files tell, when they are read
    const auto images = std::size_t(run.dataset.train_limit);
    for (auto& sentence : batch_problems(run, images)) {
      sentences.push_back(std::move(sentence));
    }
  }
  return fmt::format("{}", fmt::join(sentences, "\n"));
}

class Checks {
 public:
  Checks(const Session& session, LostRows lost) : session_(session), lost_(lost) {}

  // Seeds change no shapes: the first run of a row stands for all.
  void check(const RowSpec& row) {
    if (row.runs.empty()) return;
    const RunSpec& run = row.runs.front();
    const MethodEntry* foreign = foreign_method(run, session_.methods);
    try {
      add(foreign == nullptr
              ? problems_of(run, session_)
              : ask_in_child([&](const Tell&) { return problems_of(run, session_); }));
    } catch (const NoAnswer& failure) {
      const std::string sentence = fmt::format(
          "row '{}': {}", row.label, lost_text(*foreign, "its quantizers", failure));
      if (lost_ == LostRows::kRefuse) return add(sentence);
      print_note(fmt::format("bitsweep: {}; the row is tried and may fail", sentence));
    }
  }

  void throw_if_any() const {
    if (!problems_.empty())
      throw ConfigError(fmt::format("{}", fmt::join(problems_, "\n")));
  }

 private:
  void add(const std::string& problem) {
    if (!problem.empty() && seen_.insert(problem).second) problems_.push_back(problem);
  }

  const Session& session_;
  LostRows lost_;
  std::vector<std::string> problems_;
  std::set<std::string> seen_;
};

}  // namespace

std::filesystem::path variant_folder(const std::vector<std::string>& settings) {
  constexpr std::size_t kLongest = 80;
  std::string text;
  for (const auto& setting : settings) {
    if (setting.starts_with("name=")) continue;  // another study, in its own folder
    text += (text.empty() ? "" : "+") + setting;
  }
  if (text.empty()) return {};
  std::string name = text;
  std::replace_if(
      name.begin(), name.end(),
      [](unsigned char c) {
        return !std::isalnum(c) &&
               std::string_view("._=+-").find(char(c)) == std::string_view::npos;
      },
      '-');
  if (name != text || name.size() > kLongest || name.front() == '.') {
    name = fmt::format("{}-{}", name.substr(0, kLongest), sha256_hex(text).substr(0, 8));
  }
  return std::filesystem::path("variants") / name;
}

StudySpec checked_study(const Arguments& arguments, Session& session, LostRows lost) {
  load_plugins(arguments, session);
  StudySpec study = load_study(arguments.positional(0), arguments.all("set"),
                               RegisteredMethods(session.methods), dataset_ids());
  Checks checks(session, lost);
  for (const auto& row : study.rows) checks.check(row);
  checks.throw_if_any();
  return study;
}

}  // namespace bitsweep

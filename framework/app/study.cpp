#include "framework/app/study.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/app/study_data.h"
#include "framework/config/study_file.h"
#include "framework/core/digest.h"
#include "framework/core/error.h"
#include "framework/data/dataset.h"

namespace bitsweep {
namespace {

class RegisteredMethods final : public MethodCatalog {
 public:
  explicit RegisteredMethods(const MethodRegistry& registry) : registry_(registry) {}

  const std::vector<FieldInfo>* fields(const std::string& id) const override {
    return registry_.contains(id) ? &registry_.at(id).fields : nullptr;
  }
  RawParams resolve(const std::string& id, const RawParams& params,
                    std::vector<ParamProblem>& problems) const override {
    return registry_.at(id).resolve(params, problems);
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

// Seeds change no shapes: the first run of a row stands for all.
std::vector<std::string> problems_of(const StudySpec& study, const Session& session) {
  std::vector<std::string> problems;
  for (const auto& row : study.rows) {
    if (row.runs.empty()) continue;
    const RunSpec& run = row.runs.front();
    auto sentences = session.pipeline.check(run, session.methods);
    if (run.dataset.train_limit > 0) {  // else the files tell, when they are read
      const auto images = std::size_t(run.dataset.train_limit);
      for (auto& sentence : batch_problems(run, images)) {
        sentences.push_back(std::move(sentence));
      }
    }
    for (auto& sentence : sentences) {
      const bool known =
          std::find(problems.begin(), problems.end(), sentence) != problems.end();
      if (!known) problems.push_back(std::move(sentence));
    }
  }
  return problems;
}

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

StudySpec checked_study(const Arguments& arguments, Session& session) {
  load_plugins(arguments, session);
  StudySpec study = load_study(arguments.positional(0), arguments.all("set"),
                               RegisteredMethods(session.methods), dataset_ids());
  const auto problems = problems_of(study, session);
  if (!problems.empty()) throw ConfigError(fmt::format("{}", fmt::join(problems, "\n")));
  return study;
}

}  // namespace bitsweep

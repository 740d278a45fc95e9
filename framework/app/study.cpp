#include "framework/app/study.h"

#include <algorithm>

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/config/study_file.h"
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
    for (auto& sentence : session.pipeline.check(row.runs.front(), session.methods)) {
      const bool known =
          std::find(problems.begin(), problems.end(), sentence) != problems.end();
      if (!known) problems.push_back(std::move(sentence));
    }
  }
  return problems;
}

}  // namespace

StudySpec checked_study(const Arguments& arguments, Session& session) {
  load_plugins(arguments, session);
  StudySpec study = load_study(arguments.positional(0), arguments.all("set"),
                               RegisteredMethods(session.methods), dataset_ids());
  const auto problems = problems_of(study, session);
  if (!problems.empty()) throw ConfigError(fmt::format("{}", fmt::join(problems, "\n")));
  return study;
}

}  // namespace bitsweep

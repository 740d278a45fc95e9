#include "framework/app/method_words.h"

#include <fmt/format.h>

#include "framework/config/mapping_reader.h"
#include "framework/config/override.h"
#include "framework/core/error.h"

namespace bitsweep {
namespace {

RawParams raw_params(const std::vector<std::string>& settings) {
  Problems problems;
  Node root = Node::of_mapping();
  for (const auto& setting : settings) apply_override(root, setting, problems);
  RawParams raw = MappingReader(root, problems).others();
  problems.throw_if_any();
  return raw;
}

}  // namespace

MethodSpec method_from_words(const std::string& id,
                             const std::vector<std::string>& settings,
                             const MethodRegistry& methods) {
  const auto& entry = methods.at(id);
  std::vector<ParamProblem> problems;
  RawParams params = entry.resolve(raw_params(settings), problems);
  std::vector<std::string> lines;
  for (const auto& problem : problems) {
    lines.push_back(fmt::format("{}: {}: {}", id, problem.name, problem.text));
  }
  if (!lines.empty()) throw ConfigError(fmt::format("{}", fmt::join(lines, "\n")));
  return {id, std::move(params)};
}

}  // namespace bitsweep

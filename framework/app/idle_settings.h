// Settings that a study writes and no run of it has a use for.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "framework/config/problems.h"
#include "framework/config/run_spec.h"

namespace bitsweep {

/// Gathers them over the rows: lists and shared lines make rows of which some have a use
/// for what is written once. What a preset or a recipe sets, or is a default, nobody
/// wrote.
class IdleSettings {
 public:
  /// `of_methods`: what has no effect in this row's methods, with why, by its key:
  /// "method.delay", "sites.0.method.delay". Of training and pruning the row itself tells.
  void look(const RowSpec& row, const std::map<std::string, std::string>& of_methods);

  /// Adds each that has no effect in any row that it is written for. In a trial, a study
  /// that `--set` has changed, what the study itself writes is no mistake: it comes back
  /// as a remark, "study.yaml:7: method.delay: ...", as does what presets and defaults
  /// make late.
  std::vector<std::string> report(bool is_trial, Problems& problems) const;

 private:
  struct Setting {
    Node node;
    std::string why;
    bool has_effect = false;
  };
  void look_at(const Node& group, const std::string& key, const WrittenRow& written,
               const std::map<std::string, std::string>& idle);
  void look_at_value(const std::string& key, const Node& node, const WrittenRow& written,
                     const std::map<std::string, std::string>& idle);
  void remark_on_unwritten(const RowSpec& row,
                           const std::map<std::string, std::string>& idle);
  Setting& setting_of(const Node& node, const std::string& name);

  // By name and place: "study.yaml:7 delay". In the order in which they were met.
  std::vector<std::pair<std::string, Setting>> settings_;
  std::vector<std::string> remarks_;
};

}  // namespace bitsweep

// What the tests of configuration share: a folder of small files, methods that do
// nothing, and the text of what is refused.
#pragma once

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <unistd.h>

#include "framework/config/study_file.h"
#include "framework/config/training_file.h"
#include "framework/core/error.h"

namespace bitsweep::test {

/// A folder of its own, gone with the object.
class Folder {
 public:
  Folder() {
    static std::atomic<int> count = 0;
    path_ =
        std::filesystem::temp_directory_path() /
        ("bitsweep-config-" + std::to_string(getpid()) + "-" + std::to_string(count++));
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  std::filesystem::path write(const std::string& name, const std::string& text) const {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
    return file;
  }

 private:
  std::filesystem::path path_;
};

/// `text` without the folder's name, so that messages can be compared.
inline std::string without(std::string text, const std::filesystem::path& folder) {
  const std::string name = folder.string() + "/";
  for (std::size_t at = 0; (at = text.find(name)) != std::string::npos;) {
    text.erase(at, name.size());
  }
  return text;
}

/// The text of the ConfigError that `action` throws, or "" when it throws none.
template <class Action>
std::string refusal(Action&& action) {
  try {
    action();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

/// What `training: {recipe: id}` stands for. Throws ConfigError.
inline TrainingSpec load_recipe(const std::string& id,
                                const std::filesystem::path& study_file = {}) {
  Problems problems;
  Node training = Node::of_mapping();
  training.place = {"recipe", 0};
  const TrainingSpec spec = read_training(
      with_recipe(training, id, ConfigFolders(study_file), problems), problems);
  problems.throw_if_any();
  return spec;
}

struct NoParams {
  static Schema<NoParams> schema() { return {}; }
};

struct BitsParams {
  int weight_bits = 2;
  int activation_bits = 32;
  bool stochastic = false;
  static Schema<BitsParams> schema() {
    return Schema<BitsParams>{}
        .field("weight_bits", &BitsParams::weight_bits, "Bits of weights.",
               between(1, 32))
        .field("activation_bits", &BitsParams::activation_bits, "Bits of activations.",
               between(1, 32))
        .field("stochastic", &BitsParams::stochastic, "Round at random.")
        .formerly("random");
  }
};

struct RoundsParams {
  int weight_bits = 5;
  std::vector<double> shares = {0.5, 1};
  static Schema<RoundsParams> schema() {
    return Schema<RoundsParams>{}
        .field("weight_bits", &RoundsParams::weight_bits, "Bits of weights.",
               between(1, 8))
        .field("shares", &RoundsParams::shares, "Quantized after each round.");
  }
};

/// `float`, `plain` (no parameters), `bits`, `rounds` (with a list) and a plugin's
/// `foreign`.
class Methods final : public MethodCatalog {
 public:
  Methods() {
    add<NoParams>("float");
    add<NoParams>("plain");
    add<BitsParams>("bits");
    add<RoundsParams>("rounds");
    add<NoParams>("foreign");
  }

  const std::vector<FieldInfo>* fields(const std::string& id) const override {
    const auto found = fields_.find(id);
    return found == fields_.end() ? nullptr : &found->second;
  }
  RawParams resolve(const std::string& id, const RawParams& params,
                    std::vector<ParamProblem>& problems) const override {
    return resolve_.at(id)(params, problems);
  }
  int version(const std::string&) const override { return 1; }
  std::string plugin(const std::string& id) const override {
    return id == "foreign" ? "0123abc" : "";
  }
  std::string unknown_message(const std::string& id) const override {
    return "unknown method '" + id + "'";
  }

 private:
  template <class Params>
  void add(const std::string& id) {
    fields_[id] = Params::schema().fields();
    resolve_[id] = [](const RawParams& raw, std::vector<ParamProblem>& problems) {
      return Params::schema().write(Params::schema().parse(raw, problems));
    };
  }

  std::map<std::string, std::vector<FieldInfo>> fields_;
  std::map<std::string,
           std::function<RawParams(const RawParams&, std::vector<ParamProblem>&)>>
      resolve_;
};

/// The study of a file. Throws ConfigError with a line for each mistake.
inline StudySpec load_study(const std::filesystem::path& file,
                            const std::vector<std::string>& overrides,
                            const MethodCatalog& methods,
                            const std::vector<std::string>& datasets = {}) {
  Problems problems;
  StudySpec study = read_study(file, overrides, methods, datasets, problems);
  problems.throw_if_any();
  return study;
}

}  // namespace bitsweep::test

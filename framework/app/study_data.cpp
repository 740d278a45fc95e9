#include "framework/app/study_data.h"

#include <map>
#include <utility>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/data/dataset.h"

namespace bitsweep {
namespace {

std::string key_of(const DatasetSpec& dataset) {
  std::string text;
  for (const auto& [name, value] : DatasetSpec::schema().write(dataset)) {
    text += fmt::format("{}: {}\n", name, value.text());
  }
  return text;
}

struct KnownData {
  std::string checksum;
  std::size_t training_images = 0;
};

class Reader {
 public:
  explicit Reader(const std::vector<std::filesystem::path>& folders)
      : folders_(folders) {}

  const KnownData& at(const DatasetSpec& spec) {
    const std::string key = key_of(spec);
    const auto found = known_.find(key);
    if (found != known_.end()) return found->second;
    const Dataset data = load_dataset(spec, folders_);
    return known_[key] = {data.checksum, data.training.count()};
  }

 private:
  const std::vector<std::filesystem::path>& folders_;
  std::map<std::string, KnownData> known_;
};

}  // namespace

std::vector<std::string> batch_problems(const RunSpec& run, std::size_t images) {
  std::vector<std::string> problems;
  const auto look = [&](const char* key, const TrainingSpec& training) {
    if (std::size_t(training.batch_size) <= images) return;
    problems.push_back(fmt::format(
        "{}.batch_size: {} is more than the {} training images of {}; make it smaller",
        key, training.batch_size, images, run.dataset.id));
  };
  look("training", run.training);
  const bool is_its_own = run.fine_tuning && run.start == "baseline" &&
                          run.fine_tuning->batch_size != run.training.batch_size;
  if (is_its_own) look("fine_tuning", *run.fine_tuning);
  return problems;
}

void TrainingImages::set(const DatasetSpec& dataset, std::size_t count) {
  counts_[key_of(dataset)] = count;
}

std::size_t TrainingImages::of(const DatasetSpec& dataset) const {
  constexpr std::size_t kTypicalImages = 50000;
  const auto found = counts_.find(key_of(dataset));
  if (found != counts_.end()) return found->second;
  return dataset.train_limit > 0 ? std::size_t(dataset.train_limit) : kTypicalImages;
}

TrainingImages identify_data(StudySpec& study,
                             const std::vector<std::filesystem::path>& folders) {
  Reader reader(folders);
  TrainingImages images;
  for (auto& row : study.rows) {
    for (RunSpec& run : row.runs) {
      const KnownData& data = reader.at(run.dataset);
      const auto problems = batch_problems(run, data.training_images);
      if (!problems.empty()) {
        throw ConfigError(fmt::format("{}", fmt::join(problems, "\n")));
      }
      run.data_checksum = data.checksum;
      images.set(run.dataset, data.training_images);
    }
  }
  return images;
}

}  // namespace bitsweep

#include "framework/app/study_data.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "framework/config/calibration_table.h"
#include "framework/core/error.h"
#include "framework/data/dataset.h"

namespace bitsweep {
namespace {

struct KnownData {
  std::string checksum;
  std::size_t training_images = 0;
};

class Reader {
 public:
  explicit Reader(const std::vector<std::filesystem::path>& folders)
      : folders_(folders) {}

  const KnownData& at(const DatasetSpec& spec) {
    const RawParams key = DatasetSpec::schema().write(spec);
    const auto found = known_.find(key);
    if (found != known_.end()) return found->second;
    const Dataset data = load_dataset(spec, folders_);
    return known_[key] = {data.checksum, data.training.count()};
  }

 private:
  struct Order {
    bool operator()(const RawParams& a, const RawParams& b) const {
      return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                          [](const auto& x, const auto& y) {
                                            return std::pair(x.first, x.second.words) <
                                                   std::pair(y.first, y.second.words);
                                          });
    }
  };

  const std::vector<std::filesystem::path>& folders_;
  std::map<RawParams, KnownData, Order> known_;
};

}  // namespace

namespace {

// Grids are chosen on each image once.
std::vector<std::string> calibration_problems(const RunSpec& run, std::size_t images) {
  if (run.is_float() || !run.calibration.table.empty()) return {};
  const auto& training = run.fine_tuning ? *run.fine_tuning : run.training;
  const auto batch = std::size_t(training.batch_size);
  const auto wanted = std::size_t(run.calibration.images);
  if (wanted == 0) {
    const std::size_t batches = std::size_t(run.calibration_batches);
    // Where data are fewer than the default asks for, it goes over them again.
    const bool is_default = run.calibration_batches == RunSpec{}.calibration_batches;
    if (is_default || batches * batch <= images || batch > images) return {};
    return {fmt::format(
        "calibration_batches: {} batches of {} are more than the {} training images of "
        "{}; at most {} are whole",
        batches, batch, images, run.dataset.id, images / batch)};
  }
  if (wanted > images) {
    return {
        fmt::format("calibration.images: {} are more than the {} training images of {}",
                    wanted, images, run.dataset.id)};
  }
  if (wanted % batch == 0) return {};
  const std::size_t fewer = wanted / batch * batch;
  return {fmt::format(
      "calibration.images: {} are no whole number of batches of {} (batch_size); take {}",
      wanted, batch, fewer > 0 ? fewer : batch)};
}

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
  const auto more = calibration_problems(run, images);
  problems.insert(problems.end(), more.begin(), more.end());
  const bool is_its_own = run.fine_tuning && run.start == "baseline" &&
                          run.fine_tuning->batch_size != run.training.batch_size;
  if (is_its_own) look("fine_tuning", *run.fine_tuning);
  return problems;
}

void identify_data(StudySpec& study, const std::vector<std::filesystem::path>& folders) {
  identify_calibration_tables(study);
  Reader reader(folders);
  for (auto& row : study.rows) {
    for (RunSpec& run : row.runs) {
      const KnownData& data = reader.at(run.dataset);
      const auto problems = batch_problems(run, data.training_images);
      if (!problems.empty()) {
        throw ConfigError(fmt::format("{}", fmt::join(problems, "\n")));
      }
      run.data_checksum = data.checksum;
    }
  }
}

}  // namespace bitsweep

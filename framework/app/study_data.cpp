#include "framework/app/study_data.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "framework/app/check_run.h"
#include "framework/config/written_row.h"
#include "framework/core/error.h"
#include "framework/data/dataset.h"

namespace bitsweep {
namespace {

struct KnownData {
  std::string checksum;  // "" where it could not be read
  std::size_t training_images = 0;
  std::string refused;  // what is wrong with the split, a sentence a line
  std::string missing;  // what is wrong with the files
};

class Reader {
 public:
  explicit Reader(const std::vector<std::filesystem::path>& folders)
      : folders_(folders) {}

  const KnownData& at(const DatasetSpec& spec) {
    const RawParams key = DatasetSpec::schema().write(spec);
    const auto found = known_.find(key);
    if (found != known_.end()) return found->second;
    KnownData& known = known_[key];
    try {
      const Dataset data = load_dataset(spec, folders_);
      known.checksum = data.checksum;
      known.training_images = data.training.count();
    } catch (const ConfigError& error) {
      known.refused = error.what();
    } catch (const DataError& error) {
      known.missing = error.what();
    }
    return known;
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

StudyData identify_data(StudySpec& study,
                        const std::vector<std::filesystem::path>& folders,
                        Problems& problems) {
  Reader reader(folders);
  StudyData found;
  std::set<std::string> told;
  for (auto& row : study.rows) {
    std::size_t& images = found.training_images.emplace_back(0);
    for (RunSpec& run : row.runs) {
      const KnownData& data = reader.at(run.dataset);
      images = data.training_images;
      run.data_checksum = data.checksum;
      if (!data.missing.empty() && told.insert(data.missing).second) {
        found.unread.push_back({&row, data.missing});
      }
      const auto add = [&](const RunProblem& problem) {
        add_problem(problems, *row.written, problem.key, problem.text);
      };
      for (const auto& problem : keyed_problems(data.refused, "dataset")) add(problem);
      if (data.checksum.empty()) continue;
      for (const auto& problem : batch_problems(run, data.training_images)) add(problem);
    }
  }
  return found;
}

}  // namespace bitsweep

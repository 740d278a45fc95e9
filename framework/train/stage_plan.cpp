#include "framework/train/stage_plan.h"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace bitsweep {
namespace {

// Shares are sums of fractions like 1/3.

// Where one list stands.
struct Cursor {
  const std::vector<Stage>* stages;
  std::size_t next = 0;
  double left = 0;           // of the training under way
  bool is_at_begin = false;  // of a training stage

  const Stage* stage() const {
    return next < stages->size() ? &(*stages)[next] : nullptr;
  }
  bool is_at(Stage::Kind kind) const { return stage() && stage()->kind == kind; }
  void advance() {
    ++next;
    enter();
  }
  void enter() {
    is_at_begin = is_at(Stage::Kind::kTrain);
    left = is_at_begin ? stage()->share : 0;
    if (is_at_begin && left <= kSamePlace) advance();
  }
  bool trains() const {
    return std::any_of(stages->begin(), stages->end(), [](const Stage& stage) {
      return stage.kind == Stage::Kind::kTrain;
    });
  }
};

class Merger {
 public:
  explicit Merger(const std::vector<std::vector<Stage>>& lists) {
    for (const auto& list : lists) {
      cursors_.push_back({&list});
      cursors_.back().enter();
    }
  }

  std::vector<PlannedStage> merge() {
    do {
      place_stages([](const Cursor& cursor) { return cursor.trains(); });
    } while (train());
    place_stages([](const Cursor&) { return true; });
    return std::move(plan_);
  }

 private:
  // Whatever is due here and is no training.
  template <class Which>
  void place_stages(Which is_concerned) {
    do {
      for (std::size_t i = 0; i < cursors_.size(); ++i) {
        if (is_concerned(cursors_[i])) place_transforms(i);
      }
    } while (place_calibration(is_concerned));
  }

  void place_transforms(std::size_t index) {
    Cursor& cursor = cursors_[index];
    for (; cursor.stage() && !cursor.is_at(Stage::Kind::kTrain) &&
           !cursor.is_at(Stage::Kind::kCalibrate);
         cursor.advance()) {
      plan_.push_back({*cursor.stage(), {int(index)}});
    }
  }

  template <class Which>
  bool place_calibration(Which is_concerned) {
    PlannedStage common;
    for (std::size_t i = 0; i < cursors_.size(); ++i) {
      Cursor& cursor = cursors_[i];
      if (!is_concerned(cursor) || !cursor.is_at(Stage::Kind::kCalibrate)) continue;
      if (common.owners.empty()) common.stage = *cursor.stage();
      common.owners.push_back(int(i));
      cursor.advance();
    }
    if (common.owners.empty()) return false;
    plan_.push_back(std::move(common));
    return true;
  }

  // To the next place where a list has something to do; false where none trains.
  bool train() {
    double stretch = std::numeric_limits<double>::infinity();
    for (const Cursor& cursor : cursors_) {
      if (cursor.is_at(Stage::Kind::kTrain)) stretch = std::min(stretch, cursor.left);
    }
    PlannedStage common;
    for (std::size_t i = 0; i < cursors_.size(); ++i) {
      Cursor& cursor = cursors_[i];
      if (!cursor.is_at(Stage::Kind::kTrain)) continue;
      const Stage& own = *cursor.stage();
      if (common.owners.empty() || common.stage.name == Stage{}.name) common.stage = own;
      if (cursor.is_at_begin && own.restart_schedule) {
        common.restart_over = std::max(common.restart_over, own.share);
      }
      common.owners.push_back(int(i));
      cursor.left -= stretch;
      cursor.is_at_begin = false;
      if (cursor.left <= kSamePlace) cursor.advance();
    }
    if (common.owners.empty()) return false;
    common.stage.share = stretch;
    plan_.push_back(std::move(common));
    return true;
  }

  std::vector<Cursor> cursors_;
  std::vector<PlannedStage> plan_;
};

}  // namespace

std::vector<Stage> in_shares(std::vector<Stage> stages, std::int64_t steps) {
  double left = 1;
  for (Stage& stage : stages) {
    if (stage.kind != Stage::Kind::kTrain) continue;
    if (stage.steps > 0) {
      stage.share = double(stage.steps) / double(std::max(stage.steps, steps));
      stage.steps = 0;
    }
    stage.share = std::min(stage.share, std::max(0.0, left));
    left -= stage.share;
  }
  return stages;
}

std::vector<PlannedStage> merge_stages(const std::vector<std::vector<Stage>>& lists) {
  return Merger(lists).merge();
}

}  // namespace bitsweep

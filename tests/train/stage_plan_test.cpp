#include "framework/train/stage_plan.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

namespace bitsweep {
namespace {

const Stage kCalibrate{.kind = Stage::Kind::kCalibrate, .name = "calibrate"};

Stage transform(const std::string& name) {
  return {.kind = Stage::Kind::kTransform, .name = name};
}

Stage round(double share) {
  return {.name = "round", .share = share, .restart_schedule = true};
}

// "train[0 1] 0.5", with " over 0.5" where the schedule begins again.
std::vector<std::string> texts(const std::vector<std::vector<Stage>>& lists) {
  std::vector<std::string> all;
  for (const auto& [stage, owners, restart_over] : merge_stages(lists)) {
    auto text = fmt::format("{}[{}]", stage.name, fmt::join(owners, " "));
    if (stage.kind == Stage::Kind::kTrain) text += fmt::format(" {:.3g}", stage.share);
    if (restart_over > 0) text += fmt::format(" over {:.3g}", restart_over);
    all.push_back(text);
  }
  return all;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("one list of stages is followed as it is", "[stages]") {
  CHECK(texts({{kCalibrate, {}}}) == Texts{"calibrate[0]", "train[0] 1"});
  CHECK(texts({{kCalibrate, transform("half"), round(0.5), transform("most"), round(0.5),
                transform("all")}}) == Texts{"calibrate[0]", "half[0]",
                                             "round[0] 0.5 over 0.5", "most[0]",
                                             "round[0] 0.5 over 0.5", "all[0]"});
  CHECK(texts({{}}) == Texts{});
}

TEST_CASE("training is cut wherever one of the methods has something to do", "[stages]") {
  const std::vector<Stage> thirds = {kCalibrate,     transform("a"), round(1.0 / 3),
                                     transform("b"), round(1.0 / 3), transform("c"),
                                     round(1.0 / 3), transform("d")};
  const std::vector<Stage> halves = {kCalibrate,     transform("x"), round(0.5),
                                     transform("y"), round(0.5),     transform("z")};
  CHECK(texts({{kCalibrate, {}}, thirds}) ==
        Texts{"calibrate[0 1]", "a[1]", "round[0 1] 0.333 over 0.333", "b[1]",
              "round[0 1] 0.333 over 0.333", "c[1]", "round[0 1] 0.333 over 0.333",
              "d[1]"});
  CHECK(texts({thirds, halves}) ==
        Texts{"calibrate[0 1]", "a[0]", "x[1]", "round[0 1] 0.333 over 0.5", "b[0]",
              "round[0 1] 0.167 over 0.333", "y[1]", "round[0 1] 0.167 over 0.5", "c[0]",
              "round[0 1] 0.333 over 0.333", "d[0]", "z[1]"});
}

TEST_CASE("transforms at one place come in the methods' order", "[stages]") {
  CHECK(texts({{transform("a"), kCalibrate, transform("b"), {}},
               {kCalibrate, transform("c"), {}}}) ==
        Texts{"a[0]", "calibrate[0 1]", "b[0]", "c[1]", "train[0 1] 1"});
}

TEST_CASE("steps are turned into shares of what is left", "[stages]") {
  const auto in_steps = [](std::int64_t steps) {
    Stage stage;
    stage.steps = steps;
    return stage;
  };
  const std::vector<Stage> stages = {
      in_steps(30), transform("on"), in_steps(20), transform("freeze"), {}};
  const auto plan = [&](std::int64_t steps) { return texts({in_shares(stages, steps)}); };
  CHECK(plan(100) ==
        Texts{"train[0] 0.3", "on[0]", "train[0] 0.2", "freeze[0]", "train[0] 0.5"});
  CHECK(plan(40) == Texts{"train[0] 0.75", "on[0]", "train[0] 0.25", "freeze[0]"});
  CHECK(plan(30) == Texts{"train[0] 1", "on[0]", "freeze[0]"});
  CHECK(plan(10) == Texts{"train[0] 1", "on[0]", "freeze[0]"});
  // Where nothing is trained all the rest is done.
  CHECK(plan(0) == Texts{"train[0] 1", "on[0]", "freeze[0]"});
  // Shares stay as they are.
  CHECK(texts({in_shares({round(1.0 / 3), round(1.0 / 3), round(1.0 / 3)}, 7)}).size() ==
        3);
}

TEST_CASE("a method may calibrate late", "[stages]") {
  CHECK(texts({{kCalibrate, {}}, {{.share = 0.25}, kCalibrate, {.share = 0.75}}}) ==
        Texts{"calibrate[0]", "train[0 1] 0.25", "calibrate[1]", "train[0 1] 0.75"});
}

TEST_CASE("a method without training comes behind that of the others", "[stages]") {
  CHECK(texts({{kCalibrate}, {kCalibrate, {}}}) ==
        Texts{"calibrate[1]", "train[1] 1", "calibrate[0]"});
  CHECK(texts({{kCalibrate}, {kCalibrate, {.share = 0}}}) ==
        Texts{"calibrate[1]", "calibrate[0]"});
}

}  // namespace bitsweep

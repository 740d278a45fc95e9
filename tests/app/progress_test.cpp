#include <chrono>
#include <cmath>

#include <catch2/catch.hpp>

#include "framework/app/schedule/display.h"
#include "framework/app/schedule/pace.h"
#include "framework/app/schedule/progress_text.h"
#include "framework/app/schedule/time_left.h"

using namespace bitsweep;
using Catch::Matchers::Contains;
using Catch::Matchers::WithinRel;

TEST_CASE("durations read in two units at most") {
  CHECK(duration_text(0.4) == "0 s");
  CHECK(duration_text(59.4) == "59 s");
  CHECK(duration_text(59.6) == "1 min 00 s");
  CHECK(duration_text(200) == "3 min 20 s");
  CHECK(duration_text(2 * 3600 + 5 * 60 + 59) == "2 h 05 min");
  CHECK(duration_text(4 * 86400 + 3 * 3600) == "4 d 03 h");
}

TEST_CASE("a run under way is one line of the table, at most as wide") {
  const RunningView view = {
      "twn, seed 1", {"train", 41, 100, 2.4, 0.412, 0.871}, 5120, 200};
  CHECK(
      table_head(79) ==
      "run                                done  epoch  accuracy  images/s    time left");
  CHECK(
      running_line(view, 79) ==
      "twn, seed 1                        41 %    2.4   87.10 %      5120   3 min 20 s");
  CHECK(table_head(120) ==
        "run                                               done  epoch      loss  "
        "accuracy  images/s    time left  stage");
  CHECK(running_line(view, 120) ==
        "twn, seed 1                                       41 %    2.4    0.4120   "
        "87.10 %      5120   3 min 20 s  train");
  CHECK(running_line(view, 20) == "twn, seed 1   41 ...");
  CHECK(running_line({"twn, seed 1", {}}, 79) ==
        "twn, seed 1                       start");
  const auto wide = "\u03b1 row with a label that is longer than its column w2, seed 12";
  CHECK(running_line({wide, {}}, 79) == "\u03b1 row with a label t..., seed 12  start");
}

TEST_CASE("a run that is done is a line of the same table") {
  CHECK(
      done_line("twn, seed 1", {Outcome::Status::kDone, "", 0.91234, 200}, 79) ==
      "twn, seed 1                        done          91.23 %                      -");
}

TEST_CASE("100 percent is shown when all is done, not before") {
  RunObserver::Progress progress{"train", 999, 1000, 1, 0, 0};
  CHECK_THAT(running_line({"x", progress}, 79), Contains(" 99 % "));
  progress.done = 1000;
  CHECK_THAT(running_line({"x", progress}, 79), Contains(" 100 % "));
}

TEST_CASE("a pace is told once it is known, and follows what was seen last") {
  Pace pace;
  const auto begin = Pace::Clock::now();
  const auto at = [&](double seconds) {
    return begin + std::chrono::milliseconds(long(1000 * seconds));
  };
  CHECK_FALSE(pace.seconds_left());
  pace.hear({"train", 0, 1000}, at(0));
  pace.hear({"train", 1, 1000}, at(0.1));
  CHECK_FALSE(pace.seconds_left());
  pace.hear({"train", 100, 1000}, at(10));
  CHECK_THAT(pace.steps_per_second(), WithinRel(10.0, 1e-9));
  CHECK_THAT(*pace.seconds_left(), WithinRel(90.0, 1e-9));
  pace.hear({"evaluate", 0, 0}, at(11));  // counts no steps
  pace.hear({"train", 700, 1000}, at(70));
  pace.hear({"train", 701, 1000}, at(71));
  pace.hear({"train", 720, 1000}, at(90));  // slower now: 20 steps in 20 s
  CHECK_THAT(pace.steps_per_second(), WithinRel(1.0, 1e-9));
}

TEST_CASE("the batch's line tells failures and time left where there are any") {
  CHECK(batch_line({.total = 60, .done = 12, .failed = 0, .seconds = 200}) ==
        "12 of 60 runs done, 3 min 20 s so far");
  CHECK(batch_line({60, 12, 1, 200, 725}) ==
        "12 of 60 runs done, 1 failed, 3 min 20 s so far, about 12 min 05 s left");
}

TEST_CASE("an outcome is its accuracy or its failure") {
  CHECK(outcome_line("twn, seed 1", {Outcome::Status::kDone, "", 0.91234, 200}) ==
        "twn, seed 1: test accuracy 91.23 % after 3 min 20 s");
  CHECK(outcome_line("twn, seed 1", {Outcome::Status::kDone, "", std::nan(""), 2}) ==
        "twn, seed 1: done after 2 s");
  CHECK(outcome_line("twn, seed 1", {Outcome::Status::kFailed, "loss is NaN", 0, 2}) ==
        "twn, seed 1: failed: loss is NaN");
  Outcome others{Outcome::Status::kDone, "", 0.91234, 200};
  others.elsewhere = true;
  CHECK(outcome_line("twn, seed 1", others) ==
        "twn, seed 1: test accuracy 91.23 % after 3 min 20 s, by another process");
}

TEST_CASE("nothing is said of the time left before there is a speed") {
  const WorkItem items[] = {{"lenet5", 10, 0, 0}, {"lenet5", 10, 0.001, 4}};
  CHECK_FALSE(seconds_left(items, 2));
}

TEST_CASE("time left is the remaining work at its network's speed") {
  // lenet5: 12 units took 24 s, 2 s each; 8 + 20 units remain: 56 s, by two workers 28 s,
  // but the last job alone takes 40 s.
  const WorkItem items[] = {
      {"lenet5", 10, 1, 20}, {"lenet5", 10, 0.2, 4}, {"lenet5", 20, 0, 0}};
  CHECK_THAT(*seconds_left(items, 1), WithinRel(56.0, 1e-12));
  CHECK_THAT(*seconds_left(items, 2), WithinRel(40.0, 1e-12));
}

TEST_CASE("a network not yet seen is as fast as the others on the whole") {
  // 20 units in 60 s: 3 s each.
  const WorkItem items[] = {
      {"lenet5", 10, 1, 10}, {"resnet-20", 10, 1, 50}, {"alexnet", 4, 0, 0}};
  CHECK_THAT(*seconds_left(items, 1), WithinRel(12.0, 1e-12));
}

TEST_CASE("a run's work is the training it does itself") {
  // Four scores of 300 images, a third of a training step each.
  constexpr double kScores = 400;
  RunSpec spec;
  spec.dataset.train_limit = 1000;
  spec.dataset.test_limit = 300;
  spec.training.epochs = 8;
  CHECK_THAT(work_of(spec), WithinRel(8000 + kScores, 1e-12));  // the baseline
  CHECK_THAT(work_of(spec, 500), WithinRel(4000 + kScores, 1e-12));
  spec.method.id = "twn";
  CHECK_THAT(work_of(spec), WithinRel(kScores, 1e-12));  // nothing is trained
  spec.fine_tuning.emplace().epochs = 3;
  CHECK_THAT(work_of(spec), WithinRel(3000 + kScores, 1e-12));
  spec.fine_tuning->iterations = 10;
  spec.fine_tuning->batch_size = 20;
  CHECK_THAT(work_of(spec), WithinRel(200 + kScores, 1e-12));
  spec.start = "scratch";
  CHECK_THAT(work_of(spec), WithinRel(8000 + kScores, 1e-12));
}

TEST_CASE("a page takes no more lines and columns than its screen has") {
  const Screen screen{.columns = 10, .lines = 5};
  CHECK(page_of("one\ntwo\n", screen) == "\x1b[Hone\x1b[K\ntwo\x1b[K\n\x1b[J");
  CHECK(page_of("1\n2\n3\n4\n5\n6\n", screen) ==
        "\x1b[H1\x1b[K\n2\x1b[K\n3\x1b[K\nand 3 m...\x1b[K\n\x1b[J");
  CHECK(page_of("größer als alles", screen) == "\x1b[Hgrößer ...\x1b[K\n\x1b[J");
}

TEST_CASE("a stage that counts no steps leaves what was counted") {
  const RunObserver::Progress trained{"train", 90, 100, 1.8, 0.2, 0.9};
  const auto shown = shown_after(trained, {"evaluate", 0, 0, 0, 0, 0});
  CHECK(shown.stage == "evaluate");
  CHECK((shown.done == 90 && shown.total == 100));
  CHECK((shown.epoch == 1.8 && shown.accuracy == 0.9));
  CHECK(shown_after(trained, {"train", 91, 100, 1.82, 0.3, 0.8}).done == 91);
  CHECK(shown_after({}, {"calibrate", 0, 0, 0, 0, 0}).stage == "calibrate");
}

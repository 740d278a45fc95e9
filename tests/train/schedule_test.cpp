#include "framework/train/schedule.h"

#include <catch2/catch.hpp>

namespace bitsweep {
namespace {

Position at(double iteration) {
  return {.iteration = iteration, .iterations = 1000, .iterations_per_epoch = 100};
}

}  // namespace

TEST_CASE("inv is Caffe's", "[train]") {
  const ScheduleSpec inv{.id = "inv", .unit = "iteration", .gamma = 1e-4, .power = 0.75};
  CHECK(learning_rate(inv, 0.01, at(0)) == Approx(0.01));
  CHECK(learning_rate(inv, 0.01, at(1000)) == Approx(0.0093101).epsilon(1e-5));
  CHECK(learning_rate(inv, 0.01, at(5000)) == Approx(0.0073779).epsilon(1e-5));
  CHECK(learning_rate(inv, 0.01, at(10000)) == Approx(0.0059460).epsilon(1e-5));
}

TEST_CASE("step and multistep fall at whole positions of their unit", "[train]") {
  const ScheduleSpec step{.id = "step", .unit = "epoch", .gamma = 0.5, .step = 2};
  CHECK(learning_rate(step, 1, at(199)) == 1);
  CHECK(learning_rate(step, 1, at(200)) == 0.5);
  CHECK(learning_rate(step, 1, at(650)) == 0.125);
  const ScheduleSpec some{
      .id = "multistep", .unit = "iteration", .gamma = 0.1, .milestones = {10, 20}};
  CHECK(learning_rate(some, 1, at(9)) == 1);
  CHECK(learning_rate(some, 1, at(10)) == Approx(0.1));
  CHECK(learning_rate(some, 1, at(20)) == Approx(0.01));
}

TEST_CASE("cosine falls to its end, exponential an epoch at a time", "[train]") {
  const ScheduleSpec cosine{.id = "cosine", .final_learning_rate = 0.2};
  CHECK(learning_rate(cosine, 1, at(0)) == Approx(1));
  CHECK(learning_rate(cosine, 1, at(500)) == Approx(0.6));
  CHECK(learning_rate(cosine, 1, at(1000)) == Approx(0.2));
  const ScheduleSpec decay{.id = "exponential", .final_learning_rate = 0.01};
  CHECK(learning_rate(decay, 1, at(99)) == Approx(1));
  CHECK(learning_rate(decay, 1, at(500)) == Approx(0.1));
}

TEST_CASE("a warm-up rises from its first step to the schedule's rate", "[train]") {
  const ScheduleSpec warm{.id = "fixed", .unit = "iteration", .warmup = 4};
  CHECK(learning_rate(warm, 1, at(0)) == Approx(0.25));
  CHECK(learning_rate(warm, 1, at(3)) == Approx(1));
  CHECK(learning_rate(warm, 1, at(4)) == 1);
}

}  // namespace bitsweep

// The speed of training steps: the seam between the command and the network.
#pragma once

#include <cstdint>
#include <string>

#include "framework/config/model_spec.h"
#include "framework/config/run_spec.h"
#include "framework/core/tensor.h"
#include "framework/quant/registry.h"

namespace bitsweep {

struct BenchOptions {
  ModelSpec model;
  ImageShape image;  // random images of this shape
  int classes = 10;
  MethodSpec method;  // parameters resolved
  EdgesSpec edges = {};
  int batch = 100;
  int threads = 1;
  double seconds = 5;  // of measuring, after a warm-up
};

struct BenchResult {
  std::int64_t steps = 0;
  double seconds = 0;  // of all measured steps
  double median_step_ms = 0;
  double fastest_step_ms = 0;
  double images_per_second = 0;  // over all measured steps
  double peak_memory_mb = 0;
  std::string engine;  // "oneDNN 2.6.3"
  std::string cpu;
};

/// Forward, backward and optimizer steps on random images.
BenchResult bench_train(const BenchOptions& options, const MethodRegistry& methods);

}  // namespace bitsweep

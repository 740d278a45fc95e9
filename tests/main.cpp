#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include "framework/core/parallel.h"

int main(int argc, char** argv) {
  bitsweep::set_threads(2);
  return Catch::Session().run(argc, argv);
}

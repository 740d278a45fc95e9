#include "framework/app/program.h"

int main(int argc, char** argv) {
  return bitsweep::run_program(argc, argv,
                               {bitsweep::run_experiment, bitsweep::check_run,
                                bitsweep::bench_train, bitsweep::validation_accuracy});
}

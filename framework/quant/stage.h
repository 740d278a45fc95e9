// The parts of a run after the float baseline, as a method lists them.
#pragma once

#include <cstdint>
#include <string>

namespace bitsweep {

/// Some of a method's sites: weights and biases, or inputs, outputs and operands.
enum class SitePart { kAll, kParameters, kActivations };

struct Stage {
  enum class Kind {
    kCalibrate,  // quantizers look at weights and at calibration batches
    kTrain,      // a share of the fine-tuning epochs
    kTransform,  // `begin_stage` alone
    // Batch normalisation's running statistics become those of the network as it is now,
    // quantized as outside training: the mean over `batches` training batches.
    kReestimateNormalisation,
    kSwitchOff,  // the sites of `part` are in float from now on; training goes on
    kSwitchOn,   // they quantize again
    // Batch normalisation, in the whole network, goes into the weights and biases before
    // it.
    kFoldNormalisation,
    kFreezeNormalisation,  // its running statistics are constants from now on
  };
  Kind kind = Kind::kTrain;
  std::string name = "train";
  double share = 1;                // of the fine-tuning epochs, where it trains: at most
                                   // what the stages before have left
  std::int64_t steps = 0;          // of training, instead of a share; 0: the share
  bool restart_schedule = false;   // each round begins with the first learning rate again
  double portion = 0;              // of the weights, that a transform brings its sites to
  int batches = 100;               // of a re-estimation; at most an epoch's
  SitePart part = SitePart::kAll;  // of a switch
};

}  // namespace bitsweep

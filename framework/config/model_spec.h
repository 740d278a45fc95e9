// A network as its model file describes it: a list of layers, not yet checked against the
// layer table of `nn`.
#pragma once

#include <string>
#include <vector>

#include "framework/schema/schema.h"

namespace bitsweep {

/// Where a piece of configuration stands: "configs/models/lenet.yaml:7".
struct Place {
  std::string file;
  int line = 0;
  std::string text() const;
  /// "configs/models/lenet.yaml:7: ", or "" where there is no file: begins a sentence.
  std::string prefix() const { return file.empty() ? "" : text() + ": "; }
};

/// One layer: `- {name: conv1, convolution: {filters: 20, kernel: 5}}`.
struct LayerSpec {
  std::string name;  // unique in the model; "" where the model file names none
  std::string kind;  // "convolution"
  RawParams params;
  std::vector<LayerSpec> body;  // of a residual block
  Place place;
};

/// A model file with its parameters put in (`depth: 20`); expressions are evaluated.
struct ModelSpec {
  std::string id;    // as the study names it: "resnet-20"
  RawParams params;  // resolved: {depth: 20}
  std::string summary;
  std::string recipe;  // trained with, where the study names no other; may be ""
  std::vector<LayerSpec> layers;
};

}  // namespace bitsweep

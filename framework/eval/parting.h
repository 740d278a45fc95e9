// Where two ways of running a packed model part: on integers, as its file is scored, and
// in float, as in training. Both round; a value beside the boundary of two codes may then
// take either.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "framework/data/batches.h"
#include "framework/eval/packed_score.h"

namespace bitsweep {

/// Of one image that the two predict differently.
struct Parting {
  std::size_t image = 0;
  std::int32_t executed = 0, simulated = 0;  // predictions
  /// The first quantizer, in the order of execution, that gives other codes; "" where all
  /// give the same, and only the logits' rounding tells two classes apart.
  std::string site;
  std::size_t codes = 0, of_codes = 0;  // that differ there, of all
  /// Of these, the value that is farthest from a boundary; a step is the distance of the
  /// two codes' values there, or where there is no site, of the two largest logits.
  double executed_value = 0, simulated_value = 0, boundary = 0;
  double steps_to_boundary = 0;  // of the farther of the two
  int codes_apart = 0;           // the largest difference of two codes
};

/// Of the images whose predictions differ between two scores of the same images, in the
/// first of which `options` were used. Runs their batches again, on integers and in
/// float.
std::vector<Parting> find_partings(const PackedModel& model,
                                   const ExecutorOptions& options, const Batches& images,
                                   const PackedScore& executed,
                                   const PackedScore& simulated);

/// "image 17: 3 executed, 5 simulated; from conv2/input on, 1 of 800 codes, ..."
std::string parting_text(const Parting& parting);

/// A sentence a site: "conv2/input: 2 images; values at most 3e-07 steps from a
/// boundary".
std::vector<std::string> parting_summary(std::span<const Parting> partings);

}  // namespace bitsweep

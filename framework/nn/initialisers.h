// How weights begin.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "framework/core/random.h"

namespace bitsweep {

/// xavier   uniform in +-sqrt(3 / fan_in), as Caffe has it;
/// glorot   uniform in +-sqrt(6 / (fan_in + fan_out)), Glorot and Bengio, AISTATS 2010;
/// he       normal with deviation sqrt(2 / fan_in), He et al., ICCV 2015;
/// gaussian normal with the deviation given;
/// uniform  uniform in +- the deviation given.
std::vector<std::string> initialiser_names();

void initialise(const std::string& name, double deviation, int fan_in, int fan_out,
                const RandomStream& random, std::span<float> weights);

}  // namespace bitsweep

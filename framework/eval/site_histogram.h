// How the values of a site lie among the levels of its grid, as a report draws it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "framework/quant/grid.h"
#include "framework/results/record.h"

namespace bitsweep {

/// Of values `u` in front of the quantizer, in the space of its grid, and their codes.
/// Where the grid has a scale for each channel, values are told in units of it (uniform
/// grids: of codes). Bins reach over five standard deviations about the mean and no
/// further than the values; the outer ones hold what lies beyond.
SiteHistogram site_histogram(std::string site, const Grid& grid, std::span<const float> u,
                             std::span<const std::int32_t> codes);

}  // namespace bitsweep

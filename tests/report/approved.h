// Texts that were looked at and found good.
#pragma once

#include <string>

#include <catch2/catch.hpp>

#include "framework/results/whole_file.h"

namespace bitsweep::testing {

/// Checks a text against approved/<name>; what came instead stands in the build folder.
inline void check_approved(const std::string& text, const std::string& name) {
  const auto received = BITSWEEP_BINARY_DIR "/tests/report/received-" + name;
  write_whole_file(received, text);
  INFO("received " << received);
  CHECK(text == read_whole_file(BITSWEEP_SOURCE_DIR "/tests/report/approved/" + name));
}

}  // namespace bitsweep::testing

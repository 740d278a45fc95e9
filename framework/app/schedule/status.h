// How far a study is, from its folder of results alone.
#pragma once

#include <filesystem>
#include <string>

#include "framework/report/manifest.h"

namespace bitsweep {

/// What is done, under way (where, and how far), failed and why, and left to do; lines
/// are at most `width` long, but for reasons.
std::string status_text(const StudyManifest& manifest,
                        const std::filesystem::path& folder, std::size_t width);

/// Where the records of that table are: in the folder's own `runs`, or, of a variant, in
/// those of its study.
std::filesystem::path records_folder(const StudyManifest& manifest,
                                     const std::filesystem::path& folder);

}  // namespace bitsweep

// Where what a row says is written, for the mistakes that are found after reading.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/config/node.h"
#include "framework/config/problems.h"

namespace bitsweep {

/// {"method.weight_bits", "8", "4"}: what a row has otherwise than the scheme it names.
struct SchemeChange {
  std::string key;
  std::string published;
  std::string own;
  bool is_unsaid = false;  // by the scheme, for which `published` is the default
};

struct WrittenRow {
  std::shared_ptr<const Node> row;  // with the study's shared keys below its own
  std::shared_ptr<const Node> dataset;
  std::shared_ptr<const Node> network;
  std::string scheme = {};  // that the row names, or ""
  std::vector<SchemeChange> scheme_changes = {};
};

/// "tflite-qat as published: method.weight_bits=4 (scheme: 8)", or "" where the row names
/// no scheme or has all as it says.
std::string changes_text(const WrittenRow& written);

/// Whether the scheme that the row names says so, and not the study.
bool is_of_scheme(const WrittenRow& written, const Node& node);

/// Adds the mistake with the place of `key` ("training.batch_size"), or of the nearest
/// mapping around it that the study writes: a key that a recipe sets stands where the
/// network is chosen that names the recipe.
void add_problem(Problems& problems, const WrittenRow& written, const std::string& key,
                 const std::string& sentence);

}  // namespace bitsweep

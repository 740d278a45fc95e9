// The rows of a study file: what they take from the study, and what their lists stand
// for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "framework/config/config_folders.h"
#include "framework/config/mapping_reader.h"
#include "framework/config/scheme_file.h"
#include "framework/config/study_file.h"

namespace bitsweep {

struct RowHeading {
  std::string group;
  std::string label;
  static Schema<RowHeading> schema() {
    return Schema<RowHeading>{}
        .field("group", &RowHeading::group,
               "Heading under which rows are grouped in tables.")
        .field("label", &RowHeading::label, "Name of the row in tables.");
  }
};

/// A row of the file after its lists were expanded.
struct Row {
  std::shared_ptr<const Node> node;  // with the study's shared keys below its own
  std::shared_ptr<const Node> own = nullptr;  // as the file has it, unexpanded
  RowHeading heading = {};
  PublishedSpec published = {};
  std::vector<std::int64_t> seeds = {};
  Settings choices = {};
  std::shared_ptr<const Scheme> scheme;  // that the row names, or null
  bool is_sound = true;                  // nothing was wrong with it so far
};

/// More than any study that somebody reads the table of.
inline constexpr std::size_t kMostRuns = 10'000;

/// `variations`, or none and a problem where they are too many to be meant.
std::vector<Variation> expand(const Node& node, const IsAxis& is_axis,
                              Problems& problems);

/// `lenet` is short for `{id: lenet}`.
Node with_id(const Node& node);

/// The rows of `study`, or the study itself as its only row. `reader` reads `study`.
/// Schemes that rows name are looked for in `folders`.
std::vector<Row> read_rows(const Node& study, MappingReader& reader,
                           const MethodCatalog& methods, const ConfigFolders& folders,
                           Problems& problems);

}  // namespace bitsweep

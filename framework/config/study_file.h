// A study file: networks, data, methods and seeds, expanded into runs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "framework/config/problems.h"
#include "framework/config/run_spec.h"
#include "framework/schema/schema.h"

namespace bitsweep {

/// The methods, as far as reading a study needs to know them; the registry is further
/// down the flow.
class MethodCatalog {
 public:
  virtual ~MethodCatalog() = default;
  /// The method's parameters, or null when there is none of that id.
  virtual const std::vector<FieldInfo>* fields(const std::string& id) const = 0;
  /// Complete, canonical parameters of a method there is; mistakes are added to the list.
  virtual RawParams resolve(const std::string& id, const RawParams& params,
                            std::vector<ParamProblem>& problems) const = 0;
  /// The sum of the library that brings a method, as in MethodSpec.
  virtual std::string plugin(const std::string& id) const = 0;
  /// The version of its numbers, as in MethodSpec.
  virtual int version(const std::string& id) const = 0;
  /// "unknown method 'lqs'; did you mean 'lsq'? available: ...".
  virtual std::string unknown_message(const std::string& id) const = 0;
};

/// Reads `file`, applies the overrides ("training.epochs=1") in order, expands lists into
/// rows and puts a float baseline in front of the rows of each dataset and network. Every
/// mistake is added to `problems`; the study has the rows that are without. `datasets` are
/// the known ids; when there are none, ids are not checked.
StudySpec read_study(const std::filesystem::path& file,
                     const std::vector<std::string>& overrides,
                     const MethodCatalog& methods,
                     const std::vector<std::string>& datasets, Problems& problems);

}  // namespace bitsweep

#include "framework/core/shared_files.h"

#include <system_error>

namespace bitsweep {
namespace fs = std::filesystem;

fs::path shared_files() {
  std::error_code unknown;
  const fs::path program = fs::read_symlink("/proc/self/exe", unknown);
  return fs::weakly_canonical(program.parent_path().parent_path() / "share/bitsweep",
                              unknown);
}

}  // namespace bitsweep

#include "framework/app/report_files.h"

#include <fmt/format.h>

#include "framework/app/program.h"
#include "framework/results/whole_file.h"

namespace bitsweep {

std::string write_reports(const StudyReport& report,
                          const std::filesystem::path& folder) {
  std::vector<std::string> written;
  for (const auto& format : report_formats()) {
    const auto path = folder / format.file;
    write_whole_file(path, render(report, format.name));
    written.push_back(path.string());
  }
  print_note(fmt::format("written: {}", fmt::join(written, ", ")));
  return render(report, "md");
}

}  // namespace bitsweep

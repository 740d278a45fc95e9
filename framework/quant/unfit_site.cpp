#include "framework/quant/unfit_site.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace bitsweep {

UnfitSite::UnfitSite(std::string what, std::string which, std::string way_out)
    : ConfigError(fmt::format("{}: {}; {}", what, which, way_out)),
      what_(std::move(what)),
      which_(std::move(which)),
      way_out_(std::move(way_out)) {}

std::string UnfitSite::text_of(const std::vector<UnfitSite>& all) {
  struct Kind {
    const UnfitSite* first;
    std::vector<std::string> which;
  };
  std::vector<Kind> kinds;
  for (const UnfitSite& site : all) {
    auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& known) {
      return known.first->what_ == site.what_ && known.first->way_out_ == site.way_out_;
    });
    if (kind == kinds.end()) kind = kinds.insert(kind, {&site, {}});
    kind->which.push_back(site.which_);
  }
  std::vector<std::string> lines;
  for (const Kind& kind : kinds) {
    lines.push_back(fmt::format("{}: {}; {}", kind.first->what_,
                                fmt::join(kind.which, ", "), kind.first->way_out_));
  }
  return fmt::format("{}", fmt::join(lines, "\n"));
}

}  // namespace bitsweep

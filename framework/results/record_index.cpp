#include "framework/results/record_index.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>

#include "framework/core/digest.h"
#include "framework/core/error.h"
#include "framework/results/record.h"
#include "framework/results/whole_file.h"

namespace bitsweep {
namespace {

constexpr const char* kKind = "bitsweep record index 2";

// Tabs part the fields.
std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return text;
}

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream stream(line);
  for (std::string field; std::getline(stream, field, '\t');) fields.push_back(field);
  fields.resize(std::max<std::size_t>(fields.size(), 11));
  return fields;
}

RecordBrief brief_of(const RunRecord& record) {
  const auto accuracy = record.metrics.find("test_accuracy");
  return {
      .digest = record.digest,
      .status = record.status,
      .failure = record.failure,
      .has_state = record.has_state,
      .has_model = record.has_model,
      .test_accuracy = accuracy == record.metrics.end() ? std::nan("") : accuracy->second,
      .seconds = record.provenance.seconds};
}

}  // namespace

std::optional<FileStamp> stamp_of(const std::filesystem::path& file) {
  struct stat status {};
  if (stat(file.c_str(), &status) != 0) return std::nullopt;
  return FileStamp{
      status.st_ino,
      status.st_mtim.tv_sec * std::int64_t{1000000000} + status.st_mtim.tv_nsec,
      status.st_size};
}

RecordIndex::RecordIndex(std::filesystem::path file) : file_(std::move(file)) { load(); }

void RecordIndex::load() {
  std::string text;
  try {
    text = read_whole_file(file_);
  } catch (const DataError&) {
    return;
  }
  const auto head = text.find('\n', text.find('\n') + 1) + 1;  // two lines
  if (head == 0 || text.substr(0, head) != fmt::format("{}\nsha256 {}\n", kKind,
                                                       sha256_hex(text.substr(head)))) {
    return;
  }
  std::istringstream lines(text.substr(head));
  for (std::string line; std::getline(lines, line);) {
    const auto f = fields_of(line);
    entries_[f[0]] = {{std::strtoull(f[1].c_str(), nullptr, 10), std::atoll(f[2].c_str()),
                       std::atoll(f[3].c_str())},
                      {f[4], f[5], f[10], f[6] == "1", f[7] == "1",
                       std::atof(f[8].c_str()), std::atof(f[9].c_str())}};
  }
}

RecordIndex::~RecordIndex() {
  if (!is_changed_) return;
  std::string body;
  for (const auto& [name, entry] : entries_) {
    const auto& [stamp, brief] = entry;
    body += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", name, stamp.inode,
                        stamp.nanoseconds, stamp.bytes, brief.digest, brief.status,
                        brief.has_state ? 1 : 0, brief.has_model ? 1 : 0,
                        brief.test_accuracy, brief.seconds, one_line(brief.failure));
  }
  try {
    write_whole_file(file_,
                     fmt::format("{}\nsha256 {}\n{}", kKind, sha256_hex(body), body));
  } catch (const RunError&) {  // of a folder that may be read alone
  }
}

const RecordBrief& RecordIndex::at(const std::filesystem::path& record) {
  const auto stamp = stamp_of(record);
  const std::string name = record.filename().string();
  const auto found = entries_.find(name);
  if (stamp && found != entries_.end() && found->second.stamp == *stamp) {
    return found->second.brief;
  }
  const RecordBrief brief = brief_of(read_record_summary(record, SummaryDepth::kHead));
  is_changed_ = true;
  return (entries_[name] = {stamp.value_or(FileStamp{}), brief}).brief;
}

}  // namespace bitsweep

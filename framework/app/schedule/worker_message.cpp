#include "framework/app/schedule/worker_message.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include <fmt/format.h>

namespace bitsweep {
namespace {

constexpr std::string_view kMark = "bitsweep-worker";
constexpr std::string_view kForGood = "failed for good";

// Of the messages that are a text.
std::optional<WorkerMessage::Kind> kind_of(std::string_view word) {
  if (word == "warning") return WorkerMessage::Kind::kWarning;
  if (word == "failed" || word == kForGood) return WorkerMessage::Kind::kFailed;
  if (word == "disk full") return WorkerMessage::Kind::kDiskFull;
  return std::nullopt;
}

std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return text;
}

std::vector<std::string_view> split_fields(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const auto tab = line.find('\t');
    fields.push_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return fields;
    line.remove_prefix(tab + 1);
  }
}

template <class Number>
bool read(std::string_view word, Number& value) {
  const auto [stop, failure] =
      std::from_chars(word.data(), word.data() + word.size(), value);
  return failure == std::errc{} && stop == word.data() + word.size();
}

bool read_progress(const std::vector<std::string_view>& fields,
                   RunObserver::Progress& progress) {
  if (fields.size() != 8) return false;
  progress.stage = fields[2];
  return read(fields[3], progress.done) && read(fields[4], progress.total) &&
         read(fields[5], progress.epoch) && read(fields[6], progress.loss) &&
         read(fields[7], progress.accuracy);
}

}  // namespace

WorkerMessage WorkerMessage::of_progress(const RunObserver::Progress& progress) {
  WorkerMessage message;
  message.progress = progress;
  return message;
}

WorkerMessage WorkerMessage::of_warning(const std::string& text) {
  WorkerMessage message;
  message.kind = Kind::kWarning;
  message.text = text;
  return message;
}

WorkerMessage WorkerMessage::of_result(double test_accuracy) {
  WorkerMessage message;
  message.kind = Kind::kDone;
  message.test_accuracy = test_accuracy;
  return message;
}

WorkerMessage WorkerMessage::of_failure(const std::string& why, bool lasting) {
  WorkerMessage message;
  message.kind = Kind::kFailed;
  message.lasting = lasting;
  message.text = why;
  return message;
}

WorkerMessage WorkerMessage::of_full_disk(const std::string& why) {
  WorkerMessage message = of_failure(why);
  message.kind = Kind::kDiskFull;
  return message;
}

std::string to_line(const WorkerMessage& message) {
  const auto& p = message.progress;
  switch (message.kind) {
    case WorkerMessage::Kind::kProgress:
      return fmt::format("{}\tprogress\t{}\t{}\t{}\t{}\t{}\t{}\n", kMark,
                         one_line(p.stage), p.done, p.total, p.epoch, p.loss, p.accuracy);
    case WorkerMessage::Kind::kWarning:
      return fmt::format("{}\twarning\t{}\n", kMark, one_line(message.text));
    case WorkerMessage::Kind::kDone:
      return fmt::format("{}\tdone\t{}\n", kMark, message.test_accuracy);
    case WorkerMessage::Kind::kFailed:
      return fmt::format("{}\t{}\t{}\n", kMark, message.lasting ? kForGood : "failed",
                         one_line(message.text));
    case WorkerMessage::Kind::kDiskFull:
      return fmt::format("{}\tdisk full\t{}\n", kMark, one_line(message.text));
  }
  return "";
}

std::optional<WorkerMessage> from_line(std::string_view line) {
  const auto fields = split_fields(line);
  if (fields.size() < 3 || fields[0] != kMark) return std::nullopt;
  WorkerMessage message;
  if (fields[1] == "progress") {
    if (!read_progress(fields, message.progress)) return std::nullopt;
  } else if (fields[1] == "done") {
    message.kind = WorkerMessage::Kind::kDone;
    if (!read(fields[2], message.test_accuracy)) return std::nullopt;
  } else if (const auto kind = kind_of(fields[1])) {
    message.kind = *kind;
    message.lasting = fields[1] == kForGood;
    message.text = fields[2];
  } else {
    return std::nullopt;
  }
  return message;
}

}  // namespace bitsweep

#include "framework/app/schedule/progress_text.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "framework/core/counted.h"

namespace bitsweep {

namespace {

struct Cells {
  std::string label, done, epoch, loss, accuracy, speed, time, stage;
};

bool begins_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
}

// Cut, or filled up with spaces.
std::string cut(const std::string& text, std::size_t width) {
  const std::size_t characters = character_count(text);
  return characters > width ? cut_to(text, width)
                            : text + std::string(width - characters, ' ');
}

// "twn w2, seed 1" cut in its label keeps its seed.
std::string cut_label(const std::string& label, std::size_t width) {
  const auto seed = label.rfind(", seed ");
  if (label.size() <= width || seed == label.npos || label.size() - seed + 6 > width) {
    return cut(label, width);
  }
  return cut(label.substr(0, seed), width - (label.size() - seed)) + label.substr(seed);
}

std::string table_line(const Cells& cells, std::size_t width) {
  constexpr std::size_t kLongestLabel = 60;
  constexpr std::size_t kWide = 110;   // from here on loss and stage have room
  constexpr std::size_t kNarrow = 72;  // and below the label needs that of the speed
  std::string right = fmt::format("  {:>5}  {:>5}", cells.done, cells.epoch);
  if (width >= kWide) right += fmt::format("  {:>8}", cells.loss);
  right += fmt::format("  {:>8}", cells.accuracy);
  if (width >= kNarrow) right += fmt::format("  {:>8}", cells.speed);
  right += fmt::format("  {:>11}", cells.time);
  if (width >= kWide) right += fmt::format("  {:<14.14}", cells.stage);
  if (width <= right.size() + 8) return cut(cells.label + right, width);
  const std::size_t room = std::min(width - right.size(), kLongestLabel);
  std::string line = cut_label(cells.label, room) + right;
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string percent(double share) { return fmt::format("{:.2f} %", 100 * share); }

}  // namespace

std::size_t character_count(const std::string& text) {
  return std::size_t(std::count_if(text.begin(), text.end(), begins_character));
}

std::string cut_to(const std::string& text, std::size_t width) {
  if (character_count(text) <= width) return text;
  const std::size_t kept = width > 3 ? width - 3 : std::min<std::size_t>(width, 1);
  std::size_t end = 0;
  for (std::size_t seen = 0; end < text.size(); ++end) {
    seen += begins_character(text[end]);
    if (seen > kept) break;
  }
  return text.substr(0, end) + "...";
}

std::string table_head(std::size_t width) {
  return table_line(
      {"run", "done", "epoch", "loss", "accuracy", "images/s", "time left", "stage"},
      width);
}

std::string running_line(const RunningView& view, std::size_t width) {
  const auto& p = view.progress;
  Cells cells{.label = view.label, .stage = p.stage.empty() ? "starting" : p.stage};
  if (p.total > 0) {
    cells.done = fmt::format("{:.0f} %", std::floor(100 * done_share(p)));
    cells.epoch = fmt::format("{:.1f}", p.epoch);
    cells.loss = fmt::format("{:.4f}", p.loss);
    cells.accuracy = percent(p.accuracy);
  } else {
    cells.done = "start";
  }
  if (view.images_per_second > 0) {
    cells.speed = fmt::format("{:.0f}", view.images_per_second);
  }
  if (view.seconds_left) cells.time = duration_text(*view.seconds_left);
  return table_line(cells, width);
}

std::string done_line(const std::string& label, const Outcome& outcome,
                      std::size_t width) {
  Cells cells{.label = label, .done = "done"};
  if (!std::isnan(outcome.test_accuracy)) cells.accuracy = percent(outcome.test_accuracy);
  cells.time = "-";
  cells.stage =
      outcome.elsewhere ? "done by others" : "in " + duration_text(outcome.seconds);
  return table_line(cells, width);
}

std::string batch_line(const BatchView& view) {
  std::string line = fmt::format("{} of {} done", view.done, counted(view.total, "run"));
  if (view.failed > 0) line += fmt::format(", {} failed", view.failed);
  line += fmt::format(", {} so far", duration_text(view.seconds));
  if (view.seconds_left) {
    line += *view.seconds_left < 1
                ? ", nearly done"
                : fmt::format(", about {} left", duration_text(*view.seconds_left));
  }
  return line;
}

std::string outcome_line(const std::string& label, const Outcome& outcome) {
  if (outcome.status == Outcome::Status::kFailed) {
    return fmt::format("{}: failed: {}{}", label, outcome.failure,
                       outcome.elsewhere ? " (in another process)" : "");
  }
  const std::string lasted =
      duration_text(outcome.seconds) + (outcome.elsewhere ? ", by another process" : "");
  if (std::isnan(outcome.test_accuracy)) {
    return fmt::format("{}: done after {}", label, lasted);
  }
  return fmt::format("{}: test accuracy {:.2f} % after {}", label,
                     100 * outcome.test_accuracy, lasted);
}

RunObserver::Progress shown_after(const RunObserver::Progress& known,
                                  const RunObserver::Progress& now) {
  if (now.total > 0 || known.total == 0) return now;
  RunObserver::Progress shown = known;
  shown.stage = now.stage;
  return shown;
}

double done_share(const RunObserver::Progress& progress) {
  if (progress.total <= 0) return 0;
  return std::clamp(double(progress.done) / double(progress.total), 0.0, 1.0);
}

}  // namespace bitsweep

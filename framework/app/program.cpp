#include "framework/app/program.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>
#include <thread>

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/core/error.h"
#include "framework/core/memory.h"
#include "methods/builtin_methods.h"

namespace bitsweep {
namespace {

constexpr int kFailed = 1;
constexpr int kMisused = 2;

std::string general_help() {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const auto& command : commands()) {
    if (!command.hidden)
      lines.emplace_back(command.syntax.command, command.syntax.summary);
  }
  return fmt::format(
      "bitsweep trains networks under quantization methods and tells what each bit-width "
      "costs.\n\nusage: bitsweep COMMAND [ARGUMENT]... [OPTION]...\n\n{}\n"
      "`bitsweep COMMAND --help` tells more about one of them.\n",
      two_columns(lines));
}

std::vector<std::string> words_of(const std::string& name) {
  const auto space = name.find(' ');
  if (space == std::string::npos) return {name};
  return {name.substr(0, space), name.substr(space + 1)};
}

[[noreturn]] void refuse_command(const std::vector<std::string>& words) {
  std::vector<std::string> known;
  for (const auto& command : commands()) {
    if (!command.hidden) known.push_back(command.syntax.command);
  }
  std::string given = words.front();
  std::string near = nearest_word(given, known);
  for (const auto& name : known) {
    if (words_of(name).front() != words.front()) continue;  // "bench" of "bench train"
    near = name;
    if (words.size() > 1) given += ' ' + words[1];
  }
  throw ConfigError(fmt::format("unknown command '{}'; {}", given,
                                near.empty()
                                    ? fmt::format("known: {}", fmt::join(known, ", "))
                                    : fmt::format("did you mean '{}'?", near)));
}

// The command whose name the words begin with; the name is taken off.
const Command& take_command(std::vector<std::string>& words) {
  for (const auto& command : commands()) {
    const auto name = words_of(command.syntax.command);
    if (words.size() < name.size()) continue;
    if (!std::equal(name.begin(), name.end(), words.begin())) continue;
    words.erase(words.begin(), words.begin() + std::ptrdiff_t(name.size()));
    return command;
  }
  refuse_command(words);
}

// Threads beyond the cores take turns, and each step waits for the last of them.
void note_threads(const Arguments& arguments, bool runs_elsewhere) {
  const int threads = arguments.whole_number("threads", 1, 1);
  const int cores = int(std::thread::hardware_concurrency());
  constexpr int kMost = 1024;  // far above any use; thread stacks are memory
  if (threads > kMost) {
    throw ConfigError(fmt::format(
        "{}: --threads {}: expected 1 to {}; there {} here", arguments.command(), threads,
        kMost, cores == 1 ? "is 1 core" : fmt::format("are {} cores", cores)));
  }
  if (runs_elsewhere || cores == 0 || threads <= cores) return;
  print_note(fmt::format(
      "bitsweep: --threads {}: there {} here; more threads than cores "
      "are slower",
      threads, cores == 1 ? "is 1 core" : fmt::format("are {} cores", cores)));
}

int run_words(std::vector<std::string> words, const Pipeline& pipeline) {
  if (words.empty()) {
    throw ConfigError("no command given; `bitsweep --help` lists them");
  }
  if (words.front() == "--help" || words.front() == "-h" || words.front() == "help") {
    print_out(general_help());
    return 0;
  }
  if (words.front() == "--version") words.front() = "version";
  const Command& command = take_command(words);
  if (asks_for_help(words)) {
    print_out(help_text(command.syntax));
    return 0;
  }
  PluginLibraries plugins;  // outlives what was made by them
  MethodRegistry methods;
  register_builtin_methods(methods);
  Session session{pipeline, plugins, methods};
  const Arguments arguments(command.syntax, words);
  // The program's own workers need no telling.
  if (!command.hidden) note_threads(arguments, command.runs_elsewhere);
  memory_limit();  // a mistake in it is no row's
  return command.run(arguments, session);
}

// One line for each mistake: a study may have several.
int explained(int code, const std::string& why) {
  for (std::size_t begin = 0; begin <= why.size();) {
    const std::size_t end = std::min(why.find('\n', begin), why.size());
    print_note(fmt::format("bitsweep: {}", why.substr(begin, end - begin)));
    begin = end + 1;
  }
  return code;
}

// The errno of the first write to standard output that failed; 0 when all arrived.
int output_failure = 0;

void flush_output() {
  errno = 0;
  const bool arrived = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (!arrived && output_failure == 0) output_failure = errno == 0 ? EIO : errno;
}

// The exit code, changed where what was printed did not arrive: at a full disk, not at a
// reader who has seen enough.
int flushed(int code) {
  flush_output();
  if (output_failure == 0 || output_failure == EPIPE) return code;
  return explained(kFailed, fmt::format("standard output cannot be written: {}",
                                        strerror(output_failure)));
}

}  // namespace

const std::vector<Command>& commands() {
  static const std::vector<Command> table = {
      run_command(),     submit_command(),    validate_command(),    keys_command(),
      report_command(),  status_command(),    merge_command(),       rerun_command(),
      diff_command(),    clean_command(),     health_command(),      methods_command(),
      schemes_command(), models_command(),    datasets_command(),    quantize_command(),
      export_command(),  inspect_command(),   eval_command(),        check_command(),
      search_command(),  calibrate_command(), bench_train_command(), version_command(),
      worker_command()};
  return table;
}

int run_program(int argc, char** argv, const Pipeline& pipeline) {
  // A closed pipe is a failed write to be looked at, not the end of a night's training.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return flushed(run_words({argv + 1, argv + argc}, pipeline));
  } catch (const RunError& error) {
    return explained(kFailed, error.what());
  } catch (const Error& error) {
    return explained(kMisused, error.what());
  } catch (const std::bad_alloc&) {
    return explained(kFailed, "out of memory");
  } catch (const std::exception& error) {
    return explained(kFailed, fmt::format("an unexpected failure: {}", error.what()));
  }
}

void print_out(const std::string& text) {
  errno = 0;
  const bool fits = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!fits && output_failure == 0) output_failure = errno == 0 ? EIO : errno;
}

void print_note(const std::string& line) {
  flush_output();
  std::fprintf(stderr, "%s\n", line.c_str());
}

}  // namespace bitsweep

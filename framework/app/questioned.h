// Code that is not ours is asked in a process of its own: whatever it does there, this
// one goes on.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>

namespace bitsweep {

/// How a question ended that got no answer.
class NoAnswer : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Tells the asking process how far the question is; each telling starts the time anew.
using Tell = std::function<void(const std::string& step)>;

/// Calls `question` in a forked child and returns its answer. `heard` gets each step
/// told, in this process. Throws NoAnswer ("killed by signal 6 (Aborted)", "ended by
/// itself (status 0)", "threw: ...", "no answer for 60 s") when there is none; the child
/// and what it started are gone then as well. Errors of ours (ConfigError, MethodError,
/// ...) count as thrown.
std::string ask_in_child(const std::function<std::string(const Tell& tell)>& question,
                         const std::function<void(const std::string& step)>& heard = {});

/// How long a plugin may be silent, in seconds: BITSWEEP_PATIENCE, or 60.
int patience_seconds();

}  // namespace bitsweep

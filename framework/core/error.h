// What can go wrong, by whose mistake it is. Nothing below `app` prints or exits.
#pragma once

#include <stdexcept>
#include <string>

namespace bitsweep {

/// A failure whose text is fit for the user: one sentence saying where, what was found,
/// what was expected and, where there is one, the way out.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A mistake in a configuration or on the command line (exit code 2).
class ConfigError : public Error {
 public:
  using Error::Error;
};

/// A data file that is missing, truncated, corrupt or out of range (exit code 2).
class DataError : public Error {
 public:
  using Error::Error;
};

/// A plugin that cannot be loaded (exit code 2).
class PluginError : public Error {
 public:
  using Error::Error;
};

/// A run that failed on its way: a NaN, a full disk (exit code 1, recorded in the
/// result).
class RunError : public Error {
 public:
  using Error::Error;
};

/// What a method did that no quantizer may do: a grid without a step, levels out of order
/// (exit code 1). Thrown where its site is not known; the network adds it.
class MethodError : public RunError {
 public:
  using RunError::RunError;
};

/// Aborts with the caller's file and line when an invariant of ours does not hold;
/// `why` says why it must.
void ensure(bool condition, const char* why, const char* file = __builtin_FILE(),
            int line = __builtin_LINE());

/// The member of `known` nearest to `word` by edit distance, or "" when none is near:
/// for the "did you mean" of messages.
template <class Range>
std::string nearest_word(const std::string& word, const Range& known);

/// Edit distance with insertions, deletions, substitutions and swaps of neighbours.
std::size_t edit_distance(const std::string& a, const std::string& b);

template <class Range>
std::string nearest_word(const std::string& word, const Range& known) {
  std::string best;
  std::size_t best_distance = 1 + word.size() / 3;
  for (const auto& candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance <= best_distance && (best.empty() || distance < best_distance)) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace bitsweep

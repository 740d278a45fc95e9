// One declaration of each parameter: its name, default (the member's initializer), type
// (the member's), range and help give checks, error messages, help pages, docs and the
// canonical text of a run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "framework/core/sides.h"

namespace bitsweep {

/// A parameter as it is written: one word, or a list of words.
struct RawValue {
  std::vector<std::string> words;
  bool is_list = false;

  static RawValue scalar(std::string word) { return {{std::move(word)}, false}; }
  static RawValue list(std::vector<std::string> items) {
    return {std::move(items), true};
  }
  /// "4" or "[0.5, 0.75]".
  std::string text() const;
  friend bool operator==(const RawValue&, const RawValue&) = default;
};

/// Parameters by name, as written or (after `Schema::resolve`) complete and canonical.
using RawParams = std::map<std::string, RawValue>;

/// Something wrong with one parameter; `name` lets the reader of a file find its line.
struct ParamProblem {
  std::string name;
  std::string text;  // "12 is not allowed (2 to 8)"
};

/// What help, docs and did-you-mean show of a parameter.
struct FieldInfo {
  std::string name;
  std::string type;           // "int", "real", "bool", "text", "list of real"
  std::string default_value;  // canonical text
  std::string range;          // "2 to 8", "one of: filter, layer", or ""
  std::string help;
  std::vector<std::string> choices;  // all it may be, of a bool or `one_of`; else empty
  std::vector<std::string> former_names = {};  // are read, too, but not written

  bool is_list() const { return type.starts_with("list"); }
};

/// Which values a field takes; `text` is shown to the user.
template <class T>
struct Allowed {
  std::string text;
  std::function<bool(const T&)> holds;    // empty: all do
  std::vector<std::string> choices = {};  // where they are few words: all of them
};

template <class T>
struct Between {
  T low, high;
};
/// Values from `low` to `high`, both included.
template <class T>
Between<T> between(T low, T high) {
  return {low, high};
}

/// Values from `low` on; values greater than `low`. Of int, std::int64_t and double.
template <class T>
Allowed<T> at_least(T low);
template <class T>
Allowed<T> above(T low);

/// Each side from `low` to `high`, both included.
Allowed<Sides> sides_between(int low, int high);
Allowed<Padding> padding_between(int low, int high);

/// One of the words named.
struct OneOf {
  std::vector<std::string> words;
};
OneOf one_of(std::initializer_list<std::string_view> words);
inline OneOf one_of(std::vector<std::string> words) { return {std::move(words)}; }

/// The field of that name, present or former; null where there is none.
const FieldInfo* find_field(const std::vector<FieldInfo>& fields,
                            const std::string& name);

/// "unknown key; did you mean 'epochs'?", or what is known where nothing is near.
std::string unknown_text(const std::string& noun, const std::string& name,
                         const std::vector<std::string>& known);

namespace schema_detail {

template <class T>
Allowed<T> allowed(Between<T> range);  // of int, std::int64_t and double
template <class T>
Allowed<T> allowed(Allowed<T> condition) {
  return condition;
}
Allowed<std::string> allowed(OneOf choice);

/// The fields of a struct of any type: each is a member that lies `offset` bytes behind the
/// struct's beginning. Types are bool, int, std::int64_t, double, std::optional<double>,
/// std::string, std::vector of double, int or std::string, Sides (3, or [3, 1]) and Padding
/// (1; [1, 0]; [0, 1, 1, 0]: top, left, bottom, right; same).
class FieldTable {
 public:
  /// `initial` is the member's default.
  template <class T>
  void add(std::string_view name, std::ptrdiff_t offset, const T& initial,
           std::string_view help, Allowed<T> allowed);
  /// Of the field added last.
  void add_former_name(std::string_view name);

  const std::vector<FieldInfo>& infos() const { return infos_; }
  std::vector<std::string> names() const;
  void parse(void* params, const RawParams& raw,
             std::vector<ParamProblem>& problems) const;
  RawParams write(const void* params) const;

 private:
  // How a member is set (what is wrong with the value, if anything) and written.
  struct Member {
    std::function<std::optional<std::string>(void* params, const RawValue&)> set;
    std::function<RawValue(const void* params)> get;
  };

  std::vector<FieldInfo> infos_;
  std::vector<Member> members_;  // one for each of `infos_`
};

}  // namespace schema_detail

/// The fields of a parameter struct, in the order in which they are shown.
template <class Params>
class Schema {
 public:
  /// A field with any value of its type.
  template <class T>
  Schema&& field(std::string_view name, T Params::*member, std::string_view help) && {
    return std::move(*this).field(name, member, help, Allowed<T>{});
  }

  /// A field with a range: `between(2, 8)`, `one_of({...})` or an `Allowed<T>`.
  template <class T, class Range>
  Schema&& field(std::string_view name, T Params::*member, std::string_view help,
                 Range range) && {
    const T& initial = defaults_.*member;
    const auto offset = reinterpret_cast<const std::byte*>(&initial) -
                        reinterpret_cast<const std::byte*>(&defaults_);
    table_.add<T>(name, offset, initial, help, schema_detail::allowed(std::move(range)));
    return std::move(*this);
  }

  /// A name that the last field had once; what is written with it is still read.
  Schema&& formerly(std::string_view name) && {
    table_.add_former_name(name);
    return std::move(*this);
  }

  const std::vector<FieldInfo>& fields() const { return table_.infos(); }
  std::vector<std::string> names() const { return table_.names(); }

  /// The struct that `raw` describes, defaults where it is silent. Each mistake (unknown
  /// name, wrong type, out of range, a field under two names) is added to `problems`.
  Params parse(const RawParams& raw, std::vector<ParamProblem>& problems) const {
    Params params;
    table_.parse(&params, raw, problems);
    return params;
  }

  /// Every field with its canonical text: two equal structs give equal texts.
  RawParams write(const Params& params) const { return table_.write(&params); }

 private:
  Params defaults_;
  schema_detail::FieldTable table_;
};

}  // namespace bitsweep

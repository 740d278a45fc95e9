// One declaration of each parameter: its name, default (the member's initializer), type
// (the member's), range and help give checks, error messages, help pages, docs and the
// canonical text of a run.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
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

  bool is_list() const { return type.starts_with("list"); }
};

/// Which values a field takes; `text` is shown to the user.
template <class T>
struct Allowed {
  std::string text;
  std::function<bool(const T&)> holds;
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

template <class T>
Allowed<T> at_least(T low);
/// Values greater than `low`.
template <class T>
Allowed<T> above(T low);

/// Each side from `low` to `high`, both included.
Allowed<Sides> sides_between(int low, int high);
Allowed<Padding> padding_between(int low, int high);

/// One of the words named.
struct OneOf {
  std::vector<std::string> words;
};
inline OneOf one_of(std::vector<std::string> words) { return {std::move(words)}; }

/// "unknown key; did you mean 'epochs'?", or what is known where nothing is near.
std::string unknown_text(const std::string& noun, const std::string& name,
                         const std::vector<std::string>& known);

namespace schema_detail {

/// How a type is read from words and written back; `read` returns what was expected when
/// the words are not a value of the type ("a whole number").
template <class T>
struct Codec;
#define BITSWEEP_CODEC(Type)                                                  \
  template <>                                                                 \
  struct Codec<Type> {                                                        \
    static std::string type();                                                \
    static std::optional<std::string> read(const RawValue& raw, Type& value); \
    static RawValue write(const Type& value);                                 \
  };
BITSWEEP_CODEC(bool)
BITSWEEP_CODEC(int)
BITSWEEP_CODEC(std::int64_t)
BITSWEEP_CODEC(double)
BITSWEEP_CODEC(std::optional<double>)
BITSWEEP_CODEC(std::string)
BITSWEEP_CODEC(std::vector<double>)
BITSWEEP_CODEC(std::vector<int>)
BITSWEEP_CODEC(std::vector<std::string>)
BITSWEEP_CODEC(Sides)    // 3, or [3, 1]: height and width
BITSWEEP_CODEC(Padding)  // 1; [1, 0]; [0, 1, 1, 0]: top, left, bottom, right; same
#undef BITSWEEP_CODEC

template <class T>
Allowed<T> allowed(Between<T> range) {
  const auto end = [](T v) { return Codec<T>::write(v).text(); };
  return {end(range.low) + " to " + end(range.high),
          [range](const T& v) { return range.low <= v && v <= range.high; }};
}
template <class T>
Allowed<T> allowed(Allowed<T> condition) {
  return condition;
}
Allowed<std::string> allowed(OneOf choice);

/// "'yes' is not a bool", "12 is not allowed (2 to 8)".
std::string mistyped(const RawValue& raw, const std::string& expected);
std::string forbidden(const RawValue& raw, const std::string& allowed);

/// `problem` with a "did you mean" when one of `names` is near.
ParamProblem unknown_parameter(const std::string& name,
                               const std::vector<std::string>& names);

}  // namespace schema_detail

template <class T>
Allowed<T> at_least(T low) {
  return {"at least " + schema_detail::Codec<T>::write(low).text(),
          [low](const T& v) { return low <= v; }};
}
template <class T>
Allowed<T> above(T low) {
  return {"above " + schema_detail::Codec<T>::write(low).text(),
          [low](const T& v) { return low < v; }};
}

/// The fields of a parameter struct, in the order in which they are shown.
template <class Params>
class Schema {
 public:
  /// A field with any value of its type.
  template <class T>
  Schema&& field(std::string name, T Params::*member, std::string help) && {
    return std::move(*this).add(std::move(name), member, std::move(help),
                                Allowed<T>{"", [](const T&) { return true; }, few<T>()});
  }

  /// A field with a range: `between(2, 8)`, `one_of({...})` or an `Allowed<T>`.
  template <class T, class Range>
  Schema&& field(std::string name, T Params::*member, std::string help, Range range) && {
    return std::move(*this).add(std::move(name), member, std::move(help),
                                Allowed<T>(schema_detail::allowed(std::move(range))));
  }

  const std::vector<FieldInfo>& fields() const { return infos_; }

  /// The struct that `raw` describes, defaults where it is silent. Each mistake (unknown
  /// name, wrong type, out of range) is added to `problems`.
  Params parse(const RawParams& raw, std::vector<ParamProblem>& problems) const {
    Params params;
    for (const auto& [name, value] : raw) {
      const auto setter = setters_.find(name);
      if (setter == setters_.end()) {
        problems.push_back(schema_detail::unknown_parameter(name, names()));
      } else if (auto problem = setter->second.set(params, value)) {
        problems.push_back({name, std::move(*problem)});
      }
    }
    return params;
  }

  /// Every field with its canonical text: two equal structs give equal texts.
  RawParams write(const Params& params) const {
    RawParams raw;
    for (const auto& [name, accessor] : setters_) raw[name] = accessor.get(params);
    return raw;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& info : infos_) names.push_back(info.name);
    return names;
  }

 private:
  struct Accessor {
    std::function<std::optional<std::string>(Params&, const RawValue&)> set;
    std::function<RawValue(const Params&)> get;
  };

  template <class T>
  static std::vector<std::string> few() {
    if constexpr (std::is_same_v<T, bool>) return {"true", "false"};
    return {};
  }

  template <class T>
  Schema&& add(std::string name, T Params::*member, std::string help,
               Allowed<T> condition) && {
    using Codec = schema_detail::Codec<T>;
    infos_.push_back({name, Codec::type(), Codec::write(Params{}.*member).text(),
                      condition.text, std::move(help), condition.choices});
    setters_[name] = {
        [member, condition](Params& params,
                            const RawValue& raw) -> std::optional<std::string> {
          T value{};
          if (auto expected = Codec::read(raw, value)) {
            return schema_detail::mistyped(raw, *expected);
          }
          if (!condition.holds(value)) {
            return schema_detail::forbidden(raw, condition.text);
          }
          params.*member = std::move(value);
          return std::nullopt;
        },
        [member](const Params& params) { return Codec::write(params.*member); }};
    return std::move(*this);
  }

  std::vector<FieldInfo> infos_;
  std::map<std::string, Accessor> setters_;
};

}  // namespace bitsweep

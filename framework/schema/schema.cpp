#include "framework/schema/schema.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>

#include <fmt/format.h>

#include "framework/core/error.h"

namespace bitsweep {

std::string RawValue::text() const {
  if (!is_list) return words.empty() ? "" : words.front();
  return fmt::format("[{}]", fmt::join(words, ", "));
}

namespace schema_detail {
namespace {

// What is the matter with the word, if anything: no number, or one out of range.
template <class Number>
std::errc try_number(const std::string& word, Number& value) {
  const char* begin = word.data() + (word.size() > 1 && word.front() == '+');
  const char* end = word.data() + word.size();
  const auto [stop, failure] = std::from_chars(begin, end, value);
  return stop == end && !word.empty() ? failure : std::errc::invalid_argument;
}

template <class Number>
bool read_number(const std::string& word, Number& value) {
  return try_number(word, value) == std::errc{};
}

template <class Whole>
std::optional<std::string> read_whole(const RawValue& raw, Whole& value) {
  const auto failure =
      raw.is_list ? std::errc::invalid_argument : try_number(raw.text(), value);
  if (failure == std::errc{}) return std::nullopt;
  if (failure != std::errc::result_out_of_range) return "a whole number";
  using Limits = std::numeric_limits<Whole>;
  return raw.text().front() == '-'
             ? fmt::format("a whole number of at least {}", Limits::min())
             : fmt::format("a whole number of at most {}", Limits::max());
}

bool read_word(const std::string& word, int& value) { return read_number(word, value); }
bool read_word(const std::string& word, double& value) {
  return read_number(word, value) && std::isfinite(value);
}
bool read_word(const std::string& word, std::string& value) {
  value = word;
  return true;
}

// A list takes a single word for a list of one.
template <class T>
bool read_list(const RawValue& raw, std::vector<T>& values) {
  values.resize(raw.words.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!read_word(raw.words[i], values[i])) return false;
  }
  return true;
}

template <class T>
RawValue write_list(const std::vector<T>& values) {
  std::vector<std::string> words;
  for (const auto& value : values) words.push_back(fmt::format("{}", value));
  return RawValue::list(std::move(words));
}

// How a type is read from words and written back; `read` returns what was expected when
// the words are not a value of the type ("a whole number").
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

std::string Codec<bool>::type() { return "bool"; }
std::optional<std::string> Codec<bool>::read(const RawValue& raw, bool& value) {
  if (raw.is_list || (raw.text() != "true" && raw.text() != "false")) {
    return "a bool (true or false)";
  }
  value = raw.text() == "true";
  return std::nullopt;
}
RawValue Codec<bool>::write(const bool& value) {
  return RawValue::scalar(value ? "true" : "false");
}

std::string Codec<int>::type() { return "int"; }
std::optional<std::string> Codec<int>::read(const RawValue& raw, int& value) {
  return read_whole(raw, value);
}
RawValue Codec<int>::write(const int& value) {
  return RawValue::scalar(fmt::format("{}", value));
}

std::string Codec<std::int64_t>::type() { return "int"; }
std::optional<std::string> Codec<std::int64_t>::read(const RawValue& raw,
                                                     std::int64_t& value) {
  return read_whole(raw, value);
}
RawValue Codec<std::int64_t>::write(const std::int64_t& value) {
  return RawValue::scalar(fmt::format("{}", value));
}

std::string Codec<double>::type() { return "real"; }
std::optional<std::string> Codec<double>::read(const RawValue& raw, double& value) {
  if (raw.is_list || !read_word(raw.text(), value)) return "a number";
  return std::nullopt;
}
RawValue Codec<double>::write(const double& value) {
  return RawValue::scalar(fmt::format("{}", value));
}

std::string Codec<std::optional<double>>::type() { return "real"; }
std::optional<std::string> Codec<std::optional<double>>::read(
    const RawValue& raw, std::optional<double>& value) {
  double number = 0;
  if (auto expected = Codec<double>::read(raw, number)) return expected;
  value = number;
  return std::nullopt;
}
RawValue Codec<std::optional<double>>::write(const std::optional<double>& value) {
  return value ? Codec<double>::write(*value) : RawValue::scalar("");
}

std::string Codec<std::string>::type() { return "text"; }
std::optional<std::string> Codec<std::string>::read(const RawValue& raw,
                                                    std::string& value) {
  if (raw.is_list) return "a single word";
  value = raw.text();
  return std::nullopt;
}
RawValue Codec<std::string>::write(const std::string& value) {
  return RawValue::scalar(value);
}

std::string Codec<std::vector<double>>::type() { return "list of real"; }
std::optional<std::string> Codec<std::vector<double>>::read(const RawValue& raw,
                                                            std::vector<double>& value) {
  if (!read_list(raw, value)) return "a list of numbers";
  return std::nullopt;
}
RawValue Codec<std::vector<double>>::write(const std::vector<double>& value) {
  return write_list(value);
}

std::string Codec<std::vector<int>>::type() { return "list of int"; }
std::optional<std::string> Codec<std::vector<int>>::read(const RawValue& raw,
                                                         std::vector<int>& value) {
  if (read_list(raw, value)) return std::nullopt;
  const auto is_too_long = [](const std::string& word) {
    int number = 0;
    return try_number(word, number) == std::errc::result_out_of_range;
  };
  if (std::none_of(raw.words.begin(), raw.words.end(), is_too_long)) {
    return "a list of whole numbers";
  }
  using Limits = std::numeric_limits<int>;
  return fmt::format("a list of whole numbers from {} to {}", Limits::min(),
                     Limits::max());
}
RawValue Codec<std::vector<int>>::write(const std::vector<int>& value) {
  return write_list(value);
}

std::string Codec<std::vector<std::string>>::type() { return "list of text"; }
std::optional<std::string> Codec<std::vector<std::string>>::read(
    const RawValue& raw, std::vector<std::string>& value) {
  if (!read_list(raw, value)) return "a list of words";
  return std::nullopt;
}
RawValue Codec<std::vector<std::string>>::write(const std::vector<std::string>& value) {
  return write_list(value);
}

std::string Codec<Sides>::type() { return "int or [height, width]"; }
std::optional<std::string> Codec<Sides>::read(const RawValue& raw, Sides& value) {
  std::vector<int> sides;
  if (!read_list(raw, sides) || sides.size() != (raw.is_list ? 2 : 1)) {
    return "a whole number, or two: [height, width]";
  }
  value = {sides.front(), sides.back()};
  return std::nullopt;
}
RawValue Codec<Sides>::write(const Sides& value) {
  if (value == Sides(value.height)) return Codec<int>::write(value.height);
  return write_list(std::vector<int>{value.height, value.width});
}

std::string Codec<Padding>::type() {
  return "int, [height, width], [top, left, bottom, right] or same";
}
std::optional<std::string> Codec<Padding>::read(const RawValue& raw, Padding& value) {
  if (!raw.is_list && raw.text() == "same") {
    value = Padding::same();
    return std::nullopt;
  }
  std::vector<int> sides;
  const bool is_read = read_list(raw, sides);
  if (is_read && !raw.is_list && sides.size() == 1) {
    value = sides.front();
  } else if (is_read && raw.is_list && sides.size() == 2) {
    value = Border(sides[0], sides[1], sides[0], sides[1]);
  } else if (is_read && raw.is_list && sides.size() == 4) {
    value = Border(sides[0], sides[1], sides[2], sides[3]);
  } else {
    return "a whole number, [height, width], [top, left, bottom, right] or same";
  }
  return std::nullopt;
}
RawValue Codec<Padding>::write(const Padding& value) {
  const Border& b = value.border;
  if (value.is_same) return RawValue::scalar("same");
  if (b == Border(b.top)) return Codec<int>::write(b.top);
  if (b.top == b.bottom && b.left == b.right) {
    return write_list(std::vector<int>{b.top, b.left});
  }
  return write_list(std::vector<int>{b.top, b.left, b.bottom, b.right});
}

// "'yes' is not a bool", "12 is not allowed (2 to 8)".
std::string mistyped(const RawValue& raw, const std::string& expected) {
  return fmt::format("'{}' is not {}", raw.text(), expected);
}

std::string forbidden(const RawValue& raw, const std::string& allowed) {
  return fmt::format("{} is not allowed ({})", raw.text(), allowed);
}

// A "did you mean" when one of `names` is near.
ParamProblem unknown_parameter(const std::string& name,
                               const std::vector<std::string>& names) {
  return {name, unknown_text("parameter", name, names)};
}

ParamProblem named_twice(const std::string& former, const std::string& name) {
  return {former, fmt::format("is the former name of '{}', which is given too; write "
                              "'{}' alone",
                              name, name)};
}

}  // namespace

template <class T>
Allowed<T> allowed(Between<T> range) {
  const auto end = [](T v) { return Codec<T>::write(v).text(); };
  return {end(range.low) + " to " + end(range.high),
          [range](const T& v) { return range.low <= v && v <= range.high; }};
}
template Allowed<int> allowed(Between<int>);
template Allowed<std::int64_t> allowed(Between<std::int64_t>);
template Allowed<double> allowed(Between<double>);

Allowed<std::string> allowed(OneOf choice) {
  const auto text = fmt::format("one of: {}", fmt::join(choice.words, ", "));
  return {text,
          [words = choice.words](const std::string& v) {
            return std::find(words.begin(), words.end(), v) != words.end();
          },
          choice.words};
}

template <class T>
void FieldTable::add(std::string_view name, std::ptrdiff_t offset, const T& initial,
                     std::string_view help, Allowed<T> allowed) {
  if constexpr (std::is_same_v<T, bool>) allowed.choices = {"true", "false"};
  infos_.push_back({std::string(name), Codec<T>::type(), Codec<T>::write(initial).text(),
                    allowed.text, std::string(help), allowed.choices});
  const auto set = [offset, allowed](void* params,
                                     const RawValue& raw) -> std::optional<std::string> {
    T value{};
    if (auto expected = Codec<T>::read(raw, value)) return mistyped(raw, *expected);
    if (allowed.holds && !allowed.holds(value)) return forbidden(raw, allowed.text);
    *reinterpret_cast<T*>(static_cast<std::byte*>(params) + offset) = std::move(value);
    return std::nullopt;
  };
  const auto get = [offset](const void* params) {
    const auto* bytes = static_cast<const std::byte*>(params);
    return Codec<T>::write(*reinterpret_cast<const T*>(bytes + offset));
  };
  members_.push_back({set, get});
}

#define BITSWEEP_FIELD_TYPE(Type)                                                    \
  template void FieldTable::add<Type>(std::string_view, std::ptrdiff_t, const Type&, \
                                      std::string_view, Allowed<Type>);
BITSWEEP_FIELD_TYPE(bool)
BITSWEEP_FIELD_TYPE(int)
BITSWEEP_FIELD_TYPE(std::int64_t)
BITSWEEP_FIELD_TYPE(double)
BITSWEEP_FIELD_TYPE(std::optional<double>)
BITSWEEP_FIELD_TYPE(std::string)
BITSWEEP_FIELD_TYPE(std::vector<double>)
BITSWEEP_FIELD_TYPE(std::vector<int>)
BITSWEEP_FIELD_TYPE(std::vector<std::string>)
BITSWEEP_FIELD_TYPE(Sides)
BITSWEEP_FIELD_TYPE(Padding)
#undef BITSWEEP_FIELD_TYPE

void FieldTable::add_former_name(std::string_view name) {
  infos_.back().former_names.emplace_back(name);
}

std::vector<std::string> FieldTable::names() const {
  std::vector<std::string> names;
  for (const auto& info : infos_) names.push_back(info.name);
  return names;
}

void FieldTable::parse(void* params, const RawParams& raw,
                       std::vector<ParamProblem>& problems) const {
  for (const auto& [name, value] : raw) {
    const FieldInfo* field = find_field(infos_, name);
    if (field == nullptr) {
      problems.push_back(unknown_parameter(name, names()));
    } else if (field->name != name && raw.contains(field->name)) {
      problems.push_back(named_twice(name, field->name));
    } else if (auto problem =
                   members_[std::size_t(field - infos_.data())].set(params, value)) {
      problems.push_back({name, std::move(*problem)});
    }
  }
}

RawParams FieldTable::write(const void* params) const {
  RawParams raw;
  for (std::size_t i = 0; i < infos_.size(); ++i) {
    raw[infos_[i].name] = members_[i].get(params);
  }
  return raw;
}

}  // namespace schema_detail

template <class T>
Allowed<T> at_least(T low) {
  return {"at least " + schema_detail::Codec<T>::write(low).text(),
          [low](const T& v) { return low <= v; }};
}
template Allowed<int> at_least(int);
template Allowed<std::int64_t> at_least(std::int64_t);
template Allowed<double> at_least(double);

template <class T>
Allowed<T> above(T low) {
  return {"above " + schema_detail::Codec<T>::write(low).text(),
          [low](const T& v) { return low < v; }};
}
template Allowed<int> above(int);
template Allowed<std::int64_t> above(std::int64_t);
template Allowed<double> above(double);

OneOf one_of(std::initializer_list<std::string_view> words) {
  return {std::vector<std::string>(words.begin(), words.end())};
}

Allowed<Sides> sides_between(int low, int high) {
  return {fmt::format("{} to {}", low, high),
          [=](const Sides& v) { return low <= v.least() && v.most() <= high; }};
}

Allowed<Padding> padding_between(int low, int high) {
  return {fmt::format("{} to {}", low, high), [=](const Padding& v) {
            return low <= v.border.least() && v.border.most() <= high;
          }};
}

const FieldInfo* find_field(const std::vector<FieldInfo>& fields,
                            const std::string& name) {
  const auto found = std::ranges::find_if(fields, [&](const FieldInfo& field) {
    return field.name == name || std::ranges::count(field.former_names, name) > 0;
  });
  return found == fields.end() ? nullptr : &*found;
}

std::string unknown_text(const std::string& noun, const std::string& name,
                         const std::vector<std::string>& known) {
  const std::string near = nearest_word(name, known);
  if (!near.empty()) return fmt::format("unknown {}; did you mean '{}'?", noun, near);
  if (known.empty()) return fmt::format("unknown {}; there are none here", noun);
  return fmt::format("unknown {}; known: {}", noun, fmt::join(known, ", "));
}

}  // namespace bitsweep

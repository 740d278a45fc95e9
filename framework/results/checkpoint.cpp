// Checkpoints: behind the seal one value after the other, the head's first. A value is its
// kind (a letter), the length of its name (32 bits) and the name, the number of its
// elements (64 bits) and these, as they lie in memory; a text is its length (32 bits) and
// its bytes. Only the build that wrote a checkpoint goes on from it.

#include "framework/results/checkpoint.h"

#include <cstring>
#include <fstream>
#include <set>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/results/provenance_fields.h"
#include "framework/results/sealed_file.h"

namespace bitsweep {
namespace {

constexpr std::int64_t kCheckpointFormat = 2;
constexpr SealKind kCheckpoint = {.what = "checkpoint"};
constexpr std::string_view kEnding = ".checkpoint";
constexpr std::string_view kHead =
    "checkpoint/";  // before the names of the head's values

template <class T>
constexpr char kLetter = 0;
template <>
constexpr char kLetter<float> = 'f';
template <>
constexpr char kLetter<double> = 'd';
template <>
constexpr char kLetter<std::int8_t> = 'b';
template <>
constexpr char kLetter<std::int64_t> = 'i';
template <>
constexpr char kLetter<std::string> = 't';

template <class T>
std::string_view bytes_of(const T* values, std::size_t count) {
  return {reinterpret_cast<const char*>(values), count * sizeof(T)};
}

// The fields of a head, named once for both directions: `visit` takes texts, whole
// numbers and floating-point ones.
template <class Head, class Visit>
void visit_head(Head& head, Visit visit) {
  visit("digest", head.digest);
  visit("build", head.build);
  hdf5_image::visit_provenance(head.provenance, visit);
  visit("continued", head.provenance.continued);
}

// ---- Writing ----

class ValueWriter final : public SavedStateVisitor {
 public:
  explicit ValueWriter(SealedWriter& file) : file_(file) {}

  void values(const std::string& name, std::vector<float>& list) override {
    numbers(name, list.data(), list.size());
  }
  void values(const std::string& name, std::vector<double>& list) override {
    numbers(name, list.data(), list.size());
  }
  void values(const std::string& name, std::vector<std::int8_t>& list) override {
    numbers(name, list.data(), list.size());
  }
  void values(const std::string& name, std::vector<std::int64_t>& list) override {
    numbers(name, list.data(), list.size());
  }
  void values(const std::string& name, std::vector<std::string>& list) override {
    begin(kLetter<std::string>, name, list.size());
    for (const auto& text : list) put_text(text);
  }
  void tensor(const std::string& name, std::span<float> values) override {
    numbers(name, values.data(), values.size());
  }

 private:
  template <class T>
  void numbers(const std::string& name, const T* values, std::size_t count) {
    begin(kLetter<T>, name, count);
    file_.append(bytes_of(values, count));
  }
  void begin(char letter, const std::string& name, std::uint64_t count) {
    ensure(names_.insert(name).second, "names of a state are unique");
    file_.append(bytes_of(&letter, 1));
    put_text(name);
    file_.append(bytes_of(&count, 1));
  }
  void put_text(const std::string& text) {
    const auto size = std::uint32_t(text.size());
    file_.append(bytes_of(&size, 1));
    file_.append(text);
  }

  SealedWriter& file_;
  std::set<std::string> names_;
};

// ---- Reading ----

class ValueReader {
 public:
  ValueReader(const std::filesystem::path& path, std::size_t bytes)
      : file_(path, std::ios::binary), left_(bytes) {
    file_.seekg(std::streamoff(kSealSize));
  }

  bool is_at_end() const { return left_ == 0; }

  std::pair<std::string, StateValue> next() {
    const char letter = number<char>();
    std::string name = text();
    const auto count = number<std::uint64_t>();
    switch (letter) {
      case kLetter<float>:
        return {std::move(name), numbers<float>(count)};
      case kLetter<double>:
        return {std::move(name), numbers<double>(count)};
      case kLetter<std::int8_t>:
        return {std::move(name), numbers<std::int8_t>(count)};
      case kLetter<std::int64_t>:
        return {std::move(name), numbers<std::int64_t>(count)};
      case kLetter<std::string>: {
        std::vector<std::string> texts;
        for (std::uint64_t i = 0; i < count; ++i) texts.push_back(text());
        return {std::move(name), std::move(texts)};
      }
      default:
        refuse();
    }
  }

 private:
  [[noreturn]] static void refuse() { throw DataError("is no readable checkpoint"); }

  void read(char* to, std::size_t size) {
    if (size > left_ || !file_.read(to, std::streamsize(size))) refuse();
    left_ -= size;
  }
  template <class T>
  T number() {
    T value{};
    read(reinterpret_cast<char*>(&value), sizeof value);
    return value;
  }
  std::string text() {
    const auto size = number<std::uint32_t>();
    if (size > left_) refuse();
    std::string text(size, '\0');
    read(text.data(), size);
    return text;
  }
  template <class T>
  std::vector<T> numbers(std::uint64_t count) {
    if (count > left_ / sizeof(T)) refuse();
    std::vector<T> values(count);
    read(reinterpret_cast<char*>(values.data()), count * sizeof(T));
    return values;
  }

  std::ifstream file_;
  std::size_t left_;
};

// Takes the head's values out of those that were read.
class HeadTaker {
 public:
  explicit HeadTaker(SavedState& state) : state_(state) {}

  void operator()(const char* name, std::string& text) const {
    text = take<std::vector<std::string>>(name).at(0);
  }
  void operator()(const char* name, int& value) const {
    value = int(take<std::vector<std::int64_t>>(name).at(0));
  }
  void operator()(const char* name, std::int64_t& value) const {
    value = take<std::vector<std::int64_t>>(name).at(0);
  }
  void operator()(const char* name, double& value) const {
    value = take<std::vector<double>>(name).at(0);
  }

 private:
  template <class List>
  List take(const char* name) const {
    auto node = state_.extract(std::string(kHead) + name);
    auto* const list = node.empty() ? nullptr : std::get_if<List>(&node.mapped());
    if (list == nullptr || list->empty()) {
      throw DataError(fmt::format("has no '{}' where checkpoints have one", name));
    }
    return std::move(*list);
  }

  SavedState& state_;
};

Checkpoint read_checkpoint_file(const std::filesystem::path& path) {
  ValueReader reader(path, check_sealed(path, kCheckpoint));
  SavedState values;
  while (!reader.is_at_end()) values.insert(reader.next());
  const HeadTaker take(values);
  std::int64_t version = 0;
  take("format_version", version);
  if (version != kCheckpointFormat) {
    throw DataError(fmt::format("a checkpoint of format {}, this program reads {}",
                                version, kCheckpointFormat));
  }
  Checkpoint checkpoint;
  visit_head<CheckpointHead>(checkpoint, take);
  checkpoint.state = std::move(values);
  return checkpoint;
}

}  // namespace

void write_checkpoint(const CheckpointHead& head, const ShowState& state,
                      const std::filesystem::path& path) {
  SealedWriter file(path, kCheckpoint);
  ValueWriter writer(file);
  const auto put = [&]<class T>(const char* name, const T& value) {
    using Stored = std::conditional_t<std::integral<T>, std::int64_t, T>;
    std::vector<Stored> one{Stored(value)};
    writer.values(std::string(kHead) + name, one);
  };
  put("format_version", kCheckpointFormat);
  visit_head(head, put);
  state(writer);
  file.publish();
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  try {
    return read_checkpoint_file(path);
  } catch (const DataError& error) {
    const std::string why = error.what();
    if (why.starts_with(path.string())) throw;
    throw DataError(fmt::format("{}: {}", path.string(), why));
  }
}

std::filesystem::path checkpoint_path(const std::filesystem::path& folder,
                                      const std::string& digest) {
  return folder / (digest + std::string(kEnding));
}

bool is_checkpoint(const std::filesystem::path& path) {
  const auto name = path.filename().string();
  return name.ends_with(kEnding) ||
         name.ends_with(".checkpoint.h5");  // as they once were
}

}  // namespace bitsweep

#include "framework/config/yaml.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

// What a file may cost: far above any study, far below what takes seconds or gigabytes.
constexpr std::size_t kMostBytes = 8 << 20;
constexpr std::size_t kMostValues = 100'000;
constexpr std::size_t kMostKeys = 1000;  // of one mapping: each is looked for in turn
constexpr std::size_t kLongestKey = 200;
constexpr std::size_t kDeepestNesting = 32;  // lists and mappings in each other

// Values, and bytes of their words, that a tree is made of.
struct Extent {
  std::size_t values = 0;
  std::size_t bytes = 0;
};

Extent extent_of(const Node& node) {
  Extent extent{1, node.word.size()};
  for (const auto& key : node.keys) extent.bytes += key.size();
  for (const Node& item : node.items) {
    const Extent inner = extent_of(item);
    extent.values += inner.values;
    extent.bytes += inner.bytes;
  }
  return extent;
}

// Builds nodes from the parser's events. The innermost open list or mapping is on top of
// the stack; a mapping with a key waits for that key's value.
class NodeBuilder final : public YAML::EventHandler {
 public:
  NodeBuilder(std::string file, Problems& problems)
      : file_(std::move(file)), problems_(problems) {}

  Node take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    finish(begun(Node{}, mark), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (value.find('\0') != std::string::npos) {
      throw YAML::ParserException(mark, "a word with a NUL character");
    }
    take({1, value.size()}, mark);
    const bool quoted = tag == "!";
    const bool is_null = !quoted && (value == "null" || value == "~" || value.empty());
    finish(begun(is_null ? Node{} : Node::of_word(value), mark), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw YAML::ParserException(mark, "an alias inside its own anchor");
    }
    take(extent_of(found->second), mark);
    finish(found->second, 0);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::of_list(), mark, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::of_mapping(), mark, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor;
    std::optional<std::string> key;
    Place key_place;
  };

  bool awaits_key() const {
    return !open_.empty() && open_.back().node.is_mapping() && !open_.back().key;
  }

  [[noreturn]] void refuse(int line, const std::string& why) const {
    throw ConfigError(fmt::format("{}:{}: {}", file_, line, why));
  }

  // Counts what comes, aliases at their full size, before it takes memory.
  void take(const Extent& more, const YAML::Mark& mark) {
    taken_.values += more.values;
    taken_.bytes += more.bytes;
    if (taken_.values > kMostValues) {
      refuse(mark.line + 1,
             fmt::format("more than {} values up to here, aliases counted; a file "
                         "may hold that many",
                         kMostValues));
    }
    if (taken_.bytes > kMostBytes) {
      refuse(mark.line + 1,
             fmt::format("more than {} bytes of text up to here, aliases counted; "
                         "a file may hold that many",
                         kMostBytes));
    }
  }

  void open(Node node, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (open_.size() == kDeepestNesting) {
      refuse(mark.line + 1, fmt::format("more than {} lists and mappings in each other",
                                        kDeepestNesting));
    }
    take({1, 0}, mark);
    open_.push_back({begun(std::move(node), mark), anchor, {}, {}});
  }

  // A value stands where its key does, so that the line is the one to look at.
  Node begun(Node node, const YAML::Mark& mark) const {
    node.place = {file_, mark.line + 1};
    if (open_.empty() || awaits_key()) return node;
    const Open& parent = open_.back();
    if (parent.key) node.place = parent.key_place;
    node.path = joined_path(
        parent.node.path,
        parent.key ? *parent.key : fmt::format("{}", parent.node.items.size()));
    return node;
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    finish(std::move(done.node), done.anchor);
  }

  void finish(Node node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (awaits_key()) {
      begin_entry(node);
    } else if (open_.back().key) {
      finish_entry(std::move(node));
    } else {
      open_.back().node.items.push_back(std::move(node));
    }
  }

  void begin_entry(const Node& key) {
    if (!key.is_word()) problems_.add(open_.back().node, "a key must be a single word");
    if (key.word.size() > kLongestKey) {
      refuse(key.place.line, fmt::format("a key of {} bytes; a key has at most {}",
                                         key.word.size(), kLongestKey));
    }
    if (open_.back().node.keys.size() == kMostKeys) {
      refuse(key.place.line, fmt::format("more than {} keys in one mapping", kMostKeys));
    }
    open_.back().key = key.word;
    open_.back().key_place = key.place;
  }

  void finish_entry(Node value) {
    Open& parent = open_.back();
    if (const Node* first = parent.node.find(*parent.key)) {
      problems_.add(parent.key_place, joined_path(parent.node.path, *parent.key),
                    fmt::format("given twice, first on line {}", first->place.line));
    } else {
      parent.node.set(*parent.key, std::move(value));
    }
    parent.key.reset();
  }

  std::string file_;
  Problems& problems_;
  Extent taken_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Node> anchors_;
  Node root_;
};

// How many bytes of UTF-8 make the character that `text` begins with; 0 where none do.
// A NUL counts as none: text has no use for it.
std::size_t character_bytes(std::string_view text) {
  constexpr std::array<std::uint32_t, 4> kLeast = {1, 0x80, 0x800, 0x10000};
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto size = std::size_t(std::max(1, std::countl_one(byte(0))));
  if (size > 4 || size > text.size() || (byte(0) & 0xC0) == 0x80) return 0;
  std::uint32_t point = byte(0) & (size == 1 ? 0x7F : 0x7F >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    point = point << 6 | (byte(i) & 0x3F);
  }
  const bool is_half_a_pair = 0xD800 <= point && point < 0xE000;
  return point < kLeast[size - 1] || point > 0x10FFFF || is_half_a_pair ? 0 : size;
}

// What is no text would pass into reports, where nobody could read it.
void refuse_binary(std::string_view text, const std::string& file) {
  int line = 1;
  while (!text.empty()) {
    const std::size_t bytes = character_bytes(text);
    if (bytes == 0) {
      throw ConfigError(
          fmt::format("{}:{}: the byte 0x{:02x} is no UTF-8 text; write it in UTF-8",
                      file, line, static_cast<unsigned char>(text.front())));
    }
    line += text.front() == '\n';
    text.remove_prefix(bytes);
  }
}

// Whether a tab indents that line, counted from 0.
bool has_tab_before(const std::string& text, int number) {
  std::istringstream stream(text);
  std::string line;
  for (int i = 0; i <= number; ++i) std::getline(stream, line);
  return line.substr(0, line.find_first_not_of(" \t")).find('\t') != std::string::npos;
}

[[noreturn]] void explain(const YAML::Exception& failure, const std::string& text,
                          const std::string& file) {
  const int line = failure.mark.line;
  const bool is_tab = has_tab_before(text, line);
  throw ConfigError(
      fmt::format("{}:{}: not YAML: {}", file, line + 1,
                  is_tab ? "indented by a tab; YAML wants spaces" : failure.msg));
}

std::string file_text(const std::filesystem::path& file) {
  const auto refuse = [&](const std::string& why) {
    throw ConfigError(fmt::format("{}: {}", shown_path(file), why));
  };
  std::error_code failure;
  if (!std::filesystem::exists(file, failure)) refuse("there is no such file");
  if (std::filesystem::is_directory(file, failure)) refuse("is a folder, not a file");
  if (!std::filesystem::is_regular_file(file, failure)) {
    refuse("is a device or a pipe; a regular file is expected");
  }
  const auto size = std::filesystem::file_size(file, failure);
  if (!failure && size > kMostBytes) {
    refuse(fmt::format("{} bytes; a file of at most {} is expected", size, kMostBytes));
  }
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  std::string text(size > 0 ? size : kMostBytes,
                   '\0');  // files of /proc have a size of 0
  stream.read(text.data(), std::streamsize(text.size()));
  text.resize(std::size_t(stream.gcount()));
  if (!stream.is_open() || stream.bad()) {
    refuse(fmt::format("cannot be read: {}", std::strerror(errno)));
  }
  if (text.empty()) refuse("the file is empty");
  return text;
}

void require_keys(const Node& root, const std::string& file) {
  if (root.is_mapping()) return;
  const std::string found = root.is_null()   ? "the file holds no key"
                            : root.is_list() ? "the file is a list"
                                             : fmt::format("'{}' is no key", root.word);
  throw ConfigError(
      fmt::format("{}:{}: {}; a mapping of keys is expected: {{key: value}}", file,
                  std::max(root.place.line, 1), found));
}

}  // namespace

Node parse_yaml(const std::string& text, const std::string& file, Problems& problems) {
  refuse_binary(text, file);
  NodeBuilder builder(file, problems);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    Node root = builder.take_root();
    if (parser.HandleNextDocument(builder)) {
      problems.add(builder.take_root().place, "", "a second document; a file holds one");
    }
    return root;
  } catch (const YAML::Exception& failure) {
    explain(failure, text, file);
  }
}

Node read_yaml(const std::filesystem::path& file, Problems& problems) {
  Node root = parse_yaml(file_text(file), shown_path(file), problems);
  require_keys(root, shown_path(file));
  return root;
}

std::string shown_path(const std::filesystem::path& file) {
  if (file.is_relative()) return file.string();
  const auto near = file.lexically_proximate(std::filesystem::current_path());
  return near.empty() || *near.begin() == ".." ? file.string() : near.string();
}

}  // namespace bitsweep

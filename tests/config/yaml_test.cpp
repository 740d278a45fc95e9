// YAML to nodes and back: places, duplicate keys, aliases, quoting.

#include "framework/config/yaml.h"

#include <catch2/catch.hpp>

#include "tests/config/config_fixture.h"

using namespace bitsweep;
using namespace bitsweep::test;

namespace {

Node parsed(const std::string& text) {
  Problems problems;
  Node node = parse_yaml(text, "f", problems);
  problems.throw_if_any();
  return node;
}

std::string rewritten(const std::string& text) { return write_yaml(parsed(text)); }

}  // namespace

TEST_CASE("every value knows its line and path", "[yaml]") {
  const Node root = parsed("a: 1\nb:\n  - x\n  - {c: y,\n     d: z}\n");
  CHECK(root.find("a")->place.line == 1);
  const Node& list = *root.find("b");
  CHECK(list.place.line == 2);
  CHECK(list.items[0].path == "b.0");
  CHECK(list.items[0].place.text() == "f:3");
  CHECK(list.items[1].find("d")->path == "b.1.d");
  CHECK(list.items[1].find("d")->place.line == 5);
}

TEST_CASE("a key given twice is refused with both lines", "[yaml][refusal]") {
  CHECK(refusal([] { parsed("a:\n  b: 1\n  c: 2\n  b: 3\n"); }) ==
        "f:4: a.b: given twice, first on line 2");
}

TEST_CASE("text that is not YAML is refused with its line", "[yaml][refusal]") {
  CHECK(refusal([] { parsed("a: 1\nb: [1, 2\n"); }).starts_with("f:3: not YAML: "));
  CHECK(refusal([] { parsed("a: &x [*x]\n"); }) ==
        "f:1: not YAML: an alias inside its own anchor");
  CHECK(refusal([] { parsed("? [1]\n: 2\n"); }) == "f:1: a key must be a single word");
  CHECK(refusal([] { parsed("a: 1\n---\nb: 2\n"); }) ==
        "f:3: a second document; a file holds one");
}

TEST_CASE("a tab that indents is called by its name", "[yaml][refusal]") {
  for (const std::string text : {"a: 1\nb:\n\tc: 2\n", "a: 1\nb:\n\t- c\n"}) {
    CHECK(refusal([&] { parsed(text); }) ==
          "f:3: not YAML: indented by a tab; YAML wants spaces");
  }
  CHECK(parsed("a:\tb\n").find("a")->is_word("b"));
  CHECK(refusal([] { parsed("a: |\n  \tb\nc: d: e\n"); }) ==
        "f:3: not YAML: illegal map value");
}

TEST_CASE("bytes that are no text are refused with their line", "[yaml][refusal]") {
  using namespace std::string_literals;
  const auto refused = [](const std::string& bytes) {
    return refusal([&] { parsed("a: 1\nb: " + bytes + "\n"); });
  };
  CHECK(refused("\xff") == "f:2: the byte 0xff is no UTF-8 text; write it in UTF-8");
  for (const auto& bytes : {"\0"s, "\x80"s, "\xc3"s, "\xc0\xaf"s, "\xe0\x80\xaf"s,
                            "\xed\xa0\x80"s, "\xf4\x90\x80\x80"s, "\xf8\x88"s}) {
    CAPTURE(bytes);
    CHECK_THAT(refused(bytes), Catch::Matchers::Contains("is no UTF-8 text"));
  }
  CHECK(refused("\"x\\0\"") == "f:2: not YAML: a word with a NUL character");
  for (const std::string word : {"\u00fc", "\u20ac", "\U0001d11e", "\u07ff"}) {
    CHECK(refused(word) == "");
  }
}

TEST_CASE("why a file is not read is told apart", "[yaml][refusal]") {
  const Folder folder;
  const auto refused = [&](const std::filesystem::path& file) {
    Problems problems;
    return without(refusal([&] { read_yaml(file, problems); }), folder.path());
  };
  CHECK(refused(folder.path() / "none") == "none: there is no such file");
  CHECK(refused(folder.write("a/b", "").parent_path()) == "a: is a folder, not a file");
  CHECK(refused(folder.write("empty", "")) == "empty: the file is empty");
  CHECK(refused(folder.write("remark", "\n# a: 1\n")) ==
        "remark:1: the file holds no key; a mapping of keys is expected: {key: value}");
  CHECK(refused(folder.write("word", "\nlenet\n")) ==
        "word:2: 'lenet' is no key; a mapping of keys is expected: {key: value}");
  CHECK(refused(folder.write("list", "- a\n- b\n")) ==
        "list:1: the file is a list; a mapping of keys is expected: {key: value}");
  if (geteuid() == 0) {
    WARN("skipped: root may read every file");
    return;
  }
  const auto shut = folder.write("shut", "a: 1\n");
  std::filesystem::permissions(shut, std::filesystem::perms::none);
  CHECK(refused(shut) == "shut: cannot be read: Permission denied");
}

TEST_CASE("an alias stands for what its anchor names", "[yaml]") {
  const Node root = parsed("a: &net {id: lenet}\nb: *net\n");
  REQUIRE(root.find("b")->is_mapping());
  CHECK(root.find("b")->find("id")->word == "lenet");
}

TEST_CASE("null is no word unless it is quoted", "[yaml]") {
  const Node root = parsed("a:\nb: null\nc: ~\nd: \"null\"\ne: \"\"\n");
  CHECK(root.find("a")->is_null());
  CHECK(root.find("b")->is_null());
  CHECK(root.find("c")->is_null());
  CHECK(root.find("d")->is_word("null"));
  CHECK(root.find("e")->is_word(""));
}

TEST_CASE("words are quoted where YAML would read them otherwise", "[yaml]") {
  for (const std::string word :
       {"*/bias", "a: b",  "- x", "-",  "null", "",     " x",   "x ",   "#",
        "a #b",   "[1",    "{",   "\"", "\\",   "it's", "a\nb", "a\tb", "true",
        "-1",     "1e-05", "50%", "&a", "!t",   "---",  "..."}) {
    CAPTURE(word);
    Node node = Node::of_mapping();
    node.set("key", Node::of_word(word));
    const std::string text = write_yaml(node);
    CAPTURE(text);
    CHECK(parsed(text).find("key")->is_word(word));
  }
  CHECK(rewritten("a: \"plain/word-1.5\"\n") == "a: plain/word-1.5\n");
  CHECK(rewritten("a: '*/bias'\n") == "a: \"*/bias\"\n");
}

TEST_CASE("what fits stands on one line, the rest on lines of its own", "[yaml]") {
  const std::string words =
      "[" + std::string(30, 'a') + ", " + std::string(30, 'b') + "]";
  CHECK(rewritten("a: {b: 1, c: [2, 3], d: {}}\n") == "a: {b: 1, c: [2, 3], d: {}}\n");
  CHECK(rewritten("a: {b: " + words + ", c: " + words + "}\n") ==
        "a:\n  b: " + words + "\n  c: " + words + "\n");
  CHECK(rewritten("a: [{b: " + words + ", c: " + words + "}, x]\n") ==
        "a:\n  - b: " + words + "\n    c: " + words + "\n  - x\n");
}

TEST_CASE("writing what was written changes nothing", "[yaml][round trip]") {
  const std::string text =
      "a: [[1, 2], [], {x: {}}]\nb: {c: null, d: \"*\"}\ne:\n  - f: {g: [h]}\n";
  const std::string once = rewritten(text);
  CHECK(rewritten(once) == once);
}

TEST_CASE("merging goes key by key and replaces all else", "[yaml]") {
  const Node base = parsed("a: {b: 1, c: [1, 2]}\nd: x\n");
  const Node over = parsed("a: {c: [3], e: 4}\nd: {f: 5}\n");
  CHECK(write_yaml(merged(base, over)) == "a: {b: 1, c: [3], e: 4}\nd: {f: 5}\n");
  CHECK(write_yaml(merged(base, parsed("a:\n"))) == "a: {b: 1, c: [1, 2]}\nd: x\n");
}

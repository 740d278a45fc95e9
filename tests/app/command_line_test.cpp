#include "framework/app/command_line.h"

#include <catch2/catch.hpp>

#include "framework/core/error.h"

using namespace bitsweep;

namespace {

const Syntax kSyntax = {
    .command = "brew",
    .summary = "Brew coffee.",
    .positionals = {{"BEANS", "Which beans."}, {"CUP", "Into which cup.", false}},
    .options = {{.name = "cups", .value = "N", .help = "How many."},
                {.name = "add", .value = "WHAT", .help = "Add this.", .repeated = true},
                {.name = "decaf", .value = "", .help = "Without caffeine."}}};

Arguments parse(const std::vector<std::string>& words) { return {kSyntax, words}; }

void check_refusal(const std::vector<std::string>& words, const std::string& sentence) {
  CHECK_THROWS_WITH([&] { parse(words).whole_number("cups", 1, 1); }(),
                    "brew: " + sentence + " (`bitsweep brew --help` tells more)");
}

}  // namespace

TEST_CASE("options and positionals may stand in any order") {
  const auto arguments = parse({"--cups", "2", "arabica", "--decaf", "mug"});
  CHECK(arguments.positional(0) == "arabica");
  CHECK(arguments.positional(1) == "mug");
  CHECK(arguments.whole_number("cups", 1, 1) == 2);
  CHECK(arguments.has("decaf"));
}

TEST_CASE("what was not given has its default") {
  const auto arguments = parse({"arabica"});
  CHECK(arguments.positional(1).empty());
  CHECK(arguments.whole_number("cups", 7, 1) == 7);
  CHECK_FALSE(arguments.has("decaf"));
  CHECK(arguments.all("add").empty());
}

TEST_CASE("a repeated option keeps all its values, with the signs in them") {
  const auto arguments =
      parse({"x", "--add", "a.b=-1", "--add=milk=a=b", "--add", "[1, 2]"});
  CHECK(arguments.all("add") == std::vector<std::string>{"a.b=-1", "milk=a=b", "[1, 2]"});
}

TEST_CASE("misuse is refused in one sentence") {
  check_refusal({"x", "--cusp", "2"}, "unknown option '--cusp'; did you mean '--cups'?");
  check_refusal({"x", "--zzz"},
                "unknown option '--zzz'; known: --help, --cups, --add, --decaf");
  check_refusal({"x", "--cup", "2"}, "unknown option '--cup'; did you mean '--cups'?");
  check_refusal({"x", "-j", "2"},
                "unknown option '-j'; known: --help, --cups, --add, --decaf");
  check_refusal({"x", "--cups"}, "--cups needs a value");
  check_refusal({"x", "--cups", "--decaf"}, "--cups needs a value");
  check_refusal({"x", "--cups", "--of=tea"},
                "--cups needs a value; if that is '--of=tea', write --cups=--of=tea");
  check_refusal({"x", "--decaf=yes"}, "--decaf takes no value");
  check_refusal({"x", "--cups", "1", "--cups", "2"}, "--cups is given twice");
  check_refusal({"x", "--cups", "2.5"}, "--cups: '2.5' is not a whole number from 1 up");
  check_refusal({"x", "--cups", "9999999999"},
                "--cups: '9999999999' is too large; at most 2147483647");
  check_refusal({"x", "--cups", "-9999999999"},
                "--cups: '-9999999999' is not a whole number from 1 up");
  check_refusal({"x", "--cups", "0"}, "--cups: '0' is not a whole number from 1 up");
  check_refusal({}, "BEANS is missing");
  check_refusal({"x", "y", "z"}, "'z' is one argument too many");
}

TEST_CASE("a required option must be there") {
  const Syntax syntax = {
      .command = "brew",
      .summary = "",
      .positionals = {},
      .options = {{.name = "water", .value = "LITRES", .help = "", .required = true}}};
  CHECK_THROWS_WITH(
      Arguments(syntax, {}),
      "brew: --water LITRES is missing (`bitsweep brew --help` tells more)");
  CHECK(Arguments(syntax, {"--water", "2"}).positive_number("water", 1) == 2);
  CHECK_THROWS_AS(Arguments(syntax, {"--water", "-2"}).positive_number("water", 1),
                  ConfigError);
}

TEST_CASE("a help page shows usage, arguments and options") {
  CHECK(help_text(kSyntax) ==
        "Brew coffee.\n"
        "\n"
        "usage: bitsweep brew BEANS [CUP] [--cups N] [--add WHAT]... [--decaf]\n"
        "\n"
        "  BEANS       Which beans.\n"
        "  CUP         Into which cup.\n"
        "  --cups N    How many.\n"
        "  --add WHAT  Add this.\n"
        "  --decaf     Without caffeine.\n"
        "  --help      Show this page.\n");
}

TEST_CASE("no line of a help page is wider than 90 characters") {
  const std::string help(60, 'x');
  CHECK(two_columns({{"--o V", help + " " + help}}) ==
        "  --o V  " + help + "\n         " + help + "\n");
}

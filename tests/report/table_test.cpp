#include "framework/report/table.h"

#include <cstdlib>
#include <fstream>

#include <catch2/catch.hpp>

#include "tests/results/scratch_folder.h"

using namespace bitsweep;

TEST_CASE("markdown is aligned by characters and names a group once") {
  const Table table{{{"name"}, {"value", Align::kRight}},
                    {{"", {"float", "98"}},
                     {"both", {"größer", "1.5 ± 0.25"}},
                     {"both", {"b", ""}},
                     {"", {"c", "3"}}}};
  CHECK(markdown(table) ==
        "| group | name   |      value |\n"
        "| ----- | ------ | ---------: |\n"
        "|       | float  |         98 |\n"
        "| both  | größer | 1.5 ± 0.25 |\n"
        "|       | b      |            |\n"
        "|       | c      |          3 |\n");
}

TEST_CASE("markdown without groups has no column for them") {
  const Table table{{{"a"}}, {{"", {"1"}}}};
  CHECK(markdown(table) == "| a   |\n| --- |\n| 1   |\n");
}

TEST_CASE("a table without rows has its headings") {
  const Table table{{{"a"}, {"b", Align::kRight}}, {}};
  CHECK(markdown(table) == "| a   |   b |\n| --- | --: |\n");
  CHECK(csv(table) == "group,a,b\n");
}

TEST_CASE("what would end a cell of markdown is taken out of it") {
  const Table table{{{"a"}}, {{"", {"x|y\nz"}}}};
  CHECK(markdown(table) == "| a      |\n| ------ |\n| x\\|y z |\n");
}

TEST_CASE("csv names the group in each row and quotes what must be") {
  const Table table{{{"a"}, {"b", Align::kRight}},
                    {{"g", {"plain", "1"}}, {"g", {"say \"x\", or\ny", ""}}}};
  CHECK(csv(table) ==
        "group,a,b\n"
        "g,plain,1\n"
        "g,\"say \"\"x\"\", or\ny\",\n");
}

TEST_CASE("Python's csv module reads the cells back") {
  const testing::ScratchFolder folder;
  std::ofstream(folder / "t.csv")
      << csv({{{"a,b"}}, {{"g", {"x \"y\"\r\n, z|"}}, {"h,", {"\""}}, {"", {" ± "}}}});
  std::ofstream(folder / "look.py") << R"(
import csv, sys
rows = list(csv.reader(open(sys.argv[1], newline='', encoding='utf-8')))
assert rows == [['group', 'a,b'], ['g', 'x "y"\r\n, z|'], ['h,', '"'], ['', ' ± ']], rows
)";
  if (std::system("/usr/bin/python3 --version >/dev/null 2>&1") != 0) {
    WARN("there is no python3; skipped");
    return;
  }
  CHECK(std::system(("/usr/bin/python3 " + (folder / "look.py").string() + " " +
                     (folder / "t.csv").string())
                        .c_str()) == 0);
}

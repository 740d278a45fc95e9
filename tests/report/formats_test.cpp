// The formats of a report beside md and csv, each read by a program that knows it.
#include <cmath>
#include <cstdlib>
#include <fstream>

#include <catch2/catch.hpp>

#include "framework/report/confusion.h"
#include "framework/report/report.h"
#include "framework/report/table.h"
#include "tests/report/approved.h"
#include "tests/report/sample_study.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;
using namespace bitsweep::testing;
using Catch::Matchers::Contains;

namespace {

// Texts that each format must escape.
StudyReport awkward_report() {
  auto study = sample_study();
  study.title = "A & B <b>\"50 %\"</b> \\ $x_1^2$ {#} ~ ± 'q'";
  auto records = sample_records();
  for (auto& [digest, record] : records) {
    record.curves = {{"train/loss", {2, 1.5, std::nan(""), 1}},
                     {"validation/accuracy", {0.5, 0.75, 0.8, 0.9}},
                     {"health/conv1/weight/sqnr_db", {20, 21, 22, 23}}};
    const bool is_float = record.method == "float";
    record.canonical_text = "method: {id: " + record.method + ", word: \"</script>\"}\n" +
                            "seed: " + std::to_string(record.seed) +
                            "\nnetwork: {id: lenet}\n";
    record.products = {{"conv1", "float", 288000, 32, 32},
                       {"conv2", "integer: <plain>", 1600000, is_float ? 32 : 1, 32}};
    if (is_float) continue;
    record.histograms = {{"conv2/weight",
                          false,
                          -0.5,
                          0.5,
                          {1, 3, 8, 4, 0},
                          -0.25,
                          0.25,
                          {-0.25, 0, 0.25},
                          {0.25, 0.5, 0.25}}};
  }
  records.at("dorefa-3").failure = "</script><script>alert(1)</script>";
  records.at("twn-1").metrics["test_loss"] = std::nan("");
  return build_report(make_manifest(study, sample_name), lookup_in(records));
}

bool runs(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

// Checks a file by a Python program, which sees its path as sys.argv[1].
void check_by_python(const std::string& text, const std::string& program) {
  if (!runs("/usr/bin/python3 --version")) {
    WARN("there is no python3; skipped");
    return;
  }
  const ScratchFolder folder;
  std::ofstream(folder / "file") << text;
  std::ofstream(folder / "look.py") << program;
  CHECK(std::system(("/usr/bin/python3 " + (folder / "look.py").string() + " " +
                     (folder / "file").string())
                        .c_str()) == 0);
}

}  // namespace

TEST_CASE("runs.csv has a line for each run, as approved") {
  const auto report = build_report(make_manifest(sample_study(), sample_name),
                                   lookup_in(sample_records()));
  check_approved(render(report, "runs"), "runs.csv");
}

TEST_CASE("the LaTeX table is as approved") {
  const auto report = build_report(make_manifest(sample_study(), sample_name),
                                   lookup_in(sample_records()));
  check_approved(render(report, "tex"), "study.tex");
}

TEST_CASE("the report in JSON is JSON and holds rows, runs, curves and classes") {
  check_by_python(render(awkward_report(), "json"), R"(
import json, sys
def refuse(name):
    raise ValueError(name)
report = json.load(open(sys.argv[1], encoding='utf-8'), parse_constant=refuse)
assert report['title'] == 'A & B <b>"50 %"</b> \\ $x_1^2$ {#} ~ ± \'q\'', report['title']
assert report['runs'] == {'done': 11, 'failed': 1, 'missing': 3}
rows = {row['method']: row for row in report['rows']}
twn = rows['twn']
assert twn['accuracy_drop_pp_mean'] == 2 and twn['significant'] == 'yes'
assert twn['published_drop_pp'] == 3.7
assert rows['lognet']['accuracy_percent_mean'] is None
run = twn['runs'][0]
assert run['seed'] == 1 and run['digest'] == 'twn-1' and run['accuracy_percent'] == 88.25
assert run['test_loss'] is None and run['wall_time_seconds'] == 11
assert run['curves'] == {'train/loss': [2, 1.5, None, 1],
                         'validation/accuracy': [0.5, 0.75, 0.8, 0.9]}, run['curves']
matrix = run['confusion_matrix']
assert len(matrix) == 10 and sum(map(sum, matrix)) == 400
assert sum(matrix[i][i] for i in range(10)) == 353
assert run['classes'][0] == {'class': 0, 'images': 40, 'right': 36,
                             'accuracy_percent': 90}, run['classes'][0]
assert rows['dorefa']['runs'][2]['status'] == 'failed'
assert rows['lognet']['runs'][0]['status'] == 'missing'
)");
}

TEST_CASE("the page is well formed, complete in itself, and a table for everyone") {
  const auto page = render(awkward_report(), "html");
  CHECK_THAT(page, !Contains("<script>alert"));
  for (const char* outside : {"http://", "https://", "src=", "@import", "url("}) {
    CAPTURE(outside);
    CHECK_THAT(page, !Contains(outside));
  }
  check_by_python(page, R"(
import html.parser, json, sys
VOID = {'meta', 'input', 'path', 'rect', 'br'}
class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen, self.scripts, self.script = [], [], {}, None
    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        self.script = dict(attributes).get('id') if tag == 'script' else None
        if tag not in VOID:
            self.open.append(tag)
    def handle_startendtag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())
        self.script = None
    def handle_data(self, data):
        if self.script:
            self.scripts[self.script] = data
page = Page()
page.feed(open(sys.argv[1], encoding='utf-8').read())
assert not page.open, page.open
def all_of(tag):
    return [attributes for name, attributes in page.seen if name == tag]
ids = [a.get('id') for a in all_of('table')]
assert ids == ['rows', None, 'differences'], ids  # None: the bits of each layer
settings = json.loads(page.scripts['settings'])
assert len(settings) == 5 and settings[1]['method.id'] == 'twn', settings
assert 'network.id' not in settings[1] and 'seed' not in settings[1], settings
assert len([a for a in all_of('tr') if 'data-row' in a]) == 5
assert all(a.get('scope') in ('col', 'row', 'rowgroup') for a in all_of('th'))
bits = [a['style'] for a in all_of('span') if a.get('class', '').startswith('bits')]
assert len(bits) == 3 * 2 * 2, bits
assert len([a for a in all_of('circle') if a.get('class') == 'level']) == 3 * 3
sortable = [a for a in all_of('th') if 'aria-sort' in a]
assert len(sortable) == len(all_of('button')) > 8
assert all(a.get('role') == 'img' and a['aria-label'] or a.get('aria-hidden') == 'true'
           for a in all_of('svg'))
assert len(all_of('details')) == 4 + 3
)");
}

TEST_CASE("texts are escaped for LaTeX") {
  CHECK(latex_text("a_1 & 50 % #2 {x} $y$") == "a\\_1 \\& 50 \\% \\#2 \\{x\\} \\$y\\$");
  CHECK(latex_text("\\ ^ ~ < > |") ==
        "\\textbackslash{} \\textasciicircum{} \\textasciitilde{} \\textless{} "
        "\\textgreater{} \\textbar{}");
  CHECK(latex_text("1 ± 2†, größer\n[1]") == "1 $\\pm$ 2\\textdagger{}, größer {[}1{]}");
}

TEST_CASE("a LaTeX table names a group above its rows") {
  const Table table{
      {{"name"}, {"value", Align::kRight}},
      {{"", {"float", 98.0}}, {"both", {"a_b", -1.5}}, {"both", {"c", {}}}}};
  CHECK(latex(table) ==
        "\\begin{tabular}{@{}lr@{}}\n\\toprule\nname & value \\\\\n\\midrule\n"
        "float & 98.00 \\\\\n\\addlinespace\n"
        "\\multicolumn{2}{@{}l}{\\emph{both}} \\\\\n"
        "a\\_b & $-$1.50 \\\\\nc &  \\\\\n\\bottomrule\n\\end{tabular}\n");
}

TEST_CASE("pdflatex takes the table") {
  if (!runs("pdflatex --version") || !runs("kpsewhich booktabs.sty")) {
    WARN("there is no pdflatex with booktabs; skipped");
    return;
  }
  const ScratchFolder folder;
  std::ofstream(folder / "report.tex") << render(awkward_report(), "tex");
  std::ofstream(folder / "paper.tex")
      << "\\documentclass{article}\\usepackage[utf8]{inputenc}\\usepackage{booktabs}\n"
         "\\begin{document}\\input{report}\\end{document}\n";
  CHECK(runs("cd '" + folder.path().string() +
             "' && pdflatex -draftmode -halt-on-error -interaction=batchmode paper.tex"));
}

TEST_CASE("a confusion matrix counts labels by what was answered") {
  RunRecord record;
  record.labels = {0, 0, 1, 2, 2, 2};
  record.predictions = {0, 1, 1, 0, 2, -1};
  const auto confusion = confusion_of(record);
  using Row = std::vector<std::int64_t>;
  CHECK(confusion.matrix == std::vector<Row>{{1, 1, 0}, {0, 1, 0}, {1, 0, 1}});
  CHECK(confusion.classes[2].images == 3);
  CHECK(confusion.classes[2].right == 1);
  record.predictions.pop_back();
  CHECK(confusion_of(record).classes.empty());
}

TEST_CASE("numbers carry six digits") {
  CHECK(number_text(92.08000000000001) == "92.08");
  CHECK(number_text(1.0 / 3) == "0.333333");
  CHECK(number_text(std::nan("")) == "");
}

#!/usr/bin/python3
"""scripts/plot draws a table's rows, and refuses what is no results folder."""
import contextlib
import csv
import importlib.machinery
import importlib.util
import io
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
import unittest.mock
from xml.etree import ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "tests/report/approved/study.csv"


def plot(*arguments):
    return subprocess.run([ROOT / "scripts/plot", *map(str, arguments)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def load_script():
    loader = importlib.machinery.SourceFileLoader("plot", str(ROOT / "scripts/plot"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("plot", loader))
    loader.exec_module(module)
    return module


SCRIPT = load_script()


def draw(*arguments):
    """In this process: loading matplotlib takes longer than drawing."""
    with unittest.mock.patch("sys.argv", ["plot", *map(str, arguments)]), \
            contextlib.redirect_stdout(io.StringIO()):
        SCRIPT.main()


@unittest.skipUnless(importlib.util.find_spec("matplotlib"), "python3-matplotlib is missing")
class Plot(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        shutil.copy(TABLE, self.folder / "report.csv")

    def write_rows(self, *rows):
        """The table's float row, and rows of (label, weight bits, activation bits, drop)
        made like its second."""
        with TABLE.open(newline="") as file:
            baseline, model, *_ = csv.DictReader(file)
        with (self.folder / "report.csv").open("w", newline="") as file:
            table = csv.DictWriter(file, model)
            table.writeheader()
            table.writerow(baseline)
            for label, weight_bits, activation_bits, drop in rows:
                table.writerow({**model, "method": label, "weight_bits": weight_bits,
                                "activation_bits": activation_bits,
                                "accuracy_drop_pp_mean": drop})

    def texts(self, *options):
        """What is written in the drawing."""
        draw(self.folder, *options)
        svg = ElementTree.parse(self.folder / "plot.svg")
        return [text.text.strip().lstrip("●■◆▲▼✚✖ ")
                for text in svg.iter("{http://www.w3.org/2000/svg}text")]

    def refusal(self, *options):
        """The one sentence on standard error."""
        done = plot(self.folder, *options)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        return done.stderr

    def test_each_kind_is_written_in_three_formats_at_column_width(self):
        for kind in ("bits", "forest", "pareto"):
            draw(self.folder, "--kind", kind)
            self.assertTrue((self.folder / "plot.png").read_bytes().startswith(b"\x89PNG"))
            self.assertTrue((self.folder / "plot.pdf").read_bytes().startswith(b"%PDF"))
            svg = ElementTree.parse(self.folder / "plot.svg").getroot()
            self.assertAlmostEqual(float(svg.get("width").removesuffix("pt")), 3.4 * 72, 1)
            sizes = re.findall(r"font: (?:bold )?([\d.]+)px", ElementTree.tostring(
                svg, encoding="unicode"))
            self.assertGreaterEqual(min(map(float, sizes)), 7)

    def test_a_table_of_single_widths_is_a_forest_that_names_its_rows(self):
        texts = self.texts()
        for name in ("reduce weights", "twn", "bwn", "reduce both", "dorefa"):
            self.assertIn(name, texts)
        self.assertIn("accuracy drop (pp), 95 % interval; hollow: published", texts)

    def test_a_ladder_of_widths_has_a_panel_for_each_family(self):
        self.write_rows(*((f"lsq w{bits} a32", bits, 32, 1) for bits in (8, 4, 2)))
        texts = self.texts()
        self.assertIn("reduce weights", texts)
        self.assertIn("accuracy drop (pp), 95 % interval", texts)

    def test_the_front_is_what_none_beats_in_both(self):
        points = [SCRIPT.Point(x, drop, 0, 0, None, name) for x, drop, name in
                  ((4, 1, "a"), (2, 3, "b"), (3, 3, "no: b is smaller"), (8, 0, "c"),
                   (9, 0.5, "no: c"), (4, 2, "no: a"))]
        self.assertEqual([p.label for p in SCRIPT.pareto_front(points)], ["b", "a", "c"])

    def test_the_same_table_gives_the_same_svg(self):
        for name in "ab":
            draw(self.folder, "--out", self.folder / name)
        self.assertEqual((self.folder / "a.svg").read_bytes(),
                         (self.folder / "b.svg").read_bytes())

    def test_activations_of_one_width_leave_a_series_whole(self):
        self.write_rows(*((f"lsq w{bits} a4", bits, 4, 1) for bits in (8, 4, 3, 2)))
        texts = self.texts()
        self.assertIn("lsq, a4", texts)
        self.assertNotIn("lsq, a = w", texts)

    def test_activations_that_follow_the_weights_make_one_series(self):
        self.write_rows(*((f"lsq w{bits} a{bits}", bits, bits, 1) for bits in (8, 4, 2)))
        self.assertIn("lsq, a = w", self.texts())

    def test_a_single_row_names_its_activations(self):
        self.write_rows(("lsq w4 a4", 4, 4, 1), ("twn", 2, 32, 1))
        texts = self.texts("--kind", "bits")
        self.assertIn("lsq, a4", texts)
        self.assertIn("twn", texts)

    def test_along_activations_the_weights_part_the_series(self):
        self.write_rows(*((f"lsq w{w} a{a}", w, a, 1) for w in (4, 2) for a in (8, 4, 2)))
        texts = self.texts("--x", "activation_bits")
        self.assertIn("lsq, w4", texts)
        self.assertIn("lsq, w2", texts)

    def test_what_collapsed_stands_in_its_strip_with_its_value(self):
        self.write_rows(("good", 4, 32, 1), ("poor", 4, 32, 47.5), ("poor", 2, 32, 80))
        for kind in ("bits", "forest", "pareto"):
            texts = self.texts("--kind", kind)
            for value in ("48", "80"):
                self.assertTrue(any(value in re.findall(r"\d+", text) for text in texts), texts)
            self.assertFalse({"20", "40", "60"} & set(texts), texts)

    def test_a_folder_without_a_table_is_refused(self):
        (self.folder / "report.csv").unlink()
        self.assertIn("give a folder that `bitsweep run` wrote", self.refusal())

    def test_an_unfinished_study_is_met_with_the_way_to_its_table(self):
        (self.folder / "report.csv").unlink()
        (self.folder / "study.txt").write_text("")
        refusal = self.refusal()
        self.assertIn("the study is not finished", refusal)
        self.assertIn(f"bitsweep report {self.folder} --format csv > {self.folder}/report.csv",
                      refusal)

    def test_another_table_is_refused(self):
        (self.folder / "report.csv").write_text("a,b\n1,2\n")
        self.assertIn("is no table of `bitsweep run`", self.refusal())

    def test_a_table_whose_runs_all_failed_is_refused(self):
        with TABLE.open(newline="") as file:
            row = next(csv.DictReader(file))
        with (self.folder / "report.csv").open("w", newline="") as file:
            table = csv.DictWriter(file, row)
            table.writeheader()
            table.writerow({**row, "accuracy_percent_mean": "", "accuracy_drop_pp_mean": ""})
        self.assertIn("no row with a finished run", self.refusal())

    def test_a_place_that_cannot_be_written_is_refused(self):
        self.assertIn("cannot be written: No such file or directory",
                      self.refusal("--out", self.folder / "no/such/plot"))


if __name__ == "__main__":
    unittest.main()

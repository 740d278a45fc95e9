#!/usr/bin/python3
"""scripts/plot draws a table's rows, and refuses what is no results folder."""
import csv
import importlib.util
import pathlib
import shutil
import subprocess
import tempfile
import unittest
from xml.etree import ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "tests/report/approved/study.csv"


def plot(*arguments):
    return subprocess.run([ROOT / "scripts/plot", *map(str, arguments)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@unittest.skipUnless(importlib.util.find_spec("matplotlib"), "python3-matplotlib is missing")
class Plot(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        shutil.copy(TABLE, self.folder / "report.csv")

    def write_rows(self, *rows):
        """The table's float row, and rows of (label, weight bits, activation bits, accuracy)
        made like its second."""
        with TABLE.open(newline="") as file:
            baseline, model, *_ = csv.DictReader(file)
        with (self.folder / "report.csv").open("w", newline="") as file:
            table = csv.DictWriter(file, model)
            table.writeheader()
            table.writerow(baseline)
            for label, weight_bits, activation_bits, accuracy in rows:
                table.writerow({**model, "method": label, "weight_bits": weight_bits,
                                "activation_bits": activation_bits,
                                "accuracy_percent_mean": accuracy})

    def texts(self, *options):
        """What is written in the drawing."""
        done = plot(self.folder, *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        svg = ElementTree.parse(self.folder / "plot.svg")
        return [text.text.strip() for text in svg.iter("{http://www.w3.org/2000/svg}text")]

    def refusal(self, *options):
        """The one sentence on standard error."""
        done = plot(self.folder, *options)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        return done.stderr

    def test_both_files_are_written_and_name_the_methods(self):
        for axis in ("weight_bits", "activation_bits", "size"):
            done = plot(self.folder, "--x", axis)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.folder / "plot.png").read_bytes().startswith(b"\x89PNG"))
        svg = (self.folder / "plot.svg").read_text()
        for name in ("twn", "bwn", "dorefa", "float"):
            self.assertIn(name, svg)

    def test_the_same_table_gives_the_same_svg(self):
        plot(self.folder, "--out", self.folder / "a")
        plot(self.folder, "--out", self.folder / "b")
        self.assertEqual((self.folder / "a.svg").read_bytes(),
                         (self.folder / "b.svg").read_bytes())

    def test_activations_of_one_width_leave_a_series_whole(self):
        self.write_rows(*((f"lsq w{bits} a4", bits, 4, 90) for bits in (8, 4, 3, 2)))
        texts = self.texts()
        self.assertIn("lsq, a4", texts)
        self.assertNotIn("lsq, a = w", texts)

    def test_activations_that_follow_the_weights_make_one_series(self):
        self.write_rows(*((f"lsq w{bits} a{bits}", bits, bits, 90) for bits in (8, 4, 2)))
        self.assertIn("lsq, a = w", self.texts())

    def test_a_single_row_names_its_activations(self):
        self.write_rows(("lsq w4 a4", 4, 4, 90), ("twn", 2, 32, 90))
        texts = self.texts()
        self.assertIn("lsq, a4", texts)
        self.assertIn("twn", texts)

    def test_along_activations_the_weights_part_the_series(self):
        self.write_rows(*((f"lsq w{w} a{a}", w, a, 90) for w in (4, 2) for a in (8, 4, 2)))
        texts = self.texts("--x", "activation_bits")
        self.assertIn("lsq, w4", texts)
        self.assertIn("lsq, w2", texts)

    def test_what_collapsed_stands_at_the_edge_with_its_value(self):
        self.write_rows(("good", 4, 32, 90), ("poor", 4, 32, 42.5), ("poor", 2, 32, 10))
        texts = self.texts()
        self.assertIn("42.5", texts)
        self.assertIn("10.0", texts)
        self.assertFalse({"40", "40.0", "80", "80.0"} & set(texts), texts)

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
            table.writerow({**row, "accuracy_percent_mean": ""})
        self.assertIn("no row with a finished run", self.refusal())

    def test_a_place_that_cannot_be_written_is_refused(self):
        self.assertIn("cannot be written: No such file or directory",
                      self.refusal("--out", self.folder / "no/such/plot"))


if __name__ == "__main__":
    unittest.main()

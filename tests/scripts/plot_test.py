#!/usr/bin/python3
"""scripts/plot draws a table's rows, and refuses what is no results folder."""
import importlib.util
import pathlib
import shutil
import subprocess
import tempfile
import unittest

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

    def test_a_folder_without_a_table_is_refused(self):
        (self.folder / "report.csv").unlink()
        done = plot(self.folder)
        self.assertEqual(done.returncode, 2)
        self.assertIn("has no report.csv", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)

    def test_another_table_is_refused(self):
        (self.folder / "report.csv").write_text("a,b\n1,2\n")
        done = plot(self.folder)
        self.assertEqual(done.returncode, 2)
        self.assertIn("is no table of `bitsweep run`", done.stderr)


if __name__ == "__main__":
    unittest.main()

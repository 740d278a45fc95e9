"""The benchmark against PyTorch: its page, the README's sentence, and the BLAS it names."""
import itertools
import json
import pathlib
import sys
import unittest

from script_tree import ROOT, ScriptTest

sys.path.insert(0, str(ROOT / "tests/bench"))
import blas  # noqa: E402
import compare_training  # noqa: E402

REFERENCE_FILES = sorted(pathlib.Path("/usr/lib").glob("*/blas/libblas.so.3"))


def results():
    """Bitsweep at 100, 200 and 1000 images per second, PyTorch at 100; one cell at half."""
    cells = []
    for model, threads, method in itertools.product(
            compare_training.BATCH, compare_training.THREADS, compare_training.METHODS):
        slow = (model, threads, method) == ("lenet", 2, "dorefa")
        for program, speeds in (("bitsweep", [50] * 3 if slow else [100, 1000, 200]),
                                ("pytorch", [100] * 3)):
            cells.append({"work": "training", "model": model, "threads": threads,
                          "method": method, "program": program, "images_per_second": speeds})
    return {"command": "tests/bench/compare_training.py --write", "date": "2001-02-03",
            "machine": "a machine", "load": 0, "seconds": 3, "rounds": 3,
            "bitsweep": "bitsweep 1", "python": "3",
            "pytorch": {"program": "PyTorch 1.2", "blas": "OpenBLAS 0.3", "blas_file": "/x.so"},
            "cells": cells}


class Page(unittest.TestCase):
    def test_a_ratio_is_that_of_the_medians(self):
        self.assertEqual(compare_training.extremes(results(), "training"), (0.5, 2))
        lines = compare_training.page(results()).splitlines()
        self.assertIn("| lenet | 64 | 2 | 200 | 100 | 2.00 | 50 | 100 | 0.50 | 4.00 |", lines)

    def test_the_page_names_the_blas_and_its_file(self):
        self.assertIn("BLAS: OpenBLAS 0.3 (`/x.so`)", compare_training.page(results()))


class Sentence(ScriptTest):
    def setUp(self):
        super().setUp()
        self.write("results/reference/survey-fashion/report.csv", "group\n")
        self.readme = self.write("README.md", "".join(
            f"<!-- begin: {name} -->\n<!-- end: {name} -->\n"
            for name in ("methods and results", "training speed")))

    def test_it_gives_the_extremes_and_what_made_them(self):
        measured = results()
        measured["ratios"] = {"training": compare_training.extremes(measured, "training")}
        self.write("tests/bench/results/training.json", json.dumps(measured))
        self.assertEqual(self.check("readme_table.py"), (0, []))
        text = " ".join(self.readme.read_text().split())
        self.assertIn("0.5 to 2.0 times as many images per second in training as PyTorch 1.2 "
                      "with OpenBLAS 0.3", text)
        self.assertIn(measured["command"], text)

    def test_without_results_it_gives_no_figure(self):
        self.assertEqual(self.check("readme_table.py"), (0, []))
        self.assertNotRegex(self.readme.read_text().split("training speed -->")[1], r"\d")


class Blas(unittest.TestCase):
    @unittest.skipUnless(REFERENCE_FILES, "no reference BLAS here")
    def test_the_reference_library_is_told(self):
        self.assertTrue(blas.name_of(str(REFERENCE_FILES[0].resolve()))
                        .startswith(blas.REFERENCE))

    def test_the_file_of_a_function_is_found(self):
        library = blas.mapped_file("libc.so")
        self.assertEqual(blas.file_that_defines("qsort", library),
                         str(pathlib.Path(library).resolve()))
        self.assertIsNone(blas.file_that_defines("no_such_function", library))


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/python3
"""scripts/validation tells rows apart whose records are called alike."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

try:
    import h5py
except ImportError:
    print("h5py is missing: install python3-h5py")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIGESTS = ("0123456789abcdef", "fedcba9876543210")


class Validation(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "runs").mkdir()
        for digest, accuracy in zip(DIGESTS, (0.5, 0.75)):
            with h5py.File(self.folder / f"runs/net-a-very-long-na-seed1-{digest}.h5", "w") as file:
                metrics = file.create_group("metrics").attrs
                metrics["validation_accuracy"] = accuracy
                metrics["validation_loss"] = 1.0

    def run_script(self, *pattern):
        return subprocess.run([ROOT / "scripts/validation", self.folder, *pattern], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_rows_are_those_of_the_table(self):
        (self.folder / "runs.csv").write_text(
            "method,seed,digest\n"
            f"a very long name=1,1,{DIGESTS[0]}\na very long name=2,1,{DIGESTS[1]}\n"
            "not run,1,0000000000000000\n")
        done = self.run_script()
        self.assertEqual(done.stdout.splitlines()[2:],
                         ["| a very long name=2 | 1 | 75.00 | 1.0000 |",
                          "| a very long name=1 | 1 | 50.00 | 1.0000 |"])
        self.assertEqual(len(self.run_script("*=1").stdout.splitlines()), 3)
        self.assertEqual(self.run_script("nothing").returncode, 2)

    def test_a_folder_without_a_table_is_refused(self):
        done = self.run_script()
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("there is no runs.csv; `bitsweep report", done.stderr)


if __name__ == "__main__":
    unittest.main()

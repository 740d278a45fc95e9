"""A made-up tree of files, and the scripts of this repo run on it."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class ScriptTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = pathlib.Path(folder.name)

    def write(self, path, text=""):
        file = self.tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def check(self, script):
        """Exit status and lines of scripts/<script> on the tree."""
        run = subprocess.run([sys.executable, ROOT / "scripts" / script, self.tree],
                             capture_output=True, text=True)
        return run.returncode, (run.stdout + run.stderr).splitlines()

"""Scripts tell what they are for when asked, and then do nothing else."""
import os
import subprocess
import unittest

from script_tree import ROOT, ScriptTest


class Help(ScriptTest):
    def setUp(self):
        super().setUp()
        for command in ("cmake", "ctest", "clang-format", "dpkg-query", "apt-get", "sudo"):
            self.write(f"bin/{command}", "#!/bin/sh\necho called >&2; exit 9\n").chmod(0o755)

    def run_script(self, name, *options):
        path = f"{self.tree / 'bin'}:{os.environ['PATH']}"
        return subprocess.run([ROOT / "scripts" / name, *options], cwd=self.tree,
                              env={**os.environ, "PATH": path}, capture_output=True, text=True)

    def test_each_script_prints_its_usage(self):
        for name in ("quickstart", "test", "setup", "tidy"):
            for options in (["--help"], ["-h"], ["--other", "--help"]):
                with self.subTest(name=name, options=options):
                    done = self.run_script(name, *options)
                    self.assertEqual((done.returncode, done.stderr), (0, ""))
                    self.assertTrue(done.stdout.startswith(f"usage: scripts/{name} "))
                    self.assertNotIn("set -e", done.stdout)

    def test_unasked_a_script_does_its_work(self):
        self.assertNotEqual(self.run_script("test").returncode, 0)


if __name__ == "__main__":
    unittest.main()

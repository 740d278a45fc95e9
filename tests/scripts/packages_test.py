"""scripts/lib.sh against a made-up dpkg-query, apt-get, id and sudo, which write down how they
were called."""
import os
import subprocess
import unittest

from script_tree import ROOT, ScriptTest


class RequirePackages(ScriptTest):
    def setUp(self):
        super().setUp()
        self.log = self.write("log")
        self.write("list", "# What it needs.\ncmake\nninja-build  # builds\n\ngit\n")
        self.command("apt-get", 'echo "apt-get $*" >> "$LOG"')
        self.command("sudo", "exit 1")
        self.user(0)

    def command(self, name, body):
        self.write(f"bin/{name}", f"#!/bin/bash\n{body}\n").chmod(0o755)

    def user(self, number):
        self.command("id", f"echo {number}")

    def installed(self, *states):
        self.command("dpkg-query", "\n".join(f"echo '{state}'" for state in states))

    def require(self):
        path = f"{self.tree / 'bin'}:{os.environ['PATH']}"
        run = subprocess.run(
            ["bash", "-euo", "pipefail", "-c",
             ". scripts/lib.sh; require_packages \"$1\"; echo reached", "bash",
             self.tree / "list"],
            cwd=ROOT, env={**os.environ, "PATH": path, "LOG": str(self.log)},
            capture_output=True, text=True)
        return run, self.log.read_text().splitlines()

    def test_apt_is_left_alone_when_nothing_is_missing(self):
        self.installed("git installed", "cmake installed", "ninja-build installed")
        run, calls = self.require()
        self.assertEqual((run.returncode, run.stdout, calls), (0, "reached\n", []))

    def test_root_installs_what_is_missing_after_one_update(self):
        self.installed("git installed", "ninja-build config-files")
        run, calls = self.require()
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(len(calls), 2)
        self.assertTrue(calls[0].endswith(" update"), calls[0])
        self.assertTrue(
            calls[1].endswith(" install -y --no-install-recommends cmake ninja-build"),
            calls[1])

    def test_a_user_with_sudo_installs_through_it(self):
        self.installed("git installed", "cmake installed")
        self.user(1000)
        self.command("sudo", 'echo "sudo $*" >> "$LOG"')
        run, calls = self.require()
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(calls[0], "sudo -n true")
        self.assertTrue(calls[-1].startswith("sudo -n env DEBIAN_FRONTEND=noninteractive apt-get"))
        self.assertTrue(calls[-1].endswith(" ninja-build"))

    def test_a_user_without_sudo_is_told_the_command(self):
        self.installed("git installed")
        self.user(1000)
        run, calls = self.require()
        self.assertEqual((run.returncode, run.stdout, calls), (2, "", []))
        self.assertIn("sudo apt-get install --no-install-recommends cmake ninja-build\n",
                      run.stderr)

    def test_a_failing_installation_ends_the_script(self):
        self.installed()
        self.command("apt-get", "exit 100")
        run, _ = self.require()
        self.assertEqual(run.returncode, 100)
        self.assertNotIn("reached", run.stdout)


if __name__ == "__main__":
    unittest.main()

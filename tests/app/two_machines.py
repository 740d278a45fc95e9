#!/usr/bin/env python3
"""Two machines on one folder do every run once, and one goes on where the other fell silent.

usage: two_machines.py FAKE_BITSWEEP

A machine is a host name and process numbers of its own, by namespaces, which take root: without
them the test is skipped. Neither sees whether a process of the other lives; they know of each
other by what is in the folder alone.
"""
import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

STUDY = """\
name: shared
dataset: {id: shapes, validation: 10, train_limit: 20, test_limit: 10}
network: {id: lenet}
edges: {first: float, last: float, bias: float}
training: {epochs: 1, batch_size: 10}
fine_tuning: none
seeds: [1, 2, 3, 4]
rows:
  - method: {id: twn}
  - method: {id: bwn}
"""
NAMESPACES = ["unshare", "--pid", "--uts", "--fork", "--mount-proc", "--kill-child"]


def check(condition, text):
    if not condition:
        sys.exit(f"not so:\n{text}")


class Machine:
    """`bitsweep run` on a machine of that name."""

    def __init__(self, name, program, folder, **environment):
        self.log = folder / f"{name}-{time.monotonic_ns()}.log"
        line = (f"hostname {name}; exec {program} run {folder}/study.yaml --out {folder}/out "
                "--jobs 1")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([*NAMESPACES, "sh", "-c", line], stdout=log, stderr=log,
                                            env=dict(os.environ, **environment))

    def end(self):
        self.process.wait()
        return self.process.returncode, self.log.read_text()

    def lose_power(self):
        self.process.kill()
        self.process.wait()


def counts(folder):
    return {path.name: path.stat().st_size for path in (folder / "counts").iterdir()}


def both_at_once(program, folder):
    environment = {"BITSWEEP_FAKE_COUNTS": str(folder / "counts"), "BITSWEEP_FAKE_SLEEPS": "30"}
    machines = [Machine(name, program, folder, **environment) for name in ("node1", "node2")]
    for machine in machines:
        code, text = machine.end()
        check(code == 0 and "| twn" in text, text)
    check(set(counts(folder).values()) == {1} and len(counts(folder)) == 12, str(counts(folder)))
    by = collections.Counter(re.search(r"started by (\w+)", log.read_text())[1]
                             for log in (folder / "out/runs").glob("*.log"))
    check(set(by) <= {"node1", "node2"}, str(by))


def one_falls_silent(program, folder):
    waiting = {"BITSWEEP_FAKE_WAITS_FOR": str(folder / "never")}
    counted = {"BITSWEEP_FAKE_COUNTS": str(folder / "counts")}
    first = Machine("node1", program, folder, **waiting)
    while not (leases := list((folder / "out/runs").glob("*.lease"))):
        time.sleep(0.01)
        check(first.process.poll() is None, first.log.read_text())
    first.lose_power()

    # A moment ago it lived: what needs its run waits for it, and the rest is done.
    second = Machine("node2", program, folder, **counted)
    while "waiting for" not in second.log.read_text():
        time.sleep(0.01)
        check(second.process.poll() is None, second.log.read_text())
    held = leases[0].name.split(".")[0]
    check(held not in counts(folder), second.log.read_text())

    # It has been silent for long: its run is taken over.
    long_ago = time.time() - 3600
    for lease in (folder / "out").rglob("*.lease"):
        if "host node1\n" in lease.read_text():
            os.utime(lease, (long_ago, long_ago))
    code, text = second.end()
    check(code == 0 and "| twn" in text, text)
    check(counts(folder).get(held) == 1 and set(counts(folder).values()) == {1}, str(counts(folder)))
    check(len(counts(folder)) == 12, str(counts(folder)))
    left = [str(path) for path in (folder / "out").rglob("*") if ".lease" in path.name]
    check(not left, str(left))


def main():
    if os.geteuid() != 0 or subprocess.run([*NAMESPACES, "true"], capture_output=True).returncode:
        print("machines of one's own take root and namespaces; skipped")
        sys.exit(77)
    for scene in (both_at_once, one_falls_silent):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "study.yaml").write_text(STUDY)
            (folder / "counts").mkdir()
            scene(sys.argv[1], folder)


if __name__ == "__main__":
    main()

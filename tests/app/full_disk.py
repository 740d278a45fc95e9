#!/usr/bin/env python3
"""A disk that is full ends a batch in order, and the same command goes on once there is room.

usage: full_disk.py BITSWEEP FAKE_BITSWEEP

The disk is a tmpfs in a mount namespace of its own, which takes root: without it the test is
skipped.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

STUDY = """\
name: full
dataset: {id: shapes, validation: 10, train_limit: 40, test_limit: 20}
network: {id: lenet-300-100}
edges: {first: float, last: float, bias: float}
training: {epochs: 1, batch_size: 20}
fine_tuning: none
seeds: [1]
rows:
  - method: {id: twn}
  - method: {id: dynamic_fixed_point, weight_bits: 8, activation_bits: 8}
"""


def mount(folder, megabytes, *more):
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join((f"size={megabytes}m",) + more),
                    "none", folder], check=True)


def check(condition, text):
    if not condition:
        sys.exit(f"not so:\n{text}")


def files(folder):
    """All below it, but what runs leave there by intention."""
    kept = re.compile(r".*\.(h5|log|md|csv|json|tex|html|txt|index)$|.*/\.index$")
    return [str(path) for path in folder.rglob("*") if path.is_file() and not kept.match(str(path))]


def real_program(program, folder):
    """No room for a run: nothing is trained. Room for some: these are kept."""
    disk = folder / "disk"
    disk.mkdir()
    (folder / "study.yaml").write_text(STUDY)
    out = disk / "out"

    def run():
        return subprocess.run([program, "run", folder / "study.yaml", "--out", out, "--jobs", "2"],
                              capture_output=True, text=True)

    mount(disk, 3)
    done = run()
    sentence = [line for line in done.stderr.splitlines() if "disk is full" in line]
    check(done.returncode == 1 and len(sentence) == 1, done.stderr)
    check(re.search(r"disk is full: \S+/runs: [\d.]+ MB are wanted for a run's checkpoint and record, "
                    r"[\d.]+ MB are left; 0 of 3 runs are done and kept, nothing more was run; make "
                    r"room, and the same command goes on from there", sentence[0]), done.stderr)
    check("failed:" not in done.stderr, done.stderr)
    check(not list(out.rglob("*.h5")) and not files(out), done.stderr + str(files(out)))

    mount(disk, 7, "remount")
    done = run()
    kept = re.search(r"(\d) of 3 runs are done and kept", done.stderr)
    check(done.returncode == 1 and kept and 0 < int(kept[1]) < 3, done.stderr)
    check(len(list(out.rglob("runs/*.h5"))) == int(kept[1]) and not files(out),
          done.stderr + str(files(out)))

    mount(disk, 100, "remount")
    done = run()
    check(done.returncode == 0 and f"{kept[1]} done, {3 - int(kept[1])} to do" in done.stderr, done.stderr)
    check(not files(out) and not (out / ".unfinished").exists(), str(files(out)))


def fake_program(program, folder):
    """The disk fills up during a run: its record cannot be written."""
    disk = folder / "filled"
    disk.mkdir()
    mount(disk, 1)
    out = disk / "out"
    environment = dict(os.environ, BITSWEEP_FAKE_WAITS_FOR=str(folder / "go"))
    with open(folder / "log", "w") as log:
        batch = subprocess.Popen([program, "run", folder / "study.yaml", "--out", out, "--jobs", "1"],
                                 stdout=subprocess.DEVNULL, stderr=log, env=environment)
    while not list(out.glob("runs/*.log")):
        time.sleep(0.01)
    filler = os.open(disk / "filler", os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(filler, bytes(4096))
    except OSError:
        os.close(filler)
    (folder / "go").touch()
    batch.wait()
    text = (folder / "log").read_text()
    check(batch.returncode == 1, text)
    check(re.search(r"disk is full: \S+: cannot be written \(No space left on device; [\d.]+ MB are "
                    r"wanted, [\d.]+ MB are left\); 0 of 3 runs are done", text), text)
    check(not list(out.rglob("*.h5")) and not files(out), text + str(files(out)))
    os.remove(disk / "filler")
    done = subprocess.run([program, "run", folder / "study.yaml", "--out", out],
                          capture_output=True, text=True, env=environment)
    check(done.returncode == 0 and "0 done, 3 to do" in done.stderr, done.stderr)


def main():
    if os.environ.get("BITSWEEP_OWN_MOUNTS") is None:
        if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
            print("a disk of its own takes root and mount namespaces; skipped")
            sys.exit(77)
        os.execvpe("unshare", ["unshare", "-m", sys.executable, *sys.argv],
                   dict(os.environ, BITSWEEP_OWN_MOUNTS="1"))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        try:
            (folder / "probe").mkdir()
            mount(folder / "probe", 1)
        except (OSError, subprocess.CalledProcessError):
            print("nothing can be mounted here; skipped")
            sys.exit(77)
        try:
            real_program(sys.argv[1], folder)
            fake_program(sys.argv[2], folder)
        finally:
            for disk in ("probe", "disk", "filled"):
                subprocess.run(["umount", "-l", folder / disk], capture_output=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Times planning, status, dry run and report of a study of thousands of runs.

    tests/bench/batch_scale.py build/release/bin/bitsweep [RUNS] [FOLDER]

Two short runs are trained; their records, with the digests of all others put into their
bytes, stand for the rest. Nothing else differs from a folder of real results.
"""
import hashlib
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time

SEAL_SIZE = 512
KIND = "bitsweep run record"


def study_text(rows, seeds):
    text = f"""name: scale
dataset: {{id: shapes, validation: 100, train_limit: 400, test_limit: 1000}}
network: {{id: lenet}}
edges: {{first: float, last: float, bias: float}}
training: {{epochs: 1, batch_size: 50}}
fine_tuning: none
seeds: {list(range(1, seeds + 1))}
rows:
"""
    for row in range(rows):
        text += f"  - {{label: row {row + 1}, method: {{id: twn}}, calibration_batches: {row + 1}}}\n"
    return text


def call(program, *words):
    begin = time.time()
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    return time.time() - begin, done


def peak_of(program, *words):
    """Seconds and the most memory of one call, in MB."""
    timed = ["/usr/bin/python3", "-c",
             "import resource, subprocess, sys\n"
             "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
             "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)",
             str(program), *map(str, words)]
    begin = time.time()
    memory = float(subprocess.run(timed, capture_output=True, text=True).stdout)
    return time.time() - begin, memory


def sealed(image):
    seal = f"{KIND}\nbytes {len(image)}\nsha256 {hashlib.sha256(image).hexdigest()}\n"
    return seal.encode().ljust(SEAL_SIZE, b"\n") + image


def runs_of(listing):
    for line in listing.splitlines():
        found = re.match(r"(?:to do|done|failed) +([0-9a-f]{16})  (.*?), seed (\d+)", line)
        if found:
            yield found.groups()


def make_records(program, folder, study):
    """Trains one float and one quantized run, and makes all others' records of these."""
    out = folder / "out"
    only = "label == 'row 1' && seed == 1"
    call(program, "run", study, "--out", out, "--only", only)
    templates = {}
    for path in (out / "runs").glob("*.h5"):
        digest = path.stem.rsplit("-", 1)[1]
        templates["float" if "-float-" in path.name else "row"] = (
            digest, path.read_bytes()[SEAL_SIZE:])
    listing = call(program, "run", study, "--out", out, "--dry-run")[1].stdout
    count = 0
    for digest, label, seed in runs_of(listing):
        count += 1
        own, image = templates["float" if label == "float" else "row"]
        if digest == own:
            continue
        path = out / "runs" / f"x-{digest}.h5"
        path.write_bytes(sealed(image.replace(own.encode(), digest.encode())))
    return out, count


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 10000
    folder = pathlib.Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp())
    folder.mkdir(exist_ok=True)
    seeds = 100
    study = folder / "study.yaml"
    study.write_text(study_text(max(1, runs // seeds - 1), seeds))
    out, count = make_records(program, folder, study)
    size = sum(path.stat().st_size for path in (out / "runs").glob("*.h5"))
    print(f"{count} runs, {size / 1e6:.0f} MB of records in {out}")
    index = out / "runs" / ".index"
    for name, words, cold in [
            ("plan, records never seen", ("run", study, "--out", out, "--dry-run"), True),
            ("plan", ("run", study, "--out", out, "--dry-run"), False),
            ("run, with all done", ("run", study, "--out", out), False),
            ("status", ("status", out), False),
            ("report", ("report", out), False)]:
        if cold and index.exists():
            os.remove(index)
        seconds, memory = peak_of(program, *words)
        print(f"{name:28} {seconds:7.2f} s  {memory:7.0f} MB")


if __name__ == "__main__":
    main()

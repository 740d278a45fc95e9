#!/usr/bin/env python3
"""Times planning, status, dry run and reports of a study of thousands of runs.

    tests/bench/batch_scale.py build/release/bin/bitsweep [--rows 99] [--seeds 100] [--keep DIR]

One float and one quantized run are trained; their records, with the digests of all others put
into their bytes, stand for the rest. Nothing else differs from a folder of real results.
"""
import argparse
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

SEAL_SIZE = 512


def study_text(rows, seeds):
    text = f"""name: scale
dataset: {{id: shapes, validation: 100, train_limit: 400, test_limit: 2000}}
network: {{id: lenet}}
edges: {{first: float, last: float, bias: float}}
training: {{epochs: 2, batch_size: 50}}
fine_tuning: {{epochs: 2}}
keep: predictions
seeds: {list(range(1, seeds + 1))}
rows:
"""
    for row in range(rows):
        text += (f"  - {{label: row {row + 1}, method: {{id: lsq, weight_bits: 4, activation_bits: 4}}, "
                 f"calibration_batches: {row % 8 + 1}, fine_tuning: {{epochs: 2, optimizer: "
                 f"{{learning_rate: {0.001 + row * 1e-6:.6f}}}}}}}\n")
    return text


def call(program, *words):
    """Seconds, CPU seconds, the most memory in MB, and what was printed."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin = time.monotonic()
        process = subprocess.Popen([program, *map(str, words)], stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - begin
        out.seek(0)
        err.seek(0)
        text = out.read().decode()
        if process.returncode != 0:
            sys.exit(f"{' '.join(map(str, words))}: exit code {process.returncode}\n"
                     + err.read().decode()[-2000:])
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text


class Record:
    """A record's two HDF5 files, of which copies with other digests are made."""

    def __init__(self, path):
        self.digest = path.stem.rsplit("-", 1)[1].encode()
        data = path.read_bytes()
        self.kind = data.split(b"\n", 1)[0]
        sizes = re.findall(rb"bytes (\d+)\n", data[:SEAL_SIZE])
        image, summary = map(int, sizes)
        self.image = data[SEAL_SIZE:SEAL_SIZE + image]
        self.summary = data[SEAL_SIZE + image:]
        assert len(self.summary) == summary

    def of(self, digest):
        image, summary = (part.replace(self.digest, digest.encode())
                          for part in (self.image, self.summary))
        seal = b"%s\nbytes %d\nsha256 %s\nsummary bytes %d\nsummary sha256 %s\n" % (
            self.kind, len(image), hashlib.sha256(image).hexdigest().encode(), len(summary),
            hashlib.sha256(summary).hexdigest().encode())
        return seal.ljust(SEAL_SIZE, b"\n") + image + summary


def make_records(program, folder, study):
    out = folder / "out"
    call(program, "run", study, "--out", out, "--only", "label == 'row 1' && seed == 1")
    templates = {"-float-" in path.name: Record(path) for path in (out / "runs").glob("*.h5")}
    runs = re.findall(r"^(?:to do|done) +([0-9a-f]{16})  (.*?), seed (\d+)",
                      call(program, "run", study, "--out", out, "--dry-run")[3], re.MULTILINE)
    there = {path.stem.rsplit("-", 1)[1] for path in (out / "runs").glob("*.h5")}
    for digest, label, seed in runs:
        if digest in there:
            continue
        name = f"lenet-{label.replace(' ', '-')}-seed{seed}-{digest}.h5"
        (out / "runs" / name).write_bytes(templates[label == "float"].of(digest))
    return out, len(runs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--rows", type=int, default=99, help="beside the float row (99)")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--keep", help="work here, and leave what is there")
    arguments = parser.parse_args()
    program = pathlib.Path(arguments.program).resolve()
    folder = pathlib.Path(arguments.keep or tempfile.mkdtemp(prefix="batch_scale-"))
    folder.mkdir(parents=True, exist_ok=True)
    study = folder / "study.yaml"
    study.write_text(study_text(arguments.rows, arguments.seeds))
    out, count = make_records(program, folder, study)
    size = sum(path.stat().st_size for path in (out / "runs").glob("*.h5"))
    print(f"{count} runs, {size / 1e6:.0f} MB of records\n\n"
          "| command | s | CPU s | peak MB |\n|---|---:|---:|---:|", flush=True)
    steps = [("run --dry-run, no index", ("run", study, "--out", out, "--dry-run")),
             ("run --dry-run", ("run", study, "--out", out, "--dry-run")),
             ("run, all done", ("run", study, "--out", out)),
             ("status", ("status", out))]
    steps += [(f"report --format {name}", ("report", out, "--format", name))
              for name in ("md", "csv", "runs", "tex", "json", "html")]
    for name, words in steps:
        if name.endswith("no index"):
            (out / "runs/.index").unlink(missing_ok=True)
        seconds, cpu, memory, _ = call(program, *words)
        print(f"| `{name}` | {seconds:.2f} | {cpu:.2f} | {memory:.0f} |", flush=True)
    for file in sorted(out.glob("*.*")):
        print(f"{file.name}: {file.stat().st_size / 1e6:.1f} MB", end="  ")
    print()
    if not arguments.keep:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()

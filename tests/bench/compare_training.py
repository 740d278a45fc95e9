#!/usr/bin/python3
"""Speed of bitsweep beside PyTorch's: three networks, one and two threads.

usage: compare_training.py [--seconds 3] [--rounds 3] [--write]
       compare_training.py --quick

Within each round every cell runs both programs one after the other, so that what slows the
machine for a while slows both; the median of the rounds counts. Run it on an idle machine.
--write keeps what was measured in tests/bench/results/training.json, makes the page
tests/bench/results/training.md of it, and fills the README's sentence. --quick is one round of
half a second, in less than three minutes, to see that all of it works.
"""
import argparse
import datetime
import itertools
import json
import math
import os
import pathlib
import platform
import shlex
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = ROOT / "tests/bench/results"
BITSWEEP = ROOT / "build/release/bin/bitsweep"
PYTORCH = pathlib.Path(__file__).with_name("pytorch_train.py")
BATCH = {"lenet": 64, "cifar10-full": 100, "resnet-20": 128}
DATASET = {"lenet": "mnist", "cifar10-full": "cifar10", "resnet-20": "cifar10"}
METHODS = ("float", "dorefa")
THREADS = (1, 2)
# What is timed, by the program's command for it. pytorch_train.py has `--work inference`
# too: it is compared as soon as the program has a command to name here.
WORK = {"training": ("bench", "train")}


class Failure(Exception):
    """What ends the comparison, in one sentence."""


def output(*command, threads=None):
    """What the command prints. `threads` holds for OpenMP and for OpenBLAS, in both programs."""
    pinned = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    run = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True,
                         env={**os.environ, **(pinned if threads else {})})
    if run.returncode != 0:
        lines = run.stderr.strip().splitlines()
        raise Failure(lines[-1] if lines else f"{shlex.join(map(str, command))} failed")
    return run.stdout.strip()


def bitsweep(work, model, method):
    bits = ["--set", "weight_bits=4", "--set", "activation_bits=4"]
    return [BITSWEEP, *WORK[work], "--dataset", DATASET[model],
            *(bits if method == "dorefa" else [])]


def pytorch(work, _model, _method):
    return [sys.executable, "-B", PYTORCH, "--work", work]


PROGRAMS = {"bitsweep": bitsweep, "pytorch": pytorch}


def run(program, cell, seconds):
    """The report of one run of one program."""
    work, model, threads, method = cell
    return json.loads(output(*PROGRAMS[program](work, model, method), "--model", model,
                             "--method", method, "--batch", BATCH[model],
                             "--threads", threads, "--seconds", seconds, "--json",
                             threads=threads))


def measure(seconds, rounds):
    """For each cell and program the images per second of every round."""
    speeds = {}
    for number in range(rounds):
        for cell in itertools.product(WORK, BATCH, THREADS, METHODS):
            for program in PROGRAMS:
                report = run(program, cell, seconds)
                speeds.setdefault((*cell, program), []).append(report["images_per_second"])
            print(f"round {number + 1} of {rounds}: {', '.join(map(str, cell))}",
                  file=sys.stderr)
    return [dict(zip(("work", "model", "threads", "method", "program", "images_per_second"),
                     (*cell, values))) for cell, values in speeds.items()]


def torch_facts():
    """PyTorch's version and BLAS. Fails where it is missing or on the reference BLAS."""
    try:
        output(sys.executable, "-c", "import torch")
    except Failure:
        raise Failure(f"{sys.executable} has no PyTorch; install it with "
                      "scripts/setup --with-torch") from None
    report = json.loads(output(sys.executable, "-B", PYTORCH, "--model", "lenet", "--seconds",
                               "0.01", "--json"))
    return {key: report[key] for key in ("program", "blas", "blas_file")}


def cpu():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(": ", 1)[1] for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores"


def medians(results):
    names = ("work", "model", "threads", "method", "program")
    return {tuple(cell[name] for name in names): statistics.median(cell["images_per_second"])
            for cell in results["cells"]}


def ratios(results):
    """Each cell's median speed of bitsweep over PyTorch's."""
    speeds = medians(results)
    return {cell[:-1]: speed / speeds[(*cell[:-1], "pytorch")]
            for cell, speed in speeds.items() if cell[-1] == "bitsweep"}


def extremes(results, work):
    found = [ratio for cell, ratio in ratios(results).items() if cell[0] == work]
    return min(found), max(found)


def table(results, work):
    speeds, faster = medians(results), ratios(results)
    lines = ["| network | batch | threads | bitsweep float | PyTorch float | ratio "
             "| bitsweep DoReFa | PyTorch DoReFa | ratio | DoReFa step / float step |",
             "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"]
    for model, threads in itertools.product(BATCH, THREADS):
        row = [model, BATCH[model], threads]
        for method in METHODS:
            cell = (work, model, threads, method)
            row += [f"{speeds[(*cell, program)]:.0f}" for program in PROGRAMS]
            row.append(f"{faster[cell]:.2f}")
        plain, quantized = (speeds[(work, model, threads, method, "bitsweep")]
                            for method in METHODS)
        row.append(f"{plain / quantized:.2f}")
        lines.append(f"| {' | '.join(map(str, row))} |")
    means = {method: math.exp(statistics.fmean(math.log(ratio) for cell, ratio in faster.items()
                                               if cell[0] == work and cell[-1] == method))
             for method in METHODS}
    lines += ["", "Geometric mean of the ratios: " +
              ", ".join(f"{mean:.2f} ({method})" for method, mean in means.items()) + "."]
    return "\n".join(lines)


def page(results):
    tables = "\n\n".join(f"## {work.capitalize()}\n\n{table(results, work)}" for work in WORK)
    torch = results["pytorch"]
    return f"""# Speed beside PyTorch's

Images per second of whole steps (in training forward, loss, backward and update; batches of random
images), as the median of {results["rounds"]} alternating runs of {results["seconds"]:g} s. DoReFa has 4-bit weights
and activations, first and last layer in float. PyTorch runs in both of its memory formats and
the faster one counts. A ratio above 1 means that bitsweep is faster. Both programs have as many
threads of OpenMP and of OpenBLAS as the table says.

{tables}

- Command: `{results["command"]}`
- Date: {results["date"]}
- Machine: {results["machine"]}; load average before the start: {results["load"]:.2f}
- {results["bitsweep"]}
- {torch["program"]}, BLAS: {torch["blas"]} (`{torch["blas_file"]}`), Python {results["python"]}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3, help="of each run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        if options.write:
            parser.error("--quick is too short to be kept; leave out --write")
        options.seconds, options.rounds = 0.5, 1

    load = os.getloadavg()[0]
    if options.write and load > os.cpu_count() / 2:
        raise Failure(f"--write wants an idle machine; the load average is {load:.1f} for "
                      f"{os.cpu_count()} cores")
    if not BITSWEEP.exists():
        raise Failure(f"{BITSWEEP.relative_to(ROOT)} is not there; scripts/quickstart builds it")
    results = {
        "command": shlex.join(["tests/bench/compare_training.py", *sys.argv[1:]]),
        "date": str(datetime.date.today()), "machine": cpu(), "load": load,
        "seconds": options.seconds, "rounds": options.rounds,
        "bitsweep": ", ".join(output(BITSWEEP, "version").splitlines()),
        "python": platform.python_version(), "pytorch": torch_facts()}
    results["cells"] = measure(options.seconds, options.rounds)
    results["ratios"] = {work: extremes(results, work) for work in WORK}
    print(page(results))
    if options.write:
        (RESULTS / "training.json").write_text(json.dumps(results, indent=1) + "\n")
        (RESULTS / "training.md").write_text(page(results))
        output(sys.executable, ROOT / "scripts/readme_table.py")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        print(f"compare_training.py: {failure}", file=sys.stderr)
        sys.exit(2)

#!/usr/bin/python3
"""Training speed of bitsweep beside PyTorch's: three networks, one and two threads.

usage: compare_training.py [--seconds 3] [--rounds 3] [--write]

Within each round every cell runs both programs one after the other, so that what slows the
machine for a while slows both; the median of the rounds counts. Run it on an idle machine.
--write puts the table into tests/bench/results/training.md.
"""
import argparse
import datetime
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
BITSWEEP = ROOT / "build/release/bin/bitsweep"
BATCH = {"lenet": 64, "cifar10-full": 100, "resnet-20": 128}
DATASET = {"lenet": "mnist", "cifar10-full": "cifar10", "resnet-20": "cifar10"}
METHODS = ("float", "dorefa")
THREADS = (1, 2)


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def bitsweep(model, method):
    bits = ["--set", "weight_bits=4", "--set", "activation_bits=4"]
    return [BITSWEEP, "bench", "train", "--dataset", DATASET[model], "--method", method,
            *(bits if method == "dorefa" else [])]


def pytorch(model, method):
    return [sys.executable, pathlib.Path(__file__).with_name("pytorch_train.py"),
            "--method", method]


PROGRAMS = {"bitsweep": bitsweep, "pytorch": pytorch}


def run(program, model, method, threads, seconds):
    """Images per second of one run of one program."""
    report = json.loads(output(*program(model, method), "--model", model,
                               "--batch", str(BATCH[model]), "--threads", str(threads),
                               "--seconds", str(seconds), "--json"))
    return report["images_per_second"]


def measure(seconds, rounds):
    """{(program, model, method, threads): median images per second}"""
    speeds = {}
    for number in range(rounds):
        for model in BATCH:
            for threads in THREADS:
                for method in METHODS:
                    for name, program in PROGRAMS.items():
                        speed = run(program, model, method, threads, seconds)
                        speeds.setdefault((name, model, method, threads), []).append(speed)
                print(f"round {number + 1} of {rounds}: {model}, {threads} thread(s)",
                      file=sys.stderr)
    return {cell: statistics.median(values) for cell, values in speeds.items()}


def table(speeds):
    lines = ["| network | batch | threads | bitsweep float | PyTorch float | ratio "
             "| bitsweep DoReFa | PyTorch DoReFa | ratio | DoReFa step / float step |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    ratios = {method: [] for method in METHODS}
    for model, batch in BATCH.items():
        for threads in THREADS:
            row = [model, batch, threads]
            for method in METHODS:
                ours = speeds["bitsweep", model, method, threads]
                theirs = speeds["pytorch", model, method, threads]
                ratios[method].append(ours / theirs)
                row += [f"{ours:.0f}", f"{theirs:.0f}", f"{ours / theirs:.2f}"]
            slower = (speeds["bitsweep", model, "float", threads] /
                      speeds["bitsweep", model, "dorefa", threads])
            lines.append("| " + " | ".join(map(str, [*row, f"{slower:.2f}"])) + " |")
    means = {method: math.exp(statistics.fmean(map(math.log, values)))
             for method, values in ratios.items()}
    lines += ["", "Geometric mean of the ratios: " +
              ", ".join(f"{mean:.2f} ({method})" for method, mean in means.items()) + "."]
    return "\n".join(lines)


def cpu():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(": ", 1)[1] for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores"


def page(text, options, torch):
    return f"""# Training speed

Images per second of whole training steps (forward, loss, backward, update; batches of random
images), as the median of {options.rounds} alternating runs of {options.seconds:g} s. DoReFa has 4-bit weights
and activations, first and last layer in float. PyTorch runs in both of its memory formats and
the faster one counts. A ratio above 1 means that bitsweep is faster.

{text}

- Command: `{shlex.join(["tests/bench/compare_training.py", *sys.argv[1:]])}`
- Date: {datetime.date.today()}
- Machine: {cpu()}
- {", ".join(output(BITSWEEP, "version").splitlines())}
- {torch}, Python {platform.python_version()}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3, help="of each run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()

    if not BITSWEEP.exists():
        sys.exit(f"{BITSWEEP.relative_to(ROOT)} is not there; scripts/quickstart builds it")
    try:
        torch = output(sys.executable, "-c", "import torch; print('PyTorch', torch.__version__)")
    except subprocess.CalledProcessError:
        sys.exit(f"{sys.executable} has no PyTorch; install it with scripts/setup --with-torch")

    text = table(measure(options.seconds, options.rounds))
    print(text)
    if options.write:
        file = ROOT / "tests/bench/results/training.md"
        file.parent.mkdir(exist_ok=True)
        file.write_text(page(text, options, torch))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Kills a batch at random instants and compares what is left in the end.

usage: kill_batches.py BITSWEEP [--kills N] [--seed N] [--keep DIR]

A small study is run undisturbed, and then again and again in another folder, where each
invocation is ended after a random time: the whole batch or one worker alone, by SIGKILL,
SIGTERM or SIGINT. When N invocations have been ended the command is left to finish. Both
folders must then hold the same: every dataset and attribute of every record but those of
/provenance, and every table but its columns of times and speeds, byte for byte.
"""
import argparse
import csv
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

try:
    import h5py
    import numpy
except ImportError:
    print("python3 has no h5py; skipped")
    sys.exit(77)

# Rounds, pruning and clusters, learned steps, stochastic gradients, normalisation.
STUDY = """\
name: killed
dataset: {id: shapes, validation: 100, train_limit: %d, test_limit: 200}
network: {id: lenet-bn}
edges: {first: method, last: method, bias: float}
training: {epochs: 2, batch_size: 25, optimizer: {id: sgd, learning_rate: 0.02, momentum: 0.9}}
fine_tuning: {epochs: 2, batch_size: 25, optimizer: {id: sgd, learning_rate: 0.01, momentum: 0.9}}
calibration_batches: 4
seeds: [1]
rows:
  - method: {id: inq}
  - method: {id: deep_compression}
  - method: {id: lsq, weight_bits: 4, activation_bits: 4}
  - method: {id: dorefa, weight_bits: 2, activation_bits: 2, gradient_bits: 6}
  - method: {id: dynamic_fixed_point, weight_bits: 4, activation_bits: 8}
"""


def command(program, study, out):
    return [program, "run", study, "--out", out, "--jobs", "2", "--checkpoint", "0.002"]


def children_of(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def end_somehow(batch, draw):
    """What came to an end, in a word."""
    number = draw.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
    workers = children_of(batch.pid)
    if workers and draw.random() < 0.3:
        send(draw.choice(workers), number)
        return f"a worker by {number.name}"
    if draw.random() < 0.2:
        for worker in workers:
            send(worker, signal.SIGUSR1)
    send(batch.pid, number)
    return f"the batch by {number.name}"


def contents(path):
    """Every dataset and attribute of an HDF5 file but those of its provenance."""
    found = {}

    def add(name, item):
        if name == "provenance":
            return
        for key, value in item.attrs.items():
            found[f"{name}@{key}"] = repr(value)
        if isinstance(item, h5py.Dataset):
            value = item[()]
            text = value.tobytes() if isinstance(value, numpy.ndarray) and value.dtype.kind != "O" \
                and not (value.dtype.names and any(value.dtype[n].kind == "O" for n in value.dtype.names)) \
                else repr(value)
            found[name] = (str(item.dtype), item.shape, text)

    with h5py.File(path, "r") as file:
        add("/", file)
        file.visititems(add)
    return found


# Columns and keys that say when, where and how fast: what a record has in /provenance.
OF_PROVENANCE = ("speed_images_per_second", "wall_time_seconds", "started", "revision")


def table(path):
    """The cells of a CSV file but those of provenance."""
    with open(path, newline="") as file:
        return [{key: value for key, value in row.items() if not key.startswith(OF_PROVENANCE)}
                for row in csv.DictReader(file)]


def differences(left, right):
    """Names of what differs between two folders of results."""
    def files(folder):
        return {path.relative_to(folder).as_posix() for path in folder.rglob("*")
                if path.is_file() and not path.name.startswith(".")}

    wrong = sorted(files(left) ^ files(right))
    for name in sorted(files(left) & files(right)):
        if name.endswith(".h5"):
            a, b = contents(left / name), contents(right / name)
            wrong += [f"{name}: {part}" for part in sorted(a.keys() | b.keys())
                      if a.get(part) != b.get(part)]
        elif name.endswith(".csv"):
            if table(left / name) != table(right / name):
                wrong.append(name)
        elif name.endswith((".md", ".tex", ".txt")):
            if (left / name).read_bytes() != (right / name).read_bytes():
                wrong.append(name)
    return wrong


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("program")
    arguments.add_argument("--kills", type=int, default=5)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--images", type=int, default=500, help="of training (500)")
    arguments.add_argument("--keep", help="work here, and leave what is there")
    chosen = arguments.parse_args()
    folder = pathlib.Path(chosen.keep or tempfile.mkdtemp(prefix="kill_batches-"))
    folder.mkdir(parents=True, exist_ok=True)
    study = folder / "study.yaml"
    study.write_text(STUDY % chosen.images)
    draw = random.Random(chosen.seed)

    began = time.monotonic()
    whole = folder / "whole"
    run = subprocess.run(command(chosen.program, study, whole), capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"the undisturbed batch failed:\n{run.stderr}")
    lasted = time.monotonic() - began
    print(f"undisturbed: {lasted:.1f} s")

    kills = wrong = continued = rounds = 0
    while kills < chosen.kills:
        rounds += 1
        killed = folder / f"killed-{rounds}"
        for _ in range(10_000):
            log = open(folder / "log", "w")
            batch = subprocess.Popen(command(chosen.program, study, killed),
                                     stdout=subprocess.DEVNULL, stderr=log, start_new_session=True)
            ended = ""
            if kills < chosen.kills:
                try:
                    batch.wait(draw.uniform(0, 0.5 * lasted))
                except subprocess.TimeoutExpired:
                    ended = end_somehow(batch, draw)
            code = batch.wait()
            log.close()
            text = (folder / "log").read_text()
            continued += text.count("continues from")
            if "begins anew" in text:
                sys.exit(f"a checkpoint was of no use:\n{text}")
            if ended:
                kills += 1
                print(f"kill {kills}: {ended}", flush=True)
            if code == 0:
                break
            if code > 1 and code not in (130,):
                sys.exit(f"exit code {code}:\n{text}")
        else:
            sys.exit("the batch never came to its end")
        found = differences(whole, killed)
        wrong += len(found)
        for name in found:
            print(f"differs: {name}")
    print(f"{kills} kills in {rounds} batches, {continued} runs taken up from a checkpoint, "
          f"{wrong} differences")
    if not chosen.keep and wrong == 0:
        shutil.rmtree(folder)
    sys.exit(wrong != 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What quantized training costs: each method's training step over the float step.

usage: method_steps.py PROGRAM [--model NAME] [--batch N] [--threads N] [--seconds S]
                       [--rounds N]

Float and method are measured by turns; a ratio is that of the fastest steps of all rounds.
Prints a Markdown table.
"""
import argparse
import json
import subprocess
import sys

METHODS = [
    ("binaryconnect", {}, False),
    ("binaryconnect", {"stochastic": "true"}, True),
    ("bwn", {}, False),
    ("xnor", {}, False),
    ("xnor", {"input_scale": "true"}, False),
    ("bnn", {}, False),
    ("twn", {}, False),
    ("ttq", {}, False),
    ("dorefa", {"weight_bits": "4", "activation_bits": "4"}, False),
    ("dorefa", {"weight_bits": "1", "activation_bits": "2", "gradient_bits": "6"}, True),
    ("qnn", {"weight_bits": "2", "activation_bits": "2"}, False),
    ("hwgq", {}, False),
    ("lognet", {}, False),
    ("lognet", {"gradient_bits": "5"}, False),
    ("inq", {}, False),
    ("static_fixed_point", {}, True),
    ("dynamic_fixed_point", {}, True),
    ("minifloat", {}, True),
    ("power_of_two", {}, True),
    ("pact", {}, False),
    ("lsq", {}, False),
    ("lsq", {"offset": "true"}, False),
    ("wrpn", {}, False),
    ("apot", {}, False),
]


def fastest_step(arguments, method, settings):
    command = [arguments.program, "bench", "train", "--model", arguments.model,
               "--dataset", arguments.dataset, "--batch", str(arguments.batch),
               "--threads", str(arguments.threads), "--seconds", str(arguments.seconds),
               "--method", method, "--json"]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)["fastest_step_ms"]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--model", default="lenet-bn")
    parser.add_argument("--dataset", default="fashion-mnist")
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()

    print(f"`method_steps.py {' '.join(sys.argv[1:])}`\n")
    print("| method | settings | float step (ms) | step (ms) | ratio | limit |")
    print("|---|---|---:|---:|---:|---:|")
    for method, settings, stochastic in METHODS:
        plain, own = [], []
        for _ in range(arguments.rounds):
            plain.append(fastest_step(arguments, "float", {}))
            own.append(fastest_step(arguments, method, settings))
        text = ", ".join(f"{key}: {value}" for key, value in settings.items()) or "defaults"
        print(f"| {method} | {text} | {min(plain):.2f} | {min(own):.2f} "
              f"| {min(own) / min(plain):.2f} | {1.6 if stochastic else 1.3} |", flush=True)


if __name__ == "__main__":
    main()

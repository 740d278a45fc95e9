#!/usr/bin/env python3
"""Writes the README's table of methods from results/reference/survey-fashion/report.csv.

usage: readme_table.py [--check] [ROOT]

With --check nothing is written; exits with 1 where the README holds another table.
"""
import argparse
import csv
import pathlib
import re
import sys

BLOCK = re.compile(r"(<!-- begin: methods and results -->\n).*?(<!-- end: methods and results -->)",
                   re.DOTALL)
HEAD = ("| | method | weight bits | activation bits | first, last layer | accuracy (%) "
        "| accuracy drop (pp) | AlexNet's published drop (pp) | size |\n|---|---|---:|---:|---|---:|---:|---:|---:|\n")


def mean_and_std(row, name):
    mean, std = row[f"{name}_mean"], row[f"{name}_sd"]
    return f"{float(mean):.2f} ± {float(std):.2f}" if mean else ""


def published(row):
    drop = row["published_drop_pp"]
    return drop + ("†" if drop and row["published_mark"] == "recalled" else "")


def cells(row, group):
    is_float = row["method_id"] == "float"
    ends = "" if is_float else "float" if row["first"] == "float" else "quantized"
    return [group, row["method"], row["weight_bits"], row["activation_bits"], ends,
            mean_and_std(row, "accuracy_percent"), mean_and_std(row, "accuracy_drop_pp"),
            published(row), f"{float(row['ratio_mean']):.1f}x smaller" if not is_float else ""]


def table(rows):
    lines, before = "", None
    for row in rows:
        group = row["group"] if row["group"] != before else ""
        before = row["group"]
        lines += re.sub(r"\|  (?=\|)", "| ", f"| {' | '.join(cells(row, group))} |\n")
    return HEAD + lines


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("root", nargs="?", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent)
    arguments = parser.parse_args()
    report = arguments.root / "results/reference/survey-fashion/report.csv"
    with report.open(newline="", encoding="utf-8") as file:
        wanted = table(list(csv.DictReader(file)))
    readme = arguments.root / "README.md"
    text = readme.read_text(encoding="utf-8")
    filled = BLOCK.sub(lambda block: f"{block[1]}{wanted}{block[2]}", text)
    if arguments.check and filled != text:
        sys.exit("README.md: its table is not that of results/reference/survey-fashion; "
                 "run scripts/readme_table.py")
    if not arguments.check:
        readme.write_text(filled, encoding="utf-8")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes what of the README is made from files of results: the table of methods from
results/reference/survey-fashion/report.csv, the sentence on speed from
tests/bench/results/training.json.

usage: readme_table.py [--check] [ROOT]

With --check nothing is written; exits with 1 where the README holds something else.
"""
import argparse
import csv
import json
import pathlib
import re
import sys
import textwrap

HEAD = ("| | method | weight bits | activation bits | first, last layer | accuracy (%) "
        "| accuracy drop (pp) | AlexNet's published drop (pp) | file |\n|---|---|---:|---:|---|---:|---:|---:|---:|\n")


def mean_and_std(row, name):
    mean, std = row[f"{name}_mean"], row[f"{name}_sd"]
    # + 0.0 makes a zero of -0.
    return f"{round(float(mean), 2) + 0.0:.2f} ± {float(std):.2f}" if mean else ""


def published(row):
    drop = row["published_drop_pp"]
    marks = {"recalled": "†", "quoted": "‡"}
    return drop + (marks.get(row["published_mark"], "") if drop else "")


def cells(row, group):
    is_float = row["method_id"] == "float"
    ends = "" if is_float else "float" if row["first"] == "float" else "quantized"
    return [group, row["method"], row["weight_bits"], row["activation_bits"], ends,
            mean_and_std(row, "accuracy_percent"), mean_and_std(row, "accuracy_drop_pp"),
            published(row), f"{float(row['file_ratio_mean']):.1f}x smaller" if not is_float else ""]


def table(rows):
    lines, before = "", None
    for row in rows:
        group = row["group"] if row["group"] != before else ""
        before = row["group"]
        lines += re.sub(r"\|  (?=\|)", "| ", f"| {' | '.join(cells(row, group))} |\n")
    return HEAD + lines


def methods_and_results(root):
    report = root / "results/reference/survey-fashion/report.csv"
    with report.open(newline="", encoding="utf-8") as file:
        return table(list(csv.DictReader(file)))


def training_speed(root):
    file = root / "tests/bench/results/training.json"
    if not file.exists():
        return ("  How many images per second it trains beside PyTorch on the same cores,\n"
                "  `tests/bench/compare_training.py --write` measures.\n")
    results = json.loads(file.read_text(encoding="utf-8"))
    least, most = results["ratios"]["training"]
    torch = results["pytorch"]
    sentence = (f"{least:.1f} to {most:.1f} times as many images per second in "
                f"training as {torch['program']} with {torch['blas']} on the same cores, with "
                "quantizers or without: `tests/bench/results/training.md`, made by "
                f"`{results['command']}`.")
    return textwrap.indent(textwrap.fill(sentence, 96, break_on_hyphens=False,
                                         break_long_words=False), "  ") + "\n"


# What stands between `<!-- begin: NAME -->` and `<!-- end: NAME -->`.
BLOCKS = {"methods and results": methods_and_results, "training speed": training_speed}


def filled(text, root):
    for name, make in BLOCKS.items():
        block = re.compile(rf"(<!-- begin: {name} -->\n).*?([ ]*<!-- end: {name} -->)", re.DOTALL)
        made = make(root)
        text, count = block.subn(lambda found, made=made: found[1] + made + found[2], text)
        if count != 1:
            sys.exit(f"README.md: has {count} blocks '<!-- begin: {name} -->', not one")
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("root", nargs="?", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent)
    arguments = parser.parse_args()
    readme = arguments.root / "README.md"
    text = readme.read_text(encoding="utf-8")
    wanted = filled(text, arguments.root)
    if arguments.check and wanted != text:
        sys.exit("README.md: a table or a figure is not that of the files of results; "
                 "run scripts/readme_table.py")
    if not arguments.check:
        readme.write_text(wanted, encoding="utf-8")


if __name__ == "__main__":
    main()

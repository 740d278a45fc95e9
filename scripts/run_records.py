"""The records of a study's runs, by the rows of its table."""
import collections
import csv


def records_by_row(folder):
    """{label: {seed: file}} of what `bitsweep run` wrote to `folder`: runs.csv has the labels,
    and file names, which are cut short, end in the digest."""
    table = folder / "runs.csv"
    if not table.is_file():
        raise SystemExit(f"{folder}: there is no runs.csv; `bitsweep report {folder}` writes one")
    files = {file.stem.rsplit("-", 1)[-1]: file for file in (folder / "runs").glob("*.h5")}
    rows = collections.defaultdict(dict)
    with table.open(newline="") as lines:
        for run in csv.DictReader(lines):
            if run["digest"] in files:
                rows[run["method"]][int(run["seed"])] = files[run["digest"]]
    return rows

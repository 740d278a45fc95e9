#!/usr/bin/env python3
"""Compares the #includes of framework/ and methods/ with the architecture.

usage: check_layers.py [ROOT]

A folder includes itself and the folders it builds on, directly or through others. A
third-party header stands only in the files that are there to hide it.
"""
import pathlib
import re
import sys

BUILDS_ON = {
    "core": [],
    "schema": ["core"],
    "config": ["schema"],
    "data": ["config"],
    "engine": ["core"],
    "quant": ["engine", "schema"],
    "methods": ["quant"],
    "nn": ["quant", "config"],
    "train": ["nn", "data"],
    "results": ["core"],
    "pack": ["nn", "data", "results"],
    "eval": ["pack", "train", "results"],
    "report": ["eval"],
    "app": ["report", "methods"],
}

# A header, and the files that may include it.
THIRD_PARTY = [
    (r"yaml-cpp/.*", r"framework/config/.*"),
    (r"hdf5.*\.h|H5.*\.h", r"framework/core/hdf5_handle\.h"),
    (r"boost/math/.*", r"framework/report/statistics\.cpp"),
    (r"nlohmann/.*", r"framework/report/(render_json|page_settings)\.cpp"),
    (r"boost/.*", r"framework/app/.*"),
    (r"(oneapi/)?dnnl.*", r"framework/engine/onednn\.(h|cpp)"),
    (r"openssl/.*", r"framework/core/digest\.cpp"),
    (r"omp\.h", r"framework/core/parallel\.h"),
]

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def reachable(folder):
    return {folder}.union(*(reachable(below) for below in BUILDS_ON[folder]))


def folder_of(path):
    parts = path.split("/")
    return parts[1] if parts[0] == "framework" and len(parts) > 2 else parts[0]


def problem(file, quote, header):
    """What is wrong with one include, or None."""
    for pattern, homes in THIRD_PARTY:
        if re.fullmatch(pattern, header):
            return None if re.fullmatch(homes, file) else f"only {homes} may"
    # What the build generates stands in no folder and is named bitsweep_*.
    if quote == "<" or header.startswith("bitsweep_"):
        return None
    folder, included = folder_of(file), folder_of(header)
    if folder not in BUILDS_ON:
        return f"folder '{folder}' is not in scripts/check_layers.py"
    if included not in BUILDS_ON:
        return "write it from the root: framework/... or methods/..."
    if included not in reachable(folder):
        return f"{folder} may include {', '.join(sorted(reachable(folder)))}"
    return None


def problems(root):
    for top in ("framework", "methods"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".h", ".cpp"):
                continue
            file = path.relative_to(root).as_posix()
            for number, line in enumerate(path.read_text().splitlines(), 1):
                include = INCLUDE.match(line)
                wrong = include and problem(file, *include.groups())
                if wrong:
                    yield f"{file}:{number}: includes {include[2]}; {wrong}"


def main():
    default = pathlib.Path(__file__).resolve().parent.parent
    found = list(problems(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default))
    print("\n".join(found) if found else "every include follows the architecture")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()

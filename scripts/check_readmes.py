#!/usr/bin/env python3
"""Checks that every path a README names is there, and that every top-level folder has a README.

usage: check_readmes.py [ROOT]

A path is a word in backticks or in a code block that begins with a top-level folder, a name in
backticks that ends in a slash, or the target of a link. `methods/<id>/` stands for any one folder. What git does not keep (builds,
results, data) is not looked for.
"""
import glob
import pathlib
import re
import sys

FOLDERS = ("cmake configs datasets example_plugin experiments framework methods results "
           "scripts tests").split()
NOT_KEPT = re.compile(r"build/|results/(?!reference\b|README)|datasets/[^/]+/(?!README|$)")

CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
PATH = re.compile(rf"(?<![\w/.-])(?:{'|'.join(FOLDERS)})/[\w./<>*-]*|(?<=`)[\w.-]+/(?=`)")
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


def exists(folder, path):
    return bool(glob.glob(str(folder / re.sub(r"<[^>]*>", "*", path).rstrip("."))))


def problems_of(root, readme):
    text = readme.read_text()
    for number, line in enumerate(text.splitlines(), 1):
        for link in LINK.findall(line):
            if not exists(readme.parent, link):
                yield number, link
    for code in CODE.finditer(text):
        for path in PATH.finditer(code.group()):
            found = exists(root, path.group()) or exists(readme.parent, path.group())
            if not found and not NOT_KEPT.match(path.group()):
                start = code.start() + path.start()
                yield text.count("\n", 0, start) + 1, path.group()


def problems(root):
    folders = [path for path in sorted(root.iterdir())
               if path.is_dir() and path.name != "build" and not path.name.startswith(".")]
    for folder in folders:
        if not (folder / "README.md").exists():
            yield f"{folder.name}/: has no README.md"
    for folder in [root, *folders]:
        for readme in sorted(folder.glob("README.md" if folder == root else "**/README.md")):
            for number, path in problems_of(root, readme):
                yield f"{readme.relative_to(root)}:{number}: names '{path}', which is not there"


def main():
    default = pathlib.Path(__file__).resolve().parent.parent
    found = list(problems(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default))
    print("\n".join(found) if found else "every path named in a README is there")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()

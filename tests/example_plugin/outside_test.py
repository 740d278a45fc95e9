#!/usr/bin/python3
"""A method of one's own, from a folder outside the tree to a checked method in a table; and
both again with an installed bitsweep.

usage: outside_test.py BUILD_FOLDER
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(sys.argv[1]).resolve()
EXAMPLE = pathlib.Path(__file__).resolve().parent / "outside"
STUDY = """
name: mine
dataset: {id: shapes, validation: 20, train_limit: 100, test_limit: 50}
network: {id: lenet-300-100}
edges: {first: float, last: float, bias: float}
training: {epochs: 1, batch_size: 20}
fine_tuning: {epochs: 1}
rows:
  - method: {id: example_plugin, weight_bits: [2, 4]}
"""


def run(*command, cwd):
    done = subprocess.run([str(word) for word in command], cwd=cwd, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}\nexit code {done.returncode}")
    return done.stdout


def expect(text, *words):
    for word in words:
        if word not in text:
            sys.exit(f"'{word}' is not in\n{text}")


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    run("cmake", "-S", ".", "-B", "build", f"-Dbitsweep_DIR={BUILD}", cwd=folder)
    run("cmake", "--build", "build", cwd=folder)
    plugin = folder / "build" / "example_plugin.so"
    bitsweep = BUILD / "bin" / "bitsweep"

    checked = run(bitsweep, "check", "example_plugin", "--plugin", plugin, cwd=folder)
    expect(checked, "law", "holds", "nanoseconds")

    (folder / "study.yaml").write_text(STUDY)
    table = run(bitsweep, "run", "study.yaml", "--plugin", plugin, "--threads", "1", cwd=folder)
    expect(table, "example_plugin w2", "example_plugin w4", "plugin: example_plugin, SHA-256",
           f"bitsweep run study.yaml --plugin {plugin}")

    again = run(bitsweep, "run", "study.yaml", "--plugin", plugin, "--threads", "1", cwd=folder)
    expect(again, "3 done, 0 to do")
    source = folder / "example_plugin.cpp"
    source.write_text(source.read_text() + "// edited\nint edited = 1;\n")
    run("cmake", "--build", "build", cwd=folder)
    changed = run(bitsweep, "run", "study.yaml", "--plugin", plugin, "--threads", "1", cwd=folder)
    expect(changed, "1 done, 2 to do")

    prefix = folder / "prefix"
    run("cmake", "--install", BUILD, "--prefix", prefix, cwd=folder)
    bitsweep = prefix / "bin" / "bitsweep"
    shared = prefix / "share" / "bitsweep"
    model = shared / "configs" / "models" / "mine.yaml"
    model.write_text((shared / "configs" / "models" / "lenet.yaml").read_text())
    expect(run(bitsweep, "models", cwd=folder), "mine")
    run(bitsweep, "validate", shared / "experiments" / "quickstart" / "study.yaml", cwd=folder)

    run("cmake", "-S", ".", "-B", "installed", f"-DCMAKE_PREFIX_PATH={prefix}", cwd=folder)
    headers = [(folder / name / "interface" / "bitsweep_interface.h").read_text()
               for name in ("build", "installed")]
    if headers[0] != headers[1]:
        sys.exit("an installed bitsweep has another interface than the one it was built as")
    expect(run(bitsweep, "methods", "example_plugin", "--plugin", plugin, cwd=folder),
           str(plugin))
print("a plugin built outside the tree is checked and stands in a table")

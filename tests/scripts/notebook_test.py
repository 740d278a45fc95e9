#!/usr/bin/python3
"""Executes a notebook's cells, in order and by plain Python.

usage: notebook_test.py NOTEBOOK BITSWEEP    on the results of a small study of the same shape
       notebook_test.py NOTEBOOK --write     where the notebook is, and keep the outputs in it
"""
import ast
import base64
import contextlib
import importlib.util
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

MISSING = [name for name in ("pandas", "h5py", "matplotlib") if not importlib.util.find_spec(name)]

STUDY = """\
name: quickstart
dataset: {id: shapes, validation: 20, train_limit: 60, test_limit: 40}
network: {id: mlp-bn}
edges: {first: float, last: float, bias: float}
training: {epochs: 2, batch_size: 20}
fine_tuning: {epochs: 2}
rows:
  - method: {id: dynamic_fixed_point, weight_bits: 4, activation_bits: 8}
  - method: {id: twn}
"""


def shown(value):
    """A cell's last value as Jupyter keeps it; nothing for None."""
    if value is None:
        return {}
    data = {"text/plain": repr(value).splitlines(keepends=True)}
    if hasattr(value, "_repr_html_"):
        data["text/html"] = value._repr_html_().splitlines(keepends=True)
    return data


def figures():
    """What was drawn and not shown yet."""
    import matplotlib.pyplot as plt
    for number in plt.get_fignums():
        file = io.BytesIO()
        plt.figure(number).savefig(file, format="png", dpi=80, metadata={"Software": None})
        plt.close(number)
        yield base64.b64encode(file.getvalue()).decode()


def execute(source, names, count):
    """The outputs of a cell, whose names stay in `names`."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, f"cell {count}", "exec"), names)
        value = eval(compile(ast.Expression(last.value), f"cell {count}", "eval"), names) if last else None
    outputs = []
    if printed.getvalue():
        outputs.append({"name": "stdout", "output_type": "stream",
                        "text": printed.getvalue().splitlines(keepends=True)})
    if data := shown(value):
        outputs.append({"data": data, "execution_count": count, "metadata": {},
                        "output_type": "execute_result"})
    outputs += [{"data": {"image/png": png}, "metadata": {}, "output_type": "display_data"}
                for png in figures()]
    return outputs


def check_form(notebook):
    """That it is of nbformat 4, as far as readers care, and that its outputs are kept."""
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids) and all(re.fullmatch(r"[\w-]{1,64}", one) for one in ids)
    for cell in notebook["cells"]:
        keys = {"id", "cell_type", "metadata", "source"}
        assert isinstance(cell["source"], list)
        if cell["cell_type"] == "code":
            keys |= {"execution_count", "outputs"}
            assert cell["outputs"], f"{cell['id']} has no outputs; execute it with --write"
        assert set(cell) == keys, cell["id"]


def run_cells(notebook, keep=False):
    import matplotlib
    matplotlib.use("Agg")
    names = {}
    count = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        count += 1
        outputs = execute("".join(cell["source"]), names, count)
        if keep:
            cell["execution_count"], cell["outputs"] = count, outputs
        else:
            kinds = [output["output_type"] for output in outputs]
            assert kinds == [output["output_type"] for output in cell["outputs"]], cell["id"]


def main():
    if MISSING:
        print(f"python3 has no {', '.join(MISSING)}; skipped")
        sys.exit(77)
    file = pathlib.Path(sys.argv[1]).resolve()
    notebook = json.loads(file.read_text())
    if sys.argv[2] == "--write":
        os.chdir(file.parent)
        run_cells(notebook, keep=True)
        file.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
        return
    check_form(notebook)
    program = pathlib.Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(f"{folder}/experiments")
        os.chdir(f"{folder}/experiments")
        pathlib.Path("study.yaml").write_text(STUDY)
        subprocess.run([program, "run", "study.yaml", "--out", "../results/quickstart"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        run_cells(notebook)
        os.chdir("/")


if __name__ == "__main__":
    main()

"""`bitsweep quantize` from Python, for tests that compare with another implementation.

The program is $BITSWEEP_PROGRAM, or that of the dev build.
"""
import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
except ModuleNotFoundError as missing:
    print(f"skipped: {missing}; scripts/setup --test installs it")
    sys.exit(77)  # ctest's SKIP_RETURN_CODE in CMakeLists.txt

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("BITSWEEP_PROGRAM", ROOT / "build/dev/bin/bitsweep")


class Refused(Exception):
    """The program's own sentence."""


@dataclasses.dataclass
class Quantized:
    """A tensor behind a quantizer: values, codes of the same shape, and the grid between."""
    values: np.ndarray
    codes: np.ndarray
    scale: np.ndarray
    zero_point: np.ndarray | None  # of a uniform grid
    levels: np.ndarray | None      # of a level grid
    low: int
    high: int
    bits: int
    dimension: int = 1  # values of a code, `stride` apart
    stride: int = 1

    def decoded(self, role):
        """The values that codes and grid stand for, in float32 as the program does it.
        Channels come first in weights and last in activations."""
        def spread(per_channel):
            if per_channel.size == 1:
                return per_channel[0]
            shape = [1] * self.codes.ndim
            shape[0 if role == "weight" else -1] = per_channel.size
            return per_channel.reshape(shape)

        if self.dimension > 1:
            words = self.levels.reshape(-1, self.dimension)[self.codes]
            blocks = words.reshape(-1, self.stride, self.dimension).transpose(0, 2, 1)
            return spread(self.scale) * blocks.reshape(self.values.shape)
        if self.levels is not None:
            return spread(self.scale) * self.levels[self.codes]
        return spread(self.scale) * (self.codes.astype(np.float32) - spread(self.zero_point))


def run(*words):
    result = subprocess.run([PROGRAM, *words], capture_output=True, text=True)
    if result.returncode != 0:
        raise Refused(result.stderr.strip())
    return result.stdout


def methods():
    """The ids of all built-in methods: the first column of the list."""
    return re.findall(r"^  (\w+)  ", run("methods"), re.MULTILINE)


def quantize(method, tensor, role, **parameters):
    """The tensor through a method's quantizer; parameters are the method's own."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = f"{folder}/x.h5", f"{folder}/y.h5"
        with h5py.File(source, "w") as file:
            file["x"] = np.asarray(tensor, np.float32)
        settings = [word for name, value in parameters.items()
                    for word in ("--set", f"{name}={value}")]
        run("quantize", method, "--role", role, "--in", f"{source}:/x", "--out", target,
            *settings)
        with h5py.File(target) as file:
            def read(name):
                return file[name][()] if name in file else None
            return Quantized(values=read("values"), codes=read("codes"), scale=read("scale"),
                             zero_point=read("zero_point"), levels=read("levels"),
                             low=int(file.attrs["low"]), high=int(file.attrs["high"]),
                             bits=int(file.attrs["bits"]),
                             dimension=int(file.attrs.get("dimension", 1)),
                             stride=int(file.attrs.get("stride", 1)))

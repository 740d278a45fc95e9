"""`bitsweep export` to ONNX beside `bitsweep eval`: onnx's checker takes the files, and ONNX
Runtime computes the same logits.

It needs python3-onnx, node and the folder that `scripts/setup --with-onnxruntime` makes;
what is missing is passed over.
"""
import functools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

try:
    import h5py
    import numpy as np
    import onnx
except ModuleNotFoundError as missing:
    print(f"skipped: {missing}; scripts/setup --test installs it")
    sys.exit(77)  # ctest's SKIP_RETURN_CODE in CMakeLists.txt

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("BITSWEEP_PROGRAM", ROOT / "build/dev/bin/bitsweep")
MISSING = 77  # of run_onnx.js
NEWEST_CHECKED = 8  # the newest version of the format that onnx 1.12 knows

STUDY = """
name: onnx
dataset: {id: fashion-mnist, validation: 100, train_limit: 200, test_limit: 100}
network: {id: lenet-bn}
seeds: [1]
edges: {first: method, last: method, bias: float, image: method}
training: {recipe: lenet-bn, epochs: 1}
fine_tuning: none
rows:
  - method: {id: dynamic_fixed_point, weight_bits: 8, activation_bits: 8}
  - method: {id: lsq, weight_bits: 4, activation_bits: 4}
  - {label: float products, method: {id: dynamic_fixed_point, weight_bits: 16, activation_bits: 8}}
"""


# Made-up images, so that it runs wherever ONNX Runtime does. Weights are those of a few steps.
NETWORKS = ("lenet", "lenet-bn", "cifar10-full", "resnet-20")
NETWORKS_STUDY = """
name: onnx-networks
dataset: {{id: shapes, validation: 50, train_limit: 150, test_limit: {images}}}
network: {{id: {network}}}
seeds: [1]
training: {{iterations: 1, batch_size: 25}}
fine_tuning: none
calibration_batches: 2
rows:
  - {{label: static, method: {{scheme: tensorrt-max}}}}
  - {{label: affine, method: {{scheme: onnxruntime-qdq}}}}
  - {{label: inverse, method: {{scheme: pytorch-fbgemm}}}}
  - {{label: dynamic, method: {{scheme: neural-compressor-dynamic}}}}
  - {{label: dynamic-away, method: {{scheme: tflite-dynamic-range}}}}
  - {{label: trained, method: {{scheme: tflite-qat}}, fine_tuning: {{iterations: 2}}}}
"""
IMAGES = 32


def program(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


class Exports(unittest.TestCase):
    images = 100  # scored

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)

    def exported(self, record, dialect):
        out = self.folder / f"{dialect}.onnx"
        status, text = program("export", record, "--out", out, "--force", "--dialect", dialect)
        self.assertEqual(status, 0, text)
        return out

    @classmethod
    @functools.cache  # reading the dataset takes most of the time
    def evaluated(cls, record, *options):
        out = cls.folder / "scores.h5"
        status, text = program("eval", record, "--limit", cls.images, "--threads", 1, "--out", out,
                               "--force", *options)
        assert status == 0, text
        with h5py.File(out) as scores:
            return scores["images"][...], scores["logits"][...]

    def run_by_onnxruntime(self, model, images):
        paths = self.folder / "images", self.folder / "logits"
        images.astype(np.float32).tofile(paths[0])
        shape = ",".join(map(str, images.shape[1:]))
        try:
            done = subprocess.run(["node", pathlib.Path(__file__).with_name("run_onnx.js"),
                                   model, paths[0], shape, paths[1]],
                                  capture_output=True, text=True)
        except FileNotFoundError:
            self.skipTest("node is missing")
        if done.returncode == MISSING:
            self.skipTest("ONNX Runtime is missing; scripts/setup --with-onnxruntime")
        self.assertEqual(done.returncode, 0, done.stderr)
        return np.fromfile(paths[1], np.float32).reshape(len(images), -1)


class Networks(Exports):
    """Integer rows of whole networks. What was compared, and what differs, is printed."""
    images = IMAGES

    def differing(self, record, dialect, *options):
        images, logits = self.evaluated(record, *options)
        found = self.run_by_onnxruntime(self.exported(record, dialect), images)
        bits = (found.view(np.uint32) != logits.view(np.uint32)).any(axis=1)
        classes = found.argmax(axis=1) != logits.argmax(axis=1)
        return int(bits.sum()), int(classes.sum()), len(images)

    def records(self, network):
        study = self.folder / f"{network}.yaml"
        study.write_text(NETWORKS_STUDY.format(network=network, images=IMAGES))
        out = self.folder / network
        status, text = program("run", study, "--jobs", 1, "--out", out)
        self.assertEqual(status, 0, text)
        rows = ("static", "affine", "inverse", "dynamic-away", "dynamic", "trained")
        found = {}
        for path in sorted((out / "runs").glob("*.h5")):
            for row in rows:
                if f"-{row}-" in path.name and path not in found.values():
                    found[row] = path
        self.assertEqual(len(found), len(rows), [p.name for p in (out / "runs").iterdir()])
        return found

    def test_integer_rows_of_networks(self):
        for network in NETWORKS:
            for row, record in self.records(network).items():
                bits, classes, images = self.differing(record, "integer")
                print(f"{network}, {row}, integer: {bits} of {images} images' logits differ in "
                      f"a bit, {classes} in their class")
                with self.subTest(network, row=row):
                    self.assertEqual(bits, 0)
                if row not in ("static", "affine", "inverse"):
                    continue
                bits, classes, images = self.differing(record, "qdq", "--requantize", "float")
                print(f"{network}, {row}, qdq: {bits} of {images} images' logits differ in a "
                      f"bit, {classes} in their class")
                with self.subTest(network, row=row, dialect="qdq"):
                    self.assertEqual(bits, 0)


class OnnxRuntime(Exports):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        study = cls.folder / "study.yaml"
        study.write_text(STUDY)
        status, text = program("run", study, "--jobs", 1, "--out", cls.folder / "out")
        if "no files of" in text:
            print(f"skipped: {text}")
            sys.exit(77)
        assert status == 0, text
        cls.records = sorted((cls.folder / "out/runs").glob("*-w?-a?-*.h5"))
        cls.wide, = (cls.folder / "out/runs").glob("*-float-products-*.h5")
        assert len(cls.records) == 2, text

    def test_the_checker_takes_every_dialect(self):
        for record in self.records:
            for dialect in ("integer", "qdq", "qonnx", "float"):
                with self.subTest(record.name, dialect=dialect):
                    model = onnx.load(self.exported(record, dialect))
                    if model.ir_version <= NEWEST_CHECKED:
                        onnx.checker.check_model(model)

    def test_integer_files_give_the_very_logits(self):
        for record in self.records:
            with self.subTest(record.name):
                self.check_bits(record, "integer")

    def test_qdq_files_give_the_very_logits_of_requantization(self):
        for record in self.records:
            with self.subTest(record.name):
                self.check_bits(record, "qdq", "--requantize", "float")

    def check_bits(self, record, dialect, *options):
        images, logits = self.evaluated(record, *options)
        found = self.run_by_onnxruntime(self.exported(record, dialect), images)
        np.testing.assert_array_equal(found.view(np.uint32), logits.view(np.uint32))

    # Sums of floats in another order: a value next to the border of two codes may fall on
    # its other side, so few images may differ by more than their rounding.
    def test_float_operators_agree(self):
        for dialect in ("qonnx", "float"):
            for record in self.records:
                with self.subTest(record.name, dialect=dialect):
                    self.check_nearly(record, dialect)

    # Weights of 16 bits, which are not to be rounded to 8.
    def test_float_products_between_codes_agree(self):
        for dialect in ("integer", "qdq"):
            with self.subTest(dialect=dialect):
                self.check_nearly(self.wide, dialect)

    def check_nearly(self, record, dialect):
        images, logits = self.evaluated(record)
        found = self.run_by_onnxruntime(self.exported(record, dialect), images)
        apart = np.abs(found - logits).max(axis=1) > 1e-5 * np.ptp(logits)
        self.assertLessEqual(apart.mean(), 0.1)

    def test_misuse_is_refused(self):
        for options, sentence in (
                (("--out", self.folder / "m.onnx", "--dialect", "tflite"), "unknown ONNX dialect"),
                (("--out", self.folder / "m.bsw", "--dialect", "qdq"), "is of ONNX files")):
            status, text = program("export", self.records[0], *options)
            self.assertEqual(status, 2)
            self.assertIn(sentence, text)
            self.assertFalse(options[1].exists())


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/python3
"""scripts/layer_table counts as Deep Compression does."""
import importlib.machinery
import importlib.util
import pathlib
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def load_script():
    loader = importlib.machinery.SourceFileLoader("layer_table",
                                                  str(ROOT / "scripts/layer_table"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("layer_table",
                                                                         loader))
    loader.exec_module(module)
    return module


SCRIPT = load_script()


def dense(places, length):
    values = [0.0] * length
    for value, place in enumerate(places, 1):
        values[place] = float(value)
    return values


class LayerTable(unittest.TestCase):
    def test_huffman_takes_what_the_tree_does(self):
        # Lengths 1, 3, 3, 3, 4, 5, 6, 6.
        counts = [40, 20, 15, 10, 8, 4, 2, 1]
        self.assertEqual(SCRIPT.huffman_bits([s for s, n in enumerate(counts) for _ in range(n)]),
                         245)
        self.assertEqual(SCRIPT.huffman_bits([3, 3, 3]), 0)

    def test_fillers_bridge_long_gaps(self):
        values = dense([1, 4, 15, 40, 41], 50)
        self.assertEqual(SCRIPT.relative(values, 5),
                         ([1, 2, 3, 4, 5], [1, 2, 10, 24, 0]))
        self.assertEqual(SCRIPT.relative(values, 3),
                         ([1, 2, 0, 3, 0, 0, 0, 4, 5], [1, 2, 7, 2, 7, 7, 7, 0, 0]))

    def test_rates_count_code_books(self):
        layer = SCRIPT.in_print(dense([1, 4, 15, 40, 41], 50), 3, 5)
        self.assertEqual((layer["kept"], layer["entries"]), (5, 5))
        self.assertEqual(layer["plain"], 5 * 8 + 8 * 32)
        self.assertEqual(layer["huffman"], 12 + 12 + 8 * 32)  # five symbols, once each


if __name__ == "__main__":
    unittest.main()

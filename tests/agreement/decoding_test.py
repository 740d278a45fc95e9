"""Whatever the method: what `bitsweep quantize` writes as codes and grid decodes, here in NumPy,
to exactly the values beside them."""
import unittest

from quantize import Refused, methods, np, quantize

RANDOM = np.random.default_rng(7)
TENSORS = {
    "weight": RANDOM.normal(0, 0.1, (8, 3, 3, 5)),
    "activation": np.maximum(RANDOM.normal(0, 1, (4, 5, 5, 6)), 0),
}


class Decoding(unittest.TestCase):
    def test_codes_and_grid_decode_to_the_values(self):
        self.assertIn("float", methods())
        for method in methods():
            for role, tensor in TENSORS.items():
                with self.subTest(method, role=role):
                    self.check(method, role, tensor)

    def check(self, method, role, tensor):
        try:
            quantized = quantize(method, tensor, role)
        except Refused as sentence:
            # By its defaults a method may quantize one role alone.
            self.assertRegex(str(sentence), "leaves (weights|activations) in float")
            return
        self.assertEqual(quantized.values.shape, tensor.shape)
        self.assertGreaterEqual(quantized.codes.min(), quantized.low)
        self.assertLessEqual(quantized.codes.max(), quantized.high)
        self.assertLess(quantized.high - quantized.low, 2**quantized.bits)
        np.testing.assert_array_equal(quantized.decoded(role), quantized.values)


if __name__ == "__main__":
    unittest.main()

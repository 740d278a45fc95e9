#!/usr/bin/python3
"""Reads packed models by framework/pack/README.md alone; prints what they hold.

usage: read_model.py MODEL.bsw...

Floats are printed as the hexadecimal digits of their bits.

Written from the page, not from bitsweep's sources: where the two differ, one is wrong.
"""
import bisect
import itertools
import struct
import sys
import zlib

import numpy as np

F = np.float32
CONCAT = 15
SHORTCUT = 13
WINDOW, LRN, NAMED, TWO = {0, 3, 7, 8, SHORTCUT}, {10, 11}, {0, 1, 2, 4}, {3, 12}
CODINGS = ["fixed", "sparse_fixed", "huffman", "sparse_huffman", "arithmetic",
           "arithmetic_symbols"]


def width(n):
    return (n - 1).bit_length()


class Payload:
    def __init__(self, data):
        self.data, self.at = data, 0

    def raw(self, count):
        assert self.at + count <= len(self.data), "ends early"
        self.at += count
        return self.data[self.at - count:self.at]

    def byte(self):
        return self.raw(1)[0]

    def number(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def signed(self):
        n = self.number()
        return n // 2 if n % 2 == 0 else -(n + 1) // 2

    def floats(self, count):
        return np.frombuffer(self.raw(4 * count), "<f4")

    def float_list(self):
        return self.floats(self.number())

    def text(self):
        return self.raw(self.number()).decode()

    def shape(self):
        return [self.number() for _ in range(3)]


class Bits:
    def __init__(self, data):
        self.bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little").tolist()
        self.at = 0

    def bit(self):
        self.at += 1
        return self.bits[self.at - 1]

    def field(self, bits):
        return sum(self.bit() << i for i in range(bits))

    def gamma(self):
        n = 0
        while self.bit() == 0:
            n += 1
        return (1 << n) + self.field(n)

    def end(self):
        assert len(self.bits) - self.at < 8 and not any(self.bits[self.at:])


def huffman_words(bits, alphabet):
    form, shortest, longest = bits.bit(), bits.field(5), bits.field(5)
    lengths = {}
    if form == 0:
        for symbol in range(alphabet):
            field = bits.field(width(longest - shortest + 2))
            if field:
                lengths[symbol] = shortest + field - 1
    else:
        symbol = -1
        for _ in range(bits.field(width(alphabet + 1))):
            symbol += bits.gamma()
            lengths[symbol] = shortest + bits.field(width(longest - shortest + 1))
    words, word, before = {}, 0, 0
    for symbol in sorted(lengths, key=lambda s: (lengths[s], s)):
        word <<= lengths[symbol] - before
        before = lengths[symbol]
        words[before, word] = symbol
        word += 1
    return words


def huffman(bits, alphabet, count):
    words = huffman_words(bits, alphabet)
    symbols = []
    for _ in range(count):
        length = word = 0
        while (length, word) not in words:
            word = word << 1 | bits.bit()
            length += 1
            assert length <= 20
        symbols.append(words[length, word])
    return symbols


def symbols_of(bits, is_huffman, alphabet, count):
    if is_huffman:
        return huffman(bits, alphabet, count)
    return [bits.field(width(alphabet)) for _ in range(count)]


def sparse(bits, is_huffman, alphabet, zero, count):
    entries, index_bits = bits.field(width(count + 1)), bits.field(5)
    codes = symbols_of(bits, is_huffman, alphabet, entries)
    indices = symbols_of(bits, is_huffman, 1 << index_bits, entries)
    all_codes, place = [zero] * count, -1
    for code, index in zip(codes, indices):
        place += index + 1
        all_codes[place] = code
    return all_codes


def exponential(x):
    y = x / 1024
    power = 1 + y * (1 + y / 2 * (1 + y / 3 * (1 + y / 4 * (1 + y / 5))))
    for _ in range(10):
        power *= power
    return power


def logarithm(n):
    x = 0.0
    for _ in range(40):
        x += n / exponential(x) - 1
    return F(x)


def probability_table():
    table = []
    for i in range(705):
        q = 1 / (1 + exponential(11 - i / 32))
        table.append((F(q), F(q * (1 - q)), int(q * 65535 + 0.5)))
    return table


class Weight:
    def __init__(self, value=0, precision=1):
        self.value, self.precision = F(value), F(precision)


def weights(count, precision=1):
    return [Weight(0, precision) for _ in range(count)]


class Decisions:
    TABLE = probability_table()

    def __init__(self, data):
        self.data, self.at, self.value, self.range = data, 0, 0, 2**64 - 1
        self.take(8)

    def take(self, count):
        for _ in range(count):
            byte = self.data[self.at] if self.at < len(self.data) else 0
            self.value = self.value << 8 | byte
            self.at += 1

    def decide(self, *weights):
        total = weights[0].value
        for weight in weights[1:]:
            total = total + weight.value
        place = (total + F(11)) * F(32) + F(0.5)
        p, information, one = self.TABLE[int(min(max(place, F(0)), F(704)))]
        bound = (self.range >> 16) * one
        decision = self.value < bound
        if decision:
            self.range = bound
        else:
            self.value -= bound
            self.range -= bound
        if self.range < 2**32:
            self.take(4)
            self.range <<= 32
        error = F(1) - p if decision else -p
        for weight in weights:
            weight.precision = min(weight.precision + information, F(1024))
            weight.value = weight.value + error / weight.precision
        return decision


class Steps(Decisions):
    """The coder of decisions, by symbols."""

    def even(self):
        bound = (self.range >> 16) * 32768
        decision = self.value < bound
        self.range = bound if decision else self.range - bound
        if not decision:
            self.value -= bound
        self.refill()
        return decision

    def step(self, places):
        """places[s] to places[s + 1] are those of symbol s."""
        unit = self.range >> 16
        symbol = bisect.bisect_right(places, min(self.value // unit, 65535)) - 1
        self.value -= unit * places[symbol]
        self.range = unit * (places[symbol + 1] - places[symbol])
        self.refill()
        return symbol

    def refill(self):
        if self.range < 2**32:
            self.take(4)
            self.range <<= 32


def places_of(counts):
    n, total = len(counts), sum(counts)
    before = itertools.accumulate(counts, initial=0)
    return [s + c * (65536 - n) // total for s, c in enumerate(before)]


def arithmetic_symbols(data, alphabet, count):
    if alphabet == 1 or count == 0:
        assert not data
        return [0] * count
    steps = Steps(data)
    spreads = steps.even()
    k = ((alphabet - 1) // 1024).bit_length()
    low_places = [v << (16 - k) for v in range((1 << k) + 1)]
    n = ((alphabet - 1) >> k) + 1
    b = max(n // 32, 1)
    gains = {-1: b, 0: 2 * b, 1: b} if spreads else {0: max(n // 8, 1)}
    counts, interval, left = [1] * n, 8, 8
    places, codes = places_of(counts), []
    for _ in range(count):
        symbol = steps.step(places)
        codes.append(symbol << k | (steps.step(low_places) if k else 0))
        for beside, gain in gains.items():
            if 0 <= symbol + beside < n:
                counts[symbol + beside] += gain
        left -= 1
        if left == 0:
            if sum(counts) > 2**17 * sum(gains.values()):
                counts = [(c + 1) // 2 for c in counts]
            places = places_of(counts)
            interval = left = min(5 * interval // 4 + 1, 8 * (n + 6))
    return codes


class Arithmetic:
    def __init__(self, data, alphabet, zero, columns):
        self.coder = Decisions(data)
        self.alphabet, self.zero = alphabet, zero
        self.sides = [alphabet - 1 - zero, zero]  # above, below
        self.bias, self.sign_bias = Weight(-2, 0.5), Weight()
        self.neighbours, self.densities = weights(16, 4), weights(16, 4)
        self.signs, self.column_sign = weights(9, 4), weights(columns, 4)
        self.column_significant = weights(columns)
        self.further = [weights(24), weights(24)]
        for further, n in zip(self.further, self.sides):
            for d in range(1, min(n, 24)):
                further[d] = Weight(logarithm(min(n - d, 24)), 0.25)
        self.wider, self.nodes = weights(18), [weights(32) for _ in range(18)]
        self.marks = [[0] * columns, [0] * columns]  # two rows before, one row before

    def row(self, columns):
        self.row_significant, self.row_sign = Weight(), Weight()
        self.row_further, self.density = Weight(0, 8), 0
        self.now = []
        codes = [self.code(column) for column in range(columns)]
        self.marks = [self.marks[1], self.now]
        return codes

    def code(self, column):
        left = self.now[-1] if column > 0 else 0
        second = self.now[-2] if column > 1 else 0
        above, over = self.marks[1][column], self.marks[0][column]
        if not self.is_significant(column, left, second, above, over):
            self.now.append(0)
            return self.zero
        if 0 in self.sides:
            below = self.sides[0] == 0
        else:
            below = self.coder.decide(self.sign_bias, self.row_sign, self.column_sign[column],
                                      self.signs[left + 3 * above])
        self.now.append(2 if below else 1)
        distance = self.distance(int(below))
        return self.zero - distance if below else self.zero + distance

    def is_significant(self, column, left, second, above, over):
        if self.alphabet == 1:
            return False
        n = (left != 0) + 2 * (second != 0) + 4 * (above != 0) + 8 * (over != 0)
        x = 16 + (self.density >> 6)
        b = x.bit_length()
        level = 2 * (b - 5) + (x >> (b - 2) & 1)
        significant = self.coder.decide(self.column_significant[column], self.neighbours[n],
                                        self.densities[level], self.row_significant, self.bias)
        if significant:
            self.density += (65535 - self.density) // 16
        else:
            self.density -= self.density // 16
        return significant

    def distance(self, side):
        farthest = self.sides[side]
        for d in range(1, 24):
            if d == farthest:
                return d
            if not self.coder.decide(self.further[side][d], self.row_further):
                return d
        return 24 + self.rest(farthest - 24)

    def rest(self, most):
        bits = 1
        while bits < (most + 1).bit_length() and self.coder.decide(self.wider[bits]):
            bits += 1
        value = 1
        for i in range(1, bits):
            node = self.nodes[bits][value if i <= 3 else 7 + i]
            value = value << 1 | int(self.coder.decide(node))
        return value - 1


def arithmetic(data, alphabet, zero, rows, columns):
    model = Arithmetic(data, alphabet, alphabet // 2 if zero is None else zero, columns)
    return [code for _ in range(rows) for code in model.row(columns)]


def stream(payload, alphabet, zero, rows, columns):
    coding = CODINGS[payload.byte()]
    data = payload.raw(payload.number())
    if coding == "arithmetic":
        return coding, arithmetic(data, alphabet, zero, rows, columns)
    if coding == "arithmetic_symbols":
        return coding, arithmetic_symbols(data, alphabet, rows * columns)
    bits = Bits(data)
    is_huffman = "huffman" in coding
    if coding.startswith("sparse"):
        codes = sparse(bits, is_huffman, alphabet, zero, rows * columns)
    else:
        codes = symbols_of(bits, is_huffman, alphabet, rows * columns)
    bits.end()
    return coding, codes


class Grid:
    def __init__(self, payload):
        flags = payload.byte()
        self.channels = self.inner = 1
        if flags & 4:
            self.channels, self.inner = payload.number(), payload.number()
        self.levels, self.dimension, self.stride = None, 1, 1
        self.book_of = [0] * self.channels
        if flags & 1:
            self.read_levels(payload, flags)
        else:
            self.low = payload.signed()
            self.alphabet = payload.number() + 1
        self.scales = payload.floats(1 if payload.byte() == 0 else self.channels)
        self.zeros = np.zeros_like(self.scales)
        if flags & 2:
            self.zeros = payload.floats(len(self.scales))

    def read_levels(self, payload, flags):
        self.low, self.alphabet, books = 0, payload.number(), 1
        if flags & 16:
            books, self.dimension, self.stride = (payload.number() for _ in range(3))
        self.levels = payload.floats(books * self.alphabet * self.dimension)
        self.levels = self.levels.reshape(books, self.alphabet, self.dimension)
        if flags & 32:
            bits = Bits(payload.raw((self.channels * width(books) + 7) // 8))
            self.book_of = [bits.field(width(books)) for _ in range(self.channels)]
            bits.end()

    def value(self, code, channel, k=0):
        own = channel if len(self.scales) > 1 else 0
        if self.levels is None:
            return self.scales[own] * (F(code) - self.zeros[own])
        return self.scales[own] * self.levels[self.book_of[channel], code, k]

    def zero(self):
        if self.dimension > 1:
            return None
        for code in range(self.low, self.low + self.alphabet):
            if all(self.value(code, c) == 0 for c in range(self.channels)):
                return code - self.low
        return None

    def values(self, codes):
        values = np.zeros(len(codes) * self.dimension, F)
        for j, code in enumerate(codes):
            first = j // self.stride * self.dimension * self.stride + j % self.stride
            channel = first // self.inner % self.channels
            for k in range(self.dimension):
                values[first + k * self.stride] = self.value(code, channel, k)
        return values


def read_rule(payload, grid):
    byte = payload.byte()
    kind, rounding, of_magnitude = byte & 3, byte >> 2 & 7, byte >> 5 & 1
    order = payload.byte() if kind == 0 and byte >> 6 else 1
    of_batch = byte >> 6
    thresholds = payload.float_list().tolist() if kind == 2 else []
    if kind == 3:
        flags, centre = payload.byte(), payload.signed()
        thresholds = [flags, centre, *payload.floats(1).tolist()]
        kind += of_batch
    return {"kind": kind, "rounding": rounding, "of_magnitude": of_magnitude, "order": order,
            "thresholds": thresholds,
            "levels": [float(grid.value(grid.low + i, 0)) for i in range(grid.alphabet)]}


def product_scales(inputs, weights, outputs):
    """float32 of the product, which is rounded once."""
    whole = all(z == int(z) for grid in (inputs, weights) for z in grid.zeros)
    assert inputs.levels is None and weights.levels is None and whole
    assert len(inputs.scales) == 1 and len(weights.scales) in (1, outputs)
    return np.broadcast_to(inputs.scales[0] * weights.scales, outputs)


def read_tensor(payload, name, shape, inputs=None, weights=None):
    """inputs, weights: the grids of the layer whose bias it is."""
    tensor = {"name": name, "shape": shape}
    size = int(np.prod(shape))
    kind = payload.byte()
    if kind == 0:
        values = payload.floats(size)
    elif kind == 3:
        values = np.frombuffer(payload.raw(2 * size), "<f2")
    elif kind in (1, 5):
        _, present = stream(payload, 2, 0, 1, size)
        values, count = np.zeros(size, F), sum(present)
        values[np.array(present, bool)] = (
            payload.floats(count) if kind == 1 else np.frombuffer(payload.raw(2 * count), "<f2"))
    elif kind == 4:
        wide = inputs.alphabet > 256
        codes = np.frombuffer(payload.raw((8 if wide else 4) * size), "<i8" if wide else "<i4")
        tensor["codes"] = codes.tolist()
        values = product_scales(inputs, weights, size) * codes.astype(F)
    else:
        grid = tensor["grid"] = Grid(payload)
        count = size // grid.dimension
        rows = shape[0] if count % shape[0] == 0 else 1
        tensor["coding"], codes = stream(payload, grid.alphabet, grid.zero(), rows,
                                         count // rows)
        tensor["codes"] = [code + grid.low for code in codes]
        values = grid.values(tensor["codes"])
    tensor["values"] = [float(v) for v in values]
    return tensor


def read_window(payload, version, operation):
    """Heights before widths; top, left, bottom, right; groups. Of a shortcut its strides and
    the channels of zeros."""
    if version == 1:
        kernel, stride, pad, groups = [payload.number() for _ in range(4)]
        if operation == SHORTCUT:
            return [stride, stride, pad]
        return [kernel, kernel, stride, stride, pad, pad, pad, pad, groups]
    if operation == SHORTCUT:
        return [payload.number() for _ in range(3)]
    if version == 2:
        return [payload.number() for _ in range(9)]
    kernel, differ = divmod(payload.number(), 2)
    if differ:
        return [kernel] + [payload.number() for _ in range(8)]
    stride, pad, groups = [payload.number() for _ in range(3)]
    return [kernel, kernel, stride, stride, pad, pad, pad, pad, groups]


def read_node(payload, version):
    node = {"operation": payload.byte()}
    operation = node["operation"]
    if operation in NAMED:
        node["name"] = payload.text()
    count = 2 if operation in TWO else payload.number() if operation == CONCAT else 1
    node["inputs"] = [payload.number() for _ in range(count)]
    node["output"] = payload.shape()
    if operation in WINDOW:
        node["window"] = read_window(payload, version, operation)
    if operation in LRN:
        node["lrn"] = [payload.number()] + payload.floats(3).tolist()
    if operation == 4:
        channels = node["output"][2]
        node["scale"] = payload.floats(channels).tolist()
        node["shift"] = payload.floats(channels).tolist()
    return node


def weight_shape(node, image):
    out = node["output"][2]
    if node["operation"] == 1:
        return [out, image[0] * image[1] * image[2]]
    window = node["window"]
    return [out, window[0], window[1], image[2] // window[8]]


def read_model(data):
    version = data[4]
    assert data[:4] == b"BSWM" and version in (1, 2, 3), "no packed model of versions 1 to 3"
    assert struct.unpack("<I", data[5:9])[0] == zlib.crc32(data[9:]), "damaged"
    payload = Payload(data[9:])
    model = {"title": payload.text(), "dataset": payload.text(), "image": payload.shape(),
             "classes": payload.number(), "factor": payload.float_list().tolist(),
             "offset": payload.float_list().tolist()}
    nodes = model["nodes"] = [read_node(payload, version) for _ in range(payload.number())]
    model["rules"], grids = [], {}
    for i, node in enumerate(nodes):
        if node["operation"] == 2:
            grids[i + 1] = Grid(payload)
            model["rules"].append(read_rule(payload, grids[i + 1]))
    shapes = [model["image"]] + [node["output"] for node in nodes]
    model["tensors"] = []
    for node in nodes:
        if node["operation"] > 1:
            continue
        has_bias = payload.byte() == 1
        shape = weight_shape(node, shapes[node["inputs"][0]])
        model["tensors"].append(read_tensor(payload, node["name"] + "/weight", shape))
        if has_bias:
            weights = model["tensors"][-1].get("grid")
            model["tensors"].append(read_tensor(payload, node["name"] + "/bias",
                                                [node["output"][2]],
                                                grids.get(node["inputs"][0]), weights))
    assert payload.at == len(payload.data), "bytes follow behind the end"
    return model


def hexadecimal(values):
    return " ".join(f"{bits:08x}" for bits in np.array(values, F).view(np.uint32))


def lines_of(model):
    yield f"{model['title']}, {model['dataset']}, {model['classes']} classes"
    yield f"factor {hexadecimal(model['factor'])}"
    yield f"offset {hexadecimal(model['offset'])}"
    for node in model["nodes"]:
        numbers = node["inputs"] + node["output"] + node.get("window", []) + node.get("lrn", [])[:1]
        floats = node.get("lrn", [])[1:] + node.get("scale", []) + node.get("shift", [])
        yield f"node {node['operation']} {node.get('name', '')} {numbers} {hexadecimal(floats)}"
    for rule in model["rules"]:
        yield f"rule {rule['kind']} {rule['rounding']} {rule['of_magnitude']} {rule['order']}"
        yield f"thresholds {hexadecimal(rule['thresholds'])}"
        yield f"levels {hexadecimal(rule['levels'])}"
    for tensor in model["tensors"]:
        yield f"tensor {tensor['name']} {tensor['shape']} {tensor.get('coding', 'float')}"
        yield f"codes {tensor.get('codes', [])}"
        yield f"values {hexadecimal(tensor['values'])}"


if __name__ == "__main__":
    for path in sys.argv[1:]:
        with open(path, "rb") as file:
            for line in lines_of(read_model(file.read())):
                print(line)

"""Each method's formulas in PyTorch, in double precision, against what
torch_methods_test.cpp wrote of our quantizers.

usage: methods_with_torch.py FOLDER, which holds methods.json and methods.f32.
Exits with 77 where PyTorch is not installed.

A twin maps x, a case and the learned values to y; gradients are autograd's. What passes
straight through is `through(q, s)`: the value of q, the gradient of s.
"""
import json
import math
import pathlib
import sys

try:
    import numpy as np
    import torch
except ImportError:
    sys.exit(77)

# Float32 sums and divisions, relative to the tensor's largest magnitude.
VALUES = 1e-5
# Sums of a few hundred float32 terms that cancel in part.
LEARNED = 1e-4


def through(q, s):
    return s + (q - s).detach()


def sign(x):
    return torch.where(x >= 0, 1.0, -1.0).to(x)


def inside(x, low, high):
    """x with gradient 1 in [low, high] and 0 beyond."""
    return x.clamp(low, high)


def half_away(x):
    return torch.sign(x) * torch.floor(x.abs() + 0.5)


def in_units(x, unit, f):
    return f(x / unit) * unit


class Case:
    def __init__(self, case, tensors):
        self.__dict__.update(case)
        self.tensors = tensors
        self.is_weight = self.role == "weight"
        self.is_parameter = self.role in ("weight", "bias")
        self.draws = tensors["draws"]
        self.training = True

    def bits(self):
        kind = {"weight": "weight", "bias": "weight", "gradient": "gradient"}
        return int(self.params[kind.get(self.role, "activation") + "_bits"])

    def word(self, name):
        return self.params[name]

    def real(self, name):
        return float(self.params[name])

    def flag(self, name):
        return self.params[name] == "true"

    def filters(self, w):
        return w.reshape(self.shape[0], -1)

    def images(self, g):
        return g.reshape(-1, self.elements)


# ---- Binary and ternary weights ----


def sign_weights(w, case, magnitude=1.0, stochastic=False):
    q = magnitude * sign(w)
    if stochastic and case.training:
        p = ((w / magnitude + 1) / 2).clamp(0, 1)
        q = magnitude * torch.where(case.draws < p, 1.0, -1.0).to(w)
    return through(q, w)


def binaryconnect(w, case, _):
    stochastic = case.flag("stochastic")
    real_test = case.word("test_weights") == "real" or (
        case.word("test_weights") == "auto" and stochastic)
    if not case.training and real_test:
        return w
    h = math.sqrt(1.5 / case.fans) if case.word("scale") == "glorot" else 1.0
    return sign_weights(w, case, h, stochastic)


def binary_filters(w, case, per_layer, gradient, center):
    if center and case.shape[-1] > 1:
        v = w.reshape(-1, case.shape[-1])
        v = (v - v.mean(dim=1, keepdim=True)).reshape(case.shape[0], -1)
    else:
        v = case.filters(w)
    alpha = v.abs().mean() if per_layer else v.abs().mean(dim=1, keepdim=True)
    n = w.numel() if per_layer else v.shape[1]
    if gradient == "exact":
        return (alpha * through(sign(v), inside(v, -1, 1))).reshape(-1)
    q = alpha * sign(v)
    slope = torch.ones_like(v)
    if gradient == "paper":
        slope = 1 / n + alpha * (v.abs() < 1)
    return through(q.reshape(-1), w * slope.detach().reshape(-1))


def bwn(w, case, _):
    return binary_filters(w, case, case.word("group") == "layer", case.word("ste"),
                          case.flag("center"))


def bnn_slope(x, ste):
    """A function of x whose derivative is the rule's."""
    if ste == "clip1":
        return inside(x, -1, 1)
    if ste == "polynomial":
        c = x.clamp(-1, 1)
        return 2 * c - c * c.abs()
    s = torch.sigmoid(5 * x)
    return 2 * s * (1 + 5 * x * (1 - s)) - 1


def bnn(x, case, _):
    if case.is_weight:
        return sign_weights(x, case)
    q = sign(x)
    if case.flag("stochastic") and case.training:
        q = torch.where(case.draws < ((x + 1) / 2).clamp(0, 1), 1.0, -1.0).to(x)
    return through(q, bnn_slope(x, case.word("ste")))


def xnor(x, case, _):
    return bwn(x, case, _) if case.is_weight else through(sign(x), inside(x, -1, 1))


def ternary_delta(size, case):
    if case.word("delta") == "approx":
        return case.real("delta_factor") * size.mean()
    ordered = size.sort(descending=True).values
    score = ordered.cumsum(0) ** 2 / torch.arange(1, size.numel() + 1)
    best = int(score.argmax())
    return ordered[best + 1] if best + 1 < size.numel() else size.new_zeros(())


def twn(w, case, _):
    groups = case.filters(w) if case.word("group") == "filter" else w.reshape(1, -1)
    quantized = []
    for own in groups.detach():
        delta = ternary_delta(own.abs(), case)
        t = sign(own) * (own.abs() > delta)
        quantized.append((own * t).sum() / (t * t).sum() * t)
    slope = inside(w, -1, 1) if case.word("ste") == "clip1" else w
    return through(torch.stack(quantized).reshape(-1), slope)


def ttq(w, case, learned):
    wp, wn = learned["wp"], learned["wn"]
    size = w.detach().abs()
    if case.word("threshold") == "max":
        delta = case.real("t") * size.max()
    else:
        delta = size.sort().values[round(case.real("sparsity") * w.numel()) - 1]
    p, n = (w > delta).to(w), (w < -delta).to(w)
    if case.word("grad_reduce") == "mean":
        wp = through(wp, wp / p.sum())
        wn = through(wn, wn / n.sum())
    slope = (wp * p + wn * n + (1 - p - n)).detach()
    return wp * p - wn * n + slope * (w - w.detach())


# ---- Uniform grids ----


def quantize_k(r, bits):
    n = 2 ** bits - 1
    return torch.round(n * r) / n


def dorefa_weights(w, bits, through_max=False):
    if bits == 1:
        return through(sign(w) * w.abs().mean(), w)
    t = torch.tanh(w)
    largest = t.abs().max()
    f = t / (2 * (largest if through_max else largest.detach())) + 0.5
    return 2 * through(quantize_k(f, bits), f) - 1


def unit_activations(x, bits, bound="clip"):
    h = {"clip": lambda: inside(x, 0, 1), "tanh": lambda: (torch.tanh(x) + 1) / 2,
         "abs": lambda: x.abs().clamp(max=1)}[bound]()
    return through(quantize_k(h, bits), h)


def dorefa(x, case, _):
    if case.is_weight:
        return dorefa_weights(x, case.bits(), case.word("max_grad") == "through")
    if case.role == "input":
        return unit_activations(x, case.bits(), case.word("bound"))
    g, noise = case.images(x), case.images(case.draws) - 0.5
    m = g.abs().max(dim=1, keepdim=True).values
    r = (g / (2 * m) + 0.5 + noise / (2 ** case.bits() - 1)).clamp(0, 1)
    return through((2 * m * (quantize_k(r, case.bits()) - 0.5)).reshape(-1), x)


def wrpn(x, case, _):
    if not case.is_weight:
        return unit_activations(x, case.bits())
    if case.bits() == 1:
        return binary_filters(x, case, False, "identity", False)
    n = 2 ** (case.bits() - 1) - 1
    size = x.detach().abs().max().item() if case.word("pre_scale") == "max" else 1.0
    c = inside(x, -size, size)
    return through(torch.round(n * c / size) / n * size, c)


def pact(x, case, learned):
    if case.is_weight:
        return dorefa_weights(x, case.bits())
    alpha, n = learned["alpha"], 2 ** case.bits() - 1
    y = 0.5 * (x.abs() - (x - alpha).abs() + alpha)
    return through(torch.round(y * n / alpha) * alpha / n, y)


def rounded_log2(x):
    return half_away(torch.log2(x.abs()))


def qnn(x, case, _):
    bits, is_signed = case.bits(), case.is_weight or case.signed
    if case.is_weight and bits == 1:
        return sign_weights(x, case)
    if case.word("grid") == "log" and bits > 1:
        least = max(-126, 1 - 2 ** (bits - 1) if is_signed else 2 - 2 ** bits)
        e = rounded_log2(x)
        q = sign(x) * 2 ** e.clamp(least, 0)
        if not is_signed:
            q = torch.where((x > 0) & (e >= least), q, torch.zeros_like(q))
        return through(q, inside(x, -1 if is_signed else 0, 1))
    if is_signed and bits == 1:
        return through(sign(x), inside(x, -1, 1))
    scales = case.is_weight and case.word("pre_scale") == "max"
    size = x.detach().abs().max().item() if scales else 1.0
    step = 2.0 ** (1 - bits) if is_signed else 1 / (2 ** bits - 1)
    low, high = (-1, 1 - step) if is_signed else (0, 1)
    q = size * in_units(x / size, step, torch.round).clamp(low, high)
    return through(q, inside(x, -size if is_signed else 0, size))


def lsq(x, case, learned):
    unsigned = not case.is_weight and (not case.signed or case.flag("offset"))
    bits = case.bits()
    low, high = (0, 2 ** bits - 1) if unsigned else (-2 ** (bits - 1), 2 ** (bits - 1) - 1)
    s, beta = learned["step"], learned.get("offset", torch.zeros(1).to(x))
    n = case.elements / s.numel()
    scale = {"sqrt_nq": (n * high) ** -0.5, "sqrt_n": n ** -0.5, "one": 1.0}[
        case.word("grad_scale")]
    s, beta = through(s, s * scale).reshape(-1, 1), through(beta, beta * scale)
    v = inside((x.reshape(s.shape[0], -1) - beta) / s, low, high)
    return (s * through(torch.round(v), v) + beta).reshape(-1)


def entropy_penalty(w, case, learned):
    """The codes are constants to the step; the penalty is no part of the quantizer."""
    high = 2 ** (case.bits() - 1) - 1
    s = through(learned["step"], learned["step"] * (case.elements * high) ** -0.5)
    codes = torch.round(w / s).clamp(-high, high).detach()
    return s * codes + (w - w.detach())


def affine_codes(case, kind):
    """Lowest and highest code, and the zero point of a symmetric range."""
    bits = case.bits() - (case.flag("reduce_range") and not case.is_weight)
    half, codes = 2 ** (bits - 1), case.word(kind + "_codes")
    if codes == "by_sign":
        if not (case.signed or case.is_weight):
            return 0, 2 * half - 1, 0
        codes = "restricted"
    return {"restricted": (1 - half, half - 1, 0), "signed": (-half, half - 1, 0),
            "unsigned": (0, 2 * half - 1, half)}[codes]


ROUNDINGS = {"half_even": torch.round, "half_away": half_away,
             "half_up": lambda v: torch.floor(v + 0.5)}


def bias_of_integers(x, case):
    """Alone it has the step 1, and training leaves it as it is."""
    return x if case.training else ROUNDINGS[case.word("rounding")](x)


def affine(x, case, _):
    if case.role == "bias":
        return bias_of_integers(x, case)
    kind = "weight" if case.is_weight else "activation"
    low, high, centre = affine_codes(case, kind)
    groups = x.reshape(1, -1)
    if case.is_weight and case.word("group") != "layer":
        groups = case.filters(x)
        if case.word("group") == "block":
            size = min(groups.shape[1], int(case.word("group_size")))
            groups = groups.reshape(-1, size)
    steps = (high - low) / 2 if case.word("scale") == "half_range" else high - centre
    is_symmetric = case.word(kind + "_scheme") == "symmetric"
    return by_range(groups, case, low, high, (steps, centre) if is_symmetric else None)


def by_range(groups, case, low, high, symmetric):
    """Codes over the range of each group; `symmetric`: steps to its end, zero point."""
    own = groups.detach()
    least = own.min(dim=1, keepdim=True).values.clamp(max=0)
    most = own.max(dim=1, keepdim=True).values.clamp(min=0)
    rounding = ROUNDINGS[case.word("rounding")]
    if symmetric:
        s = torch.maximum(-least, most) / symmetric[0]
        z = torch.full_like(s, symmetric[1])
    else:
        s = (most - least) / (high - low)
        z = rounding(low - least / s).clamp(low, high)
    code = (rounding(own / s + z) if case.word("order") == "tensorflow"
            else rounding(own / s) + z)
    q = s * (code.clamp(low, high) - z)
    return through(q, groups * ((low <= code) & (code <= high))).reshape(-1)


def int8_training(x, case, learned):
    if case.role == "bias":
        return bias_of_integers(x, case)
    bits = case.bits()
    half = 2 ** (bits - 1)
    groups = x.reshape(1, -1)
    if case.is_weight and case.word("group") == "filter":
        groups = case.filters(x)
    if case.word("ranges") == "learned":
        return trained_threshold(groups, case, learned["log2_threshold"], bits).reshape(-1)
    if case.is_weight:
        return by_range(groups, case, 1 - half, half - 1, (half - 1, 0))
    low = -half if case.word("activation_codes") == "signed" else 0
    return by_range(groups, case, low, low + 2 * half - 1, None)


def trained_threshold(groups, case, log2_t, bits):
    """TQT, section 3: autograd through s, with rounding and ceiling straight through."""
    is_signed = case.is_weight or case.signed
    high = 2 ** (bits - is_signed) - 1
    low = (-high if case.is_weight else -high - 1) if is_signed else 0
    exponent = through(torch.ceil(log2_t), log2_t).reshape(-1, 1)
    s = 2 ** (exponent - (bits - is_signed))
    code = torch.round(groups.detach() / s.detach())
    clipped = s * code.clamp(low, high)
    return torch.where((low <= code) & (code <= high),
                       s * through(code, groups / s), clipped)


# ---- Levels ----

APOT_LEVELS = {
    1: [0, 1],
    2: [0, 1 / 4, 1 / 2, 1],
    3: [0, .1, .2, .3, .4, .6, .8, 1],
    4: [k / 48 for k in (0, 1, 2, 3, 4, 6, 8, 9, 12, 16, 18, 24, 32, 33, 36, 48)],
}


def nearest_level(x, levels):
    levels = torch.as_tensor(levels).to(x)
    return levels[(x.detach().unsqueeze(-1) - levels).abs().argmin(dim=-1)]


def apot(x, case, learned):
    alpha = learned["alpha"]
    if not case.is_weight:
        c = inside(x / alpha, 0, 1)
        return alpha * through(nearest_level(c, APOT_LEVELS[case.bits()]), c)
    wn = (x - x.mean().detach()) / x.std().detach()
    z = wn / alpha
    c = inside(z, -1, 1)
    q = torch.sign(z) * nearest_level(c.abs(), APOT_LEVELS[case.bits() - 1])
    y = alpha * through(q, c)
    if not case.flag("mask_weight_gradient"):
        y = y + (z.abs() > 1) * (wn - wn.detach())
    return y


UNIFORM_STEPS = {1: 0.798, 2: 0.538, 3: 0.322, 4: 0.184}


def lloyd_max(count):
    """Centres of the positive half of N(0, 1): means between the midpoints."""
    q = (torch.arange(count, dtype=torch.float64) + 0.5) * 2.5 / count
    ends = torch.tensor([0, 50], dtype=torch.float64)
    for _ in range(3000):
        t = torch.cat([ends[:1], (q[1:] + q[:-1]) / 2, ends[1:]])
        mass = torch.special.ndtr(t).diff()
        q = -(torch.exp(-t * t / 2) / math.sqrt(2 * math.pi)).diff() / mass
    return q


def hwgq(x, case, _):
    if case.is_weight:
        return binary_filters(x, case, False, "identity", False)
    count = 2 ** case.bits() - 1
    q = (lloyd_max(count) if case.word("levels") == "lloyd"
         else UNIFORM_STEPS[case.bits()] * torch.arange(1, count + 1)).to(x)
    scale = x.detach().max() / q[-1] if case.word("init") == "max" else 1.0
    q = q * scale
    y = torch.where(x > 0, nearest_level(x, q.tolist()), torch.zeros_like(x))
    top = q[-1]
    slope = {"clipped": (x <= top).to(x), "vanilla": torch.ones_like(x),
             "log": torch.where(x <= top, torch.ones_like(x), 1 / ((x - top) / scale + 1))}
    return through(y, x * ((x > 0) * slope[case.word("ste")]).detach())


def lognet(x, case, _):
    has_sign = case.role != "input" or case.signed
    base = case.word("weight_base" if case.is_weight else "activation_base")
    if base == "mixed":
        base = "sqrt2" if case.convolution else "2"
    s = 0.5 if base == "sqrt2" else 1.0
    b = case.bits() - has_sign
    groups = case.images(x) if case.role == "gradient" else x.reshape(1, -1)
    quantized, ranges = [], []
    for own in groups.detach():
        fsr = math.ceil(math.log2(own.abs().max().item())) + int(case.word("range_shift"))
        e = half_away(torch.log2(own.abs()) / s) * s
        q = sign(own) * 2 ** e.clamp(max=fsr - s)
        quantized.append(torch.where(e <= fsr - s * 2 ** b, torch.zeros_like(q), q))
        ranges.append(2.0 ** fsr)
    q = torch.stack(quantized).reshape(-1)
    if not has_sign:
        q = q * (x > 0)
    if case.role != "input":
        return through(q, x)
    return through(q, inside(x, -ranges[0] if has_sign else 0, ranges[0]))


def inq(w, case, _):
    """No weight is frozen yet: training sees them all as they are."""
    if case.training:
        return w
    n1 = math.floor(math.log2(4 * w.abs().max().item() / 3))
    n2 = n1 + 1 - 2 ** (case.bits() - 2)
    return sign(w) * nearest_level(w.abs(), [0.0] + [2.0 ** i for i in range(n2, n1 + 1)])


# ---- Ristretto ----


def rounding_of(case):
    """Of Ristretto's formats: stochastic for parameters in training."""
    if (case.is_parameter and case.training
            and case.word("training_rounding") == "stochastic"):
        return lambda v: torch.floor(v + case.draws)
    name = case.params.get("rounding", "half_even")
    return {"half_even": torch.round, "half_away": half_away}[name]


def is_float_in_training(case):
    return (not case.is_parameter and case.training
            and not case.flag("quantize_activations_in_training"))


def fixed_point(x, case, bits, il, is_signed=True):
    step = 2.0 ** (il - bits)
    low = -2 ** (bits - 1) * step if is_signed else 0.0
    high = (2 ** (bits - 1 if is_signed else bits) - 1) * step
    c = x.clamp(low, high)
    q = in_units(c, step, rounding_of(case))
    return through(q, x if case.is_parameter else c)


def dynamic_fixed_point(x, case, _):
    if is_float_in_training(case):
        return x
    largest = math.log2(x.abs().max().item())
    kind = "weight" if case.is_parameter else "activation"
    il = math.ceil(largest + (1 if case.is_parameter else 0))
    il += int(case.params.get(kind + "_extra_bits", 0))
    unsigned = (not case.is_parameter and not case.signed
                and case.params.get("unsigned_inputs") == "true")
    return fixed_point(x, case, case.bits(), il, not unsigned)


def static_fixed_point(x, case, _):
    if is_float_in_training(case):
        return x
    return fixed_point(x, case, case.bits(), int(case.word("integer_bits")))


def power_of_two(x, case, _):
    if not case.is_weight:
        return dynamic_fixed_point(x, case, _)
    high = int(case.word("max_exponent"))
    low = high + 1 - 2 ** (case.bits() - 1)
    log = torch.log2(x.abs())
    stochastic = case.training and case.word("training_rounding") == "stochastic"
    e = torch.floor(log + case.draws) if stochastic else half_away(log)
    return through(sign(x) * 2 ** e.clamp(low, high), x)


def minifloat(x, case, _):
    if is_float_in_training(case):
        return x
    width = int(case.word("exponent_bits"))
    mantissa, bias = case.bits() - 1 - width, 2 ** (width - 1) - 1
    top = (2 - 2.0 ** -mantissa) * 2.0 ** (2 ** width - 1 - bias)
    size = x.detach().abs()
    unit = 2.0 ** (torch.floor(torch.log2(size)) - mantissa)
    rounding = {"half_even": torch.round, "half_away": half_away}[case.word("rounding")]
    q = (rounding(size / unit) * unit).clamp(max=top)
    q = torch.where(size < 2.0 ** -bias, torch.zeros_like(q), q)
    # 0 has the pattern of the least negative number.
    q = torch.where((x < 0) & (q == 2.0 ** -bias), torch.zeros_like(q), q)
    return through(sign(x) * q, x if case.is_parameter else inside(x, -top, top))


def lloyd_from_linear(values, count):
    """1-D k-means from equally spaced centres, until no value changes its cluster."""
    centres = torch.linspace(values.min(), values.max(), count, dtype=values.dtype)
    of = None
    while True:
        nearest = (values[:, None] - centres).abs().argmin(1)
        if of is not None and torch.equal(nearest, of):
            return of
        of = nearest
        for k in range(count):
            if (of == k).any():
                centres[k] = values[of == k].mean()


def shared_weights(w, bits, learned, reduce):
    """Weights become the centroid of their cluster, whose gradient is the members' sum."""
    flat = w.detach().reshape(-1)
    of = lloyd_from_linear(flat, min(2 ** bits, flat.unique().numel()))
    centroids = learned["centroids"]
    size = torch.bincount(of, minlength=centroids.numel()).clamp(min=1)
    factor = 1 / size if reduce == "mean" else torch.ones(centroids.numel())
    y = through(centroids.detach(), factor * centroids)[of].reshape(w.shape)
    return y + (w - w.detach())


def kmeans(w, case, learned):
    return shared_weights(w, case.bits(), learned, case.word("grad_reduce"))


def deep_compression(w, case, learned):
    bits = "weight_bits" if case.convolution else "fc_bits"
    return shared_weights(w, int(case.params[bits]), learned, case.word("grad_reduce"))


def sparse_least_squares(w, case, _):
    """l0: the best contiguous segments of the sorted values, by dynamic programming."""
    values = np.sort(w.detach().numpy().reshape(-1))
    count = min(2 ** case.bits(), len(np.unique(values)))
    sums, squares = (np.concatenate([[0], np.cumsum(values ** p)]) for p in (1, 2))
    begin, end = np.arange(len(values)), np.arange(1, len(values) + 1)
    size = np.maximum(end[None, :] - begin[:, None], 1)
    total = sums[end][None, :] - sums[begin][:, None]
    error = squares[end][None, :] - squares[begin][:, None] - total ** 2 / size
    error[end[None, :] <= begin[:, None]] = np.inf
    best, cuts = error[0], []
    for _level in range(1, count):
        before = np.concatenate([[np.inf], best[:-1]])
        paths = before[:, None] + error
        cuts.append(paths.argmin(0))
        best = paths.min(0)
    at, levels = len(values), []
    for cut in reversed(cuts):
        first = cut[at - 1]
        levels.append(values[first:at].mean())
        at = first
    levels = torch.tensor(sorted(levels + [values[:at].mean()]))
    return through(nearest_level(w.detach(), levels), w)


def product_quantization(w, case, learned):
    """k-means has ended: every vector belongs to the nearest codeword."""
    flat = w.reshape(case.shape)
    if len(case.shape) == 4 and case.shape[1] * case.shape[2] > 1:
        vectors = flat.permute(0, 3, 1, 2).reshape(-1, case.shape[1] * case.shape[2])
        def back(y):
            out, height, width, inputs = case.shape
            return y.reshape(out, inputs, height, width).permute(0, 2, 3, 1)
    else:
        inner = flat[0].numel()
        dimension = min(int(case.params["dimension"]), inner)
        while inner % dimension:
            dimension -= 1
        vectors, back = flat.reshape(-1, dimension), lambda y: y
    words = learned["codewords"].reshape(-1, vectors.shape[1])
    # The other side has moved what is learned, value by value, after k-means.
    moved = 0.45 + 0.05 * torch.arange(words.numel()).reshape(words.shape)
    found = words.detach() / moved
    apart = ((vectors.detach()[:, None, :] - found) ** 2).sum(2)
    of = apart.argmin(1)
    size = torch.bincount(of, minlength=len(words)).clamp(min=1)[:, None]
    y = through(words.detach(), words / size)[of]
    return back(y).reshape(w.shape) + (w - w.detach())


def float16(x, case, _):
    return through(x.detach().half().to(x), x)


TWINS = {f.__name__: f for f in (
    affine, apot, binaryconnect, bnn, bwn, deep_compression, dorefa, dynamic_fixed_point,
    entropy_penalty, float16, hwgq, inq, int8_training, kmeans, lognet, lsq, minifloat,
    pact, power_of_two, product_quantization, qnn, sparse_least_squares, static_fixed_point, ttq, twn, wrpn, xnor)}
WITHOUT_QUANTIZERS = {"float"}

failures = []


def check(where, what, ours, theirs, bound):
    worst = (ours - theirs).abs().max().item() if ours.numel() else 0.0
    if not worst <= bound * max(theirs.abs().max().item(), 1e-12):
        at = int((ours - theirs).abs().argmax())
        failures.append(f"{where}: {what}[{at}] is {ours.reshape(-1)[at].item():.9g}, "
                        f"PyTorch has {theirs.reshape(-1)[at].item():.9g}")


def draws_minifloat_bits(case):
    """Its training draws bits, not uniform numbers: only outside training."""
    return (case.id == "minifloat" and case.is_parameter
            and case.word("training_rounding") == "stochastic")


def compare(case):
    where = f"{case.id} {case.role} {'signed' if case.signed else 'unsigned'} {case.params}"
    t, prefix = case.tensors, "learned/"
    learned = {name.rsplit(".", 1)[-1]: value.clone().requires_grad_()
               for name, value in t.items() if name.startswith(prefix)}
    twin = TWINS[case.id]
    x = t["x"].clone().requires_grad_()
    case.training = False
    check(where, "evaluation", t["evaluation"], twin(x, case, learned).detach(), VALUES)
    case.training = True
    y = twin(x, case, learned)
    if not draws_minifloat_bits(case):
        check(where, "training", t["training"], y.detach(), VALUES)
    if case.role == "gradient":
        return  # a gradient's quantizer is the backward pass itself
    y.backward(t["g"])
    check(where, "dx", t["dx"], x.grad, VALUES)
    for name, ours in t.items():
        if name.startswith("gradient/"):
            theirs = learned[name.rsplit(".", 1)[-1]]
            check(where, name, ours, theirs.grad, LEARNED)


def main(folder):
    written = json.loads((folder / "methods.json").read_text())
    values = torch.from_numpy(
        np.fromfile(folder / "methods.f32", dtype="<f4").astype(np.float64))
    for name in written["ids"]:
        if name not in TWINS and name not in WITHOUT_QUANTIZERS:
            failures.append(f"{name}: has no twin in methods_with_torch.py; write one")
    at, compared = 0, set()
    for case in written["cases"]:
        tensors = {}
        for name, size in case.pop("tensors"):
            tensors[name] = values[at:at + size]
            at += size
        if case["id"] in TWINS:
            compare(Case(case, tensors))
            compared.add(case["id"])
    for name in set(TWINS) - compared:
        failures.append(f"{name}: has a twin, but nothing was compared")
    for failure in failures:
        print(failure)
    sys.exit(1 if failures else 0)


main(pathlib.Path(sys.argv[1]))

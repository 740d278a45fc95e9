"""Output codes of the executor's quantized products against torch.ao.nn.quantized's, on every
engine that this PyTorch has.

usage: products_with_torch.py FILE, the JSON that torch_products_test.cpp wrote.
Exits with 77 where PyTorch is not installed.

Both compute the same integer sums. They round differently in three places:
- qnnpack rounds the bias to a whole number of steps of the sum (input scale * weight scale), we
  add it in float as training does, and as onednn does;
- it multiplies the sum by (input scale * weight scale / output scale), we make the real value
  first and divide that by the output's scale;
- so a value within that rounding of the border between two codes may take either.
Hence: codes are equal but where the exact value lies so near to a border, and there they are
neighbours. How many, is printed.
"""
import json
import sys

try:
    import numpy as np
    import torch
    from torch.ao.nn import quantized as nnq
    from torch.nn.intrinsic.quantized import ConvReLU2d, LinearReLU
except ImportError:
    sys.exit(77)


def quantized_weights(case):
    """[out, in / groups, height, width], or [out, in] as PyTorch flattens images."""
    codes = np.array(case["weight_codes"], np.int8).reshape(case["weight_shape"])
    if case["linear"]:
        height, width, channels = case["image"]
        codes = codes.reshape(-1, height, width, channels).transpose(0, 3, 1, 2)
        codes = codes.reshape(codes.shape[0], -1)
    else:
        codes = codes.transpose(0, 3, 1, 2)
    codes = torch.from_numpy(np.ascontiguousarray(codes))
    scales = case["weight_scales"]
    if len(scales) == 1:
        return torch._make_per_tensor_quantized_tensor(codes, scales[0], 0)
    return torch._make_per_channel_quantized_tensor(
        codes, torch.tensor(scales, dtype=torch.float32).double(),
        torch.zeros(len(scales), dtype=torch.long), 0)


def module_of(case):
    weights = quantized_weights(case)
    bias = torch.tensor(case["bias"])
    if case["linear"]:
        kind = nnq.Linear
        if case["relu"]:
            kind = LinearReLU
        layer = kind(weights.shape[1], weights.shape[0])
    else:
        kind = nnq.Conv2d
        if case["relu"]:
            kind = ConvReLU2d
        layer = kind(case["image"][2], weights.shape[0], weights.shape[2],
                     stride=case["stride"], padding=case["pad"], groups=case["groups"])
    layer.set_weight_bias(weights, bias)
    layer.scale, layer.zero_point = case["output"][0], int(case["output"][1])
    return layer


def exact_codes(case, x):
    """Before rounding, in float64."""
    weights = quantized_weights(case)
    scales = torch.tensor(case["weight_scales"], dtype=torch.float32).double()
    weights = weights.int_repr().double() * scales.reshape(-1, *[1] * (weights.dim() - 1))
    values = (x.int_repr().double() - case["input"][1]) * float(np.float32(case["input"][0]))
    bias = torch.tensor(case["bias"]).double()
    if case["linear"]:
        y = torch.nn.functional.linear(values, weights, bias)
    else:
        y = torch.nn.functional.conv2d(values, weights, bias, case["stride"], case["pad"], 1,
                                       case["groups"])
    y = y.relu() if case["relu"] else y
    return y / float(np.float32(case["output"][0])) + case["output"][1]


def channels_last(case, y):
    return y if case["linear"] else y.permute(0, 2, 3, 1)


def check(case, engine):
    torch.backends.quantized.engine = engine
    images = torch.tensor(case["images"]).reshape(-1, *case["image"]).permute(0, 3, 1, 2)
    x = torch.quantize_per_tensor(images, case["input"][0], int(case["input"][1]), torch.quint8)
    x = x.flatten(1) if case["linear"] else x
    theirs = channels_last(case, module_of(case)(x).int_repr().int()).numpy()
    ours = np.array(case["codes"]).reshape(theirs.shape)
    exact = channels_last(case, exact_codes(case, x)).numpy()
    apart = ours != theirs
    # Half a step of the sum, and a few roundings of values up to 255 steps.
    steps = np.array(case["weight_scales"]) * case["input"][0] / case["output"][0]
    reach = steps / 2 + 255 * 2.0**-21
    border = np.abs(np.abs(exact - np.floor(exact)) - 0.5)
    unexplained = apart & ((np.abs(ours - theirs) > 1) | (border > reach))
    print(f"{case['name']}, {engine}: {apart.sum()} of {apart.size} codes are neighbours, at a "
          f"border; {unexplained.sum()} differ otherwise")
    return int(unexplained.sum())


def main(path):
    with open(path) as file:
        cases = json.load(file)
    engines = [e for e in torch.backends.quantized.supported_engines if e != "none"]
    wrong = sum(check(case, engine) for engine in engines for case in cases)
    sys.exit(wrong > 0 or not engines)


main(sys.argv[1])

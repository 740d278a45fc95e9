"""PyTorch's observers and quantizers against the grids and codes of `affine`: equal, bit
for bit.

usage: affine_with_torch.py FILE, the JSON that torch_affine_test.cpp wrote.
Exits with 77 where PyTorch is not installed.
"""
import json
import sys

try:
    import torch
    from torch.ao.quantization import observer
    from torch.ao.quantization.observer import (
        HistogramObserver, MinMaxObserver, MovingAverageMinMaxObserver,
        PerChannelMinMaxObserver)
except ImportError:
    sys.exit(77)

OBSERVERS = {
    "per_channel_symmetric": lambda: PerChannelMinMaxObserver(
        dtype=torch.qint8, qscheme=torch.per_channel_symmetric),
    "per_channel_affine": lambda: PerChannelMinMaxObserver(
        dtype=torch.qint8, qscheme=torch.per_channel_affine),
    "per_tensor_symmetric": lambda: MinMaxObserver(
        dtype=torch.qint8, qscheme=torch.per_tensor_symmetric),
    "quint8": MinMaxObserver,
    "quint8_symmetric": lambda: MinMaxObserver(qscheme=torch.per_tensor_symmetric),
    "quint8_reduced": lambda: MinMaxObserver(reduce_range=True),
    "qint8": lambda: MinMaxObserver(dtype=torch.qint8),
    "moving_average": lambda: MovingAverageMinMaxObserver(reduce_range=True),
    "moving_average_symmetric": lambda: MovingAverageMinMaxObserver(
        dtype=torch.qint8, qscheme=torch.per_tensor_symmetric),
    "histogram": HistogramObserver,
    "histogram_reduced": lambda: HistogramObserver(reduce_range=True),
}


def without_truncation(value):
    """Version 1.13 bins from int(min) to int(max); other integers there are integers."""
    return float(value) if isinstance(value, torch.Tensor) else int(value)


def codes_of(x, seen, scale, zero_point):
    if isinstance(seen, PerChannelMinMaxObserver):
        q = torch.quantize_per_channel(x, scale.double(), zero_point, 0, seen.dtype)
    else:
        q = torch.quantize_per_tensor(x, float(scale), int(zero_point), seen.dtype)
    # The type has a bit more than a reduced range.
    return q.int_repr().int().clamp(seen.quant_min, seen.quant_max)


def main(path):
    observer.int = without_truncation
    failures = 0
    with open(path) as file:
        cases = json.load(file)
    for number, case in enumerate(cases):
        seen = OBSERVERS[case["scheme"]]()
        x = torch.tensor(case["x"], dtype=torch.float32)
        if "tensor" not in case["scheme"] and "channel" in case["scheme"]:
            x = x.reshape(4, -1)
        # Weights are seen at once, activations in three batches.
        for batch in [x] if case["of_weights"] else x.reshape(3, -1):
            seen(batch)
        scale, zero_point = seen.calculate_qparams()
        codes = codes_of(x, seen, scale, zero_point).reshape(-1)
        for what, ours, theirs in (
                ("scale", torch.tensor(case["scale"], dtype=torch.float32), scale),
                ("zero_point", torch.tensor(case["zero_point"]), zero_point),
                ("codes", torch.tensor(case["codes"]), codes)):
            if not bool((ours == theirs).all()):
                at = int((ours != theirs).int().argmax())
                print(f"case {number}, {case['scheme']}: {what}[{at}] is "
                      f"{ours[at].item()}, PyTorch has {theirs[at].item()}")
                failures += 1
    sys.exit(failures > 0)


main(sys.argv[1])

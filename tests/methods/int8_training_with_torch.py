"""PyTorch's fake quantization with a moving average against int8_training's activations:
ranges, scales, zero points, values and gradients after each batch are equal, bit for bit.

usage: int8_training_with_torch.py FILE, the JSON that torch_int8_training_test.cpp wrote.
Exits with 77 where PyTorch is not installed.
"""
import json
import sys

try:
    import torch
    from torch.ao.quantization import FakeQuantize, MovingAverageMinMaxObserver
except ImportError:
    sys.exit(77)


def floats(values):
    return torch.tensor(values, dtype=torch.float32)


def main(path):
    with open(path) as file:
        cases = json.load(file)
    failures = 0
    for case in cases:
        fake = FakeQuantize(observer=MovingAverageMinMaxObserver, quant_min=0, quant_max=255,
                            averaging_constant=case["constant"])
        for number, batch in enumerate(case["batches"]):
            x = floats(batch["x"]).requires_grad_()
            y = fake(x)
            y.backward(floats(batch["dy"]))
            scale, zero_point = fake.calculate_qparams()
            observer = fake.activation_post_process
            for what, theirs in (("low", observer.min_val), ("high", observer.max_val),
                                 ("scale", scale), ("zero_point", zero_point), ("y", y),
                                 ("dx", x.grad)):
                ours, theirs = floats(batch[what]).flatten(), theirs.detach().float().flatten()
                if not torch.equal(ours, theirs):
                    print(f"constant {case['constant']}, batch {number}: {what} is "
                          f"{ours[ours != theirs][:3].tolist()}, PyTorch has "
                          f"{theirs[ours != theirs][:3].tolist()}")
                    failures += 1
    sys.exit(failures > 0)


main(sys.argv[1])

"""The ranges that PyTorch's observers find, against ours: equal, bit for bit.

usage: ranges_with_torch.py FILE, the JSON that torch_ranges_test.cpp wrote.
Exits with 77 where PyTorch is not installed.
"""
import json
import sys

try:
    import torch
    from torch.ao.quantization import observer
except ImportError:
    sys.exit(77)


def without_truncation(value):
    """Version 1.13 bins from int(min) to int(max); other integers there are integers."""
    return float(value) if isinstance(value, torch.Tensor) else int(value)


class HistogramRange(observer.HistogramObserver):
    def range(self):
        return self._non_linear_param_search()


class EndsRange:
    def __init__(self, kind):
        self.own = kind()

    def __call__(self, x):
        self.own(x)

    def range(self):
        return self.own.min_val, self.own.max_val


OBSERVERS = {"min_max": lambda: EndsRange(observer.MinMaxObserver),
             "moving_average": lambda: EndsRange(observer.MovingAverageMinMaxObserver),
             "histogram_pytorch": HistogramRange}


def main(path):
    observer.int = without_truncation
    failures = 0
    with open(path) as file:
        cases = json.load(file)
    for number, case in enumerate(cases):
        for name, ours in case["ranges"].items():
            seen = OBSERVERS[name]()
            for batch in case["batches"]:
                seen(torch.tensor(batch, dtype=torch.float32))
            theirs = [float(end) for end in seen.range()]
            if torch.tensor(ours).equal(torch.tensor(theirs)):
                continue
            print(f"case {number}: {name} is {ours}, PyTorch has {theirs}")
            failures += 1
    sys.exit(failures > 0)


main(sys.argv[1])

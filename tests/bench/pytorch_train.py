#!/usr/bin/python3
"""Speed of the benchmark networks in PyTorch, on random images.

usage: pytorch_train.py --model lenet --threads 2 --seconds 5 [--work inference]
                        [--method dorefa] [--json]

Counts whole steps. Training: forward, cross entropy, backward, SGD with momentum and weight
decay; inference: forward alone, without gradients, normalisation by running statistics. Each
memory format of PyTorch is timed for that many seconds; the faster one stands. Names the BLAS
that PyTorch runs on, and refuses the reference one.
"""
import argparse
import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

import blas


class QuantizeActivation(torch.autograd.Function):
    """DoReFa: round(levels * clip(x, 0, 1)) / levels, straight through inside the clip."""

    @staticmethod
    def forward(ctx, x, levels):
        ctx.save_for_backward(x)
        return torch.mul(x, levels).round_().clamp_(0, levels).mul_(1 / levels)

    @staticmethod
    def backward(ctx, dy):
        x, = ctx.saved_tensors
        return torch.ops.aten.hardtanh_backward(dy, x, 0, 1), None


class QuantizeWeight(torch.autograd.Function):
    """DoReFa: tanh(w) scaled to [0, 1], rounded to levels, spread over [-1, 1]."""

    @staticmethod
    def forward(ctx, w, levels):
        t = w.tanh()
        largest = t.abs().max()
        ctx.save_for_backward(t, largest)
        codes = (t * (levels / (2 * largest))).add_(levels / 2).round_()
        return codes.mul_(2 / levels).sub_(1)

    @staticmethod
    def backward(ctx, dy):
        t, largest = ctx.saved_tensors
        return (dy / largest).mul_(1 - t * t), None


def operands(layer, x):
    if layer.levels is None:
        return x, layer.weight
    return (QuantizeActivation.apply(x, layer.levels),
            QuantizeWeight.apply(layer.weight, layer.levels))


class Convolution(nn.Conv2d):
    levels = None

    def forward(self, x):
        x, weight = operands(self, x)
        return self._conv_forward(x, weight, self.bias)


class Linear(nn.Linear):
    levels = None

    def forward(self, x):
        x, weight = operands(self, x)
        return F.linear(x, weight, self.bias)


class WithinChannelNorm(nn.Module):
    """Caffe's local response normalisation over a 3 x 3 window of one channel."""

    def forward(self, x):
        # x * mean^-0.75; two square roots are faster than a power.
        inverse = torch.rsqrt(F.avg_pool2d(x * x, 3, 1, 1) * 5e-5 + 1)
        return x * (inverse * inverse.sqrt())


class Block(nn.Module):
    """Two convolutions and a shortcut without parameters (option A)."""

    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1 = Convolution(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = Convolution(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.widens = channels != channels_in
        self.margin = (channels - channels_in) // 2

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        if self.widens:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.margin, self.margin))
        return F.relu(y.add_(x), inplace=True)


def lenet():
    return nn.Sequential(
        Convolution(1, 20, 5), nn.MaxPool2d(2),
        Convolution(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
        Linear(800, 500), nn.ReLU(inplace=True), Linear(500, 10))


def cifar10_full():
    return nn.Sequential(
        Convolution(3, 32, 5, padding=2), nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.ReLU(inplace=True), WithinChannelNorm(),
        Convolution(32, 32, 5, padding=2), nn.ReLU(inplace=True),
        nn.AvgPool2d(3, 2, ceil_mode=True), WithinChannelNorm(),
        Convolution(32, 64, 5, padding=2), nn.ReLU(inplace=True),
        nn.AvgPool2d(3, 2, ceil_mode=True), nn.Flatten(), Linear(1024, 10))


def resnet20():
    layers = [Convolution(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16),
              nn.ReLU(inplace=True)]
    channels_in = 16
    for channels in (16, 32, 64):
        for _ in range(3):
            layers.append(Block(channels_in, channels, channels // channels_in))
            channels_in = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), Linear(64, 10))


# Network, its batch size, the shape of an image.
MODELS = {
    "lenet": (lenet, 64, (1, 28, 28)),
    "cifar10-full": (cifar10_full, 100, (3, 32, 32)),
    "resnet-20": (resnet20, 128, (3, 32, 32)),
}
BITS = {"float": None, "dorefa": 4}
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def build(model, method):
    """The network; a method quantizes all convolutions and linear layers but the ends."""
    network = MODELS[model][0]()
    layers = [m for m in network.modules() if isinstance(m, (Convolution, Linear))]
    for layer in layers[1:-1]:
        layer.levels = BITS[method] and 2**BITS[method] - 1
    return network


def training_step(network, images):
    labels = torch.randint(0, 10, (len(images),))
    optimizer = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9, weight_decay=1e-4)

    def step():
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(network(images), labels).backward()
        optimizer.step()

    return step


def inference_step(network, images):
    network.eval()

    @torch.inference_mode()
    def step():
        network(images)

    return step


WORK = {"training": training_step, "inference": inference_step}


def images_per_second(options, batch, layout):
    network = build(options.model, options.method).to(memory_format=layout)
    images = torch.randn(batch, *MODELS[options.model][2]).contiguous(memory_format=layout)
    step = WORK[options.work](network, images)
    for _ in range(5):
        step()
    steps, start = 0, time.perf_counter()
    while time.perf_counter() - start < options.seconds:
        step()
        steps += 1
    return steps * batch / (time.perf_counter() - start)


def tuned_blas():
    """The BLAS that PyTorch runs on, and its file; ends the program where it is the reference
    one."""
    name, file = blas.torch_blas(torch.__config__.show())
    if name.startswith(blas.REFERENCE):
        print(f"pytorch_train.py: {blas.WAY_OUT} ({file})", file=sys.stderr)
        sys.exit(2)
    return name, file


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--work", choices=WORK, default="training")
    parser.add_argument("--method", choices=BITS, default="float")
    parser.add_argument("--batch", type=int, help="default: the model's own")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    batch = options.batch or MODELS[options.model][1]
    library, file = tuned_blas()
    speeds = {name: images_per_second(options, batch, layout)
              for name, layout in FORMATS.items()}
    best = max(speeds, key=speeds.get)
    result = {"program": f"PyTorch {torch.__version__}", "blas": library, "blas_file": file,
              "model": options.model, "work": options.work,
              "method": options.method, "batch": batch, "threads": options.threads,
              "memory_format": best, "images_per_second": speeds[best]}
    if options.json:
        print(json.dumps(result))
    else:
        print(f"{options.model} {options.method}, {options.work}: {speeds[best]:.0f} images/s "
              f"({best}, {library})")


if __name__ == "__main__":
    main()

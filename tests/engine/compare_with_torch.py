"""Works out with PyTorch what torch_test.cpp worked out with our kernels, and compares.

usage: compare_with_torch.py FOLDER, which holds NAME.f32 files: raw little-endian floats.
Exits with 77 where PyTorch is not installed.
"""
import pathlib
import sys

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit(77)

folder = pathlib.Path(sys.argv[1])
failures = []


def load(name, *shape):
    values = np.fromfile(folder / f"{name}.f32", dtype="<f4")
    return torch.from_numpy(values.copy()).reshape(shape)


def images(name, *shape):
    """An NHWC file as the NCHW tensor PyTorch wants."""
    return load(name, *shape).permute(0, 3, 1, 2).contiguous()


def check(name, ours, theirs, bound):
    difference = (ours - theirs).abs().max().item()
    if not difference <= bound:
        failures.append(f"{name}: differs by {difference}")


def check_layer(name, layer, bound, out_height, out_width):
    """`layer` maps x to y; the files hold x, dy and our y and dx."""
    x = images("x", 2, 7, 8, 10).requires_grad_()
    dy = images(f"{name}_dy", 2, out_height, out_width, 10)
    y = layer(x)
    y.backward(dy)
    check(f"{name} forward", images(f"{name}_y", *dy.permute(0, 2, 3, 1).shape), y, bound)
    check(f"{name} backward", images(f"{name}_dx", 2, 7, 8, 10), x.grad, bound)


def batch_norm(x):
    return F.relu(F.batch_norm(x, None, None, load("gamma", 10), load("beta", 10),
                               training=True, eps=1e-5))


check_layer("max_floor", lambda x: F.max_pool2d(x, 3, 2, 1), 0, 4, 4)
check_layer("max_ceil", lambda x: F.max_pool2d(x, 2, 2, 0, ceil_mode=True), 0, 4, 4)
check_layer("average_floor", lambda x: F.avg_pool2d(x, 3, 2, 1), 1e-6, 4, 4)
check_layer("average_ceil", lambda x: F.avg_pool2d(x, 3, 2, 0, ceil_mode=True), 1e-6, 3, 4)
check_layer("max_sides", lambda x: F.max_pool2d(x, (3, 2), (1, 2), (1, 0)), 0, 7, 4)
check_layer("average_sides", lambda x: F.avg_pool2d(x, (1, 4), (2, 3), (0, 2)), 1e-6, 4, 3)
# Nothing of the border is a maximum.
check_layer("max_same", lambda x: F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-1e30), (2, 3), 2),
            0, 4, 4)


def check_convolution(name, kernel, stride, pad, groups, out_height, out_width):
    """In float64; `pad` is left, right, top, bottom. Sums of floats of up to 100 terms."""
    x = images("x", 2, 7, 8, 10).double().requires_grad_()
    w = load(f"{name}_w", 15, *kernel, 10 // groups).permute(0, 3, 1, 2).double()
    w, b = w.contiguous().requires_grad_(), load(f"{name}_b", 15).double().requires_grad_()
    dy = images(f"{name}_dy", 2, out_height, out_width, 15).double()
    y = F.conv2d(F.pad(x, pad), w, b, stride, groups=groups)
    y.backward(dy)
    check(f"{name} forward", images(f"{name}_y", 2, out_height, out_width, 15), y, 2e-5)
    check(f"{name} to inputs", images(f"{name}_dx", 2, 7, 8, 10), x.grad, 2e-5)
    dw = load(f"{name}_dw", 15, *kernel, 10 // groups).permute(0, 3, 1, 2)
    check(f"{name} to weights", dw, w.grad, 5e-5)
    check(f"{name} to biases", load(f"{name}_db", 15), b.grad, 5e-5)


for engine in "", "_reference":
    check_convolution("tall" + engine, (3, 1), (2, 1), (0, 0, 1, 1), 1, 4, 8)
    check_convolution("wide" + engine, (1, 5), (1, 2), (2, 2, 0, 0), 5, 7, 4)
    check_convolution("same" + engine, (2, 4), (1, 3), (1, 2, 0, 1), 1, 7, 3)

check_layer("lrn", lambda x: F.local_response_norm(x, 5, 0.3, 0.75, 2.0), 2e-6, 7, 8)
check_layer("batch_norm", batch_norm, 2e-5, 7, 8)

logits = load("logits", 6, 10).requires_grad_()
labels = torch.arange(6)
F.cross_entropy(logits, labels).backward()
check("softmax gradient", load("softmax_d", 6, 10), logits.grad, 1e-7)

logits = load("logits", 6, 10).requires_grad_()
targets = 2 * F.one_hot(labels, 10).float() - 1
(F.relu(1 - targets * logits) ** 2).mean().backward()
check("hinge gradient", load("hinge_d", 6, 10), logits.grad, 1e-7)

OPTIMIZERS = {
    "sgd": lambda w: torch.optim.SGD([w], 0.05, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda w: torch.optim.SGD([w], 0.05, momentum=0.9, weight_decay=0.01,
                                          nesterov=True),
    "adam": lambda w: torch.optim.Adam([w], 0.01, weight_decay=0.01),
}
for name, make in OPTIMIZERS.items():
    w = load("w", 100).requires_grad_()
    optimizer = make(w)
    for step in range(1, 4):
        w.grad = load("g", 100) * step
        optimizer.step()
    check(name, load(name, 100), w, 2e-6)

print("\n".join(failures))
sys.exit(1 if failures else 0)

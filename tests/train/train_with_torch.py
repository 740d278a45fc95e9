"""Trains with PyTorch what torch_network_test.cpp trained, and compares.

usage: train_with_torch.py FOLDER NAME...

NAME.json describes a network, its training and its tensors; NAME.f32 holds those. Exits with
77 where PyTorch is not installed. Nothing here is shared with the program but the layers'
names: every layer, loss, optimizer and quantizer is PyTorch's or written out by its formula.
"""
import json
import pathlib
import sys

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit(77)

torch.set_num_threads(1)
failures = []


def read(folder, name):
    description = json.loads((folder / f"{name}.json").read_text())
    values = np.fromfile(folder / f"{name}.f32", dtype="<f4")
    tensors, at = {}, 0
    for tensor, shape in description["tensors"]:
        size = int(np.prod(shape))
        tensors[tensor] = torch.from_numpy(values[at:at + size].astype("f8")).reshape(shape)
        at += size
    return description, tensors


def check(what, ours, theirs, relative):
    """Differences are measured in the tensor's largest value."""
    ours, theirs = ours.flatten(), theirs.detach().flatten()
    bound = relative * max(theirs.abs().max().item(), 1e-6)
    difference = (ours - theirs).abs().max().item()
    if not difference <= bound:
        failures.append(f"{what}: differs by {difference:.3g}, allowed {bound:.3g}")


class StraightThrough(torch.autograd.Function):
    """Rounds, and passes the gradient."""

    @staticmethod
    def forward(ctx, x):
        return torch.round(x)

    @staticmethod
    def backward(ctx, g):
        return g


def quantize_weight(w, method, params):
    if method == "twn":  # identity in the backward pass
        delta = float(params["delta_factor"]) * w.detach().abs().mean()
        large = (w.detach().abs() > delta).to(w.dtype)
        alpha = (w.detach().abs() * large).sum() / large.sum()
        return w + (alpha * torch.sign(w.detach()) * large - w).detach()
    if method == "dorefa":
        n = 2 ** int(params["weight_bits"]) - 1
        t = torch.tanh(w)
        unit = t / (2 * t.detach().abs().max()) + 0.5
        return 2 * StraightThrough.apply(n * unit) / n - 1
    return w


def scale_of_folded(v, params):
    n = 2 ** (int(params["weight_bits"]) - 1) - 1
    return v.detach().abs().amax(tuple(range(1, v.dim())), keepdim=True) / n


def quantize_folded(v, params):
    """int8_training's: symmetric, a scale for each filter."""
    if params["weight_bits"] == "32":
        return v
    scale = scale_of_folded(v, params)
    return v + (scale * torch.floor(v.detach() / scale + 0.5) - v).detach()


def quantize_input(x, method, params):
    if method != "dorefa":
        return x
    n = 2 ** int(params["activation_bits"]) - 1
    return StraightThrough.apply(n * torch.clamp(x, 0, 1)) / n


class Net:
    def __init__(self, description, tensors):
        self.layers = description["layers"]
        self.method, self.params = description["method"], description["params"]
        self.state = {name[len("before/"):]: value.clone()
                      for name, value in tensors.items() if name.startswith("before/")}
        self.trained = {name: value.requires_grad_() for name, value in self.state.items()
                        if "/running_" not in name}
        weighted = [name for name in self.state if name.endswith("/weight")]
        self.inner = set(weighted[1:-1])  # the ends stay float
        self.is_int8 = self.method == "int8_training"
        self.folds = self.is_int8 and self.params["fold_batch_norm"] == "true"
        self.frozen = description["frozen"]
        self.ranges = {}
        self.scales = {}  # of activations
        self.has_integer_biases = description["integer_biases"]

    def weight(self, name):
        full = f"{name}/weight"
        w = self.state[full]
        return quantize_weight(w, self.method, self.params) if full in self.inner else w

    def input(self, name, x):
        inner = f"{name}/weight" in self.inner
        if self.is_int8:
            return self.followed(f"{name}/input", x) if inner else x
        return quantize_input(x, self.method, self.params) if inner else x

    def followed(self, site, x):
        """int8_training's activations: a range that follows the batches of training."""
        if self.params["activation_bits"] == "32":
            return x
        n = 2 ** int(self.params["activation_bits"]) - 1
        if self.training:
            batch = torch.stack([x.detach().min().clamp(max=0), x.detach().max().clamp(min=0)])
            before = self.ranges.get(site, batch)
            self.ranges[site] = before + (1 - float(self.params["momentum"])) * (batch - before)
        low, high = self.ranges[site]
        scale = self.scales[site] = (high - low) / n
        zero = torch.floor(-low / scale + 0.5)
        code = torch.floor(x.detach() / scale + zero + 0.5)
        passed = ((0 <= code) & (code <= n)).to(x.dtype)
        return x * passed + (scale * (code.clamp(0, n) - zero) - x * passed).detach()

    def folded(self, layer, norm, x):
        """A convolution or linear layer and the normalisation behind it, as Jacob et al. fold
        them, corrected as TensorFlow does."""
        name, p = layer["name"], layer["params"]
        w, b = self.state[f"{name}/weight"], self.bias(name)
        b = torch.zeros(len(w), dtype=w.dtype) if b is None else b
        gamma, beta = (self.state[f"{norm['name']}/{part}"] for part in ("scale", "shift"))
        running = [self.state[f"{norm['name']}/running_{part}"] for part in ("mean", "variance")]
        mean, variance = (each.clone() for each in running)
        epsilon = float(norm["params"].get("epsilon", 1e-5))
        x = self.input(name, x)

        def product(weight):
            if layer["kind"] == "linear":
                flat = x.permute(0, 2, 3, 1).flatten(1) if x.dim() == 4 else x
                return flat @ weight.T
            groups = x.shape[1] if layer["kind"] == "depthwise" else int(p.get("groups", 1))
            return F.conv2d(x, weight.permute(0, 3, 1, 2), None, int(p.get("stride", 1)),
                            int(p.get("pad", 0)), 1, groups)

        deviation = torch.sqrt(variance + epsilon)
        v = w * (gamma / deviation).reshape(-1, *[1] * (w.dim() - 1))
        is_inner = f"{name}/weight" in self.inner
        z = product(quantize_folded(v, self.params) if is_inner else v)
        shape = [-1] + [1] * (z.dim() - 2)
        if not self.training or self.frozen:
            shift = beta + gamma * (b - mean) / deviation
            if self.has_integer_biases and is_inner and not self.training:
                step = self.scales[f"{name}/input"] * scale_of_folded(v, self.params).flatten()
                shift = step * torch.floor(shift / step + 0.5)
            return z + shift.reshape(shape)
        u = product(w) + b.reshape(shape)
        over = [0] + list(range(2, u.dim()))
        mu, square = u.mean(over), u.var(over, unbiased=False)
        sigma = torch.sqrt(square + epsilon)
        y = z * (deviation / sigma).reshape(shape) + (
            beta - gamma * (mu - b) / sigma).reshape(shape)
        count, share = u.numel() / len(w), float(norm["params"].get("momentum", 0.1))
        with torch.no_grad():
            for each, now in zip(running, (mu, square * count / (count - 1))):
                each.copy_((1 - share) * each + share * now)
        return y

    def bias(self, name):
        return self.state.get(f"{name}/bias")

    def convolution(self, name, p, x):
        weight = self.weight(name).permute(0, 3, 1, 2)
        return F.conv2d(self.input(name, x), weight, self.bias(name),
                        int(p.get("stride", 1)), int(p.get("pad", 0)), 1,
                        int(p.get("groups", 1)))

    def depthwise(self, name, p, x):
        return self.convolution(name, {**p, "groups": x.shape[1]}, x)

    def linear(self, name, p, x):
        if x.dim() == 4:
            x = x.permute(0, 2, 3, 1).flatten(1)
        return F.linear(self.input(name, x), self.weight(name), self.bias(name))

    def batch_norm(self, name, p, x):
        return F.batch_norm(x, self.state[f"{name}/running_mean"],
                            self.state[f"{name}/running_variance"],
                            self.state[f"{name}/scale"], self.state[f"{name}/shift"],
                            self.training, float(p.get("momentum", 0.1)),
                            float(p.get("epsilon", 1e-5)))

    def lrn(self, name, p, x):
        size, alpha = int(p.get("size", 5)), float(p.get("alpha", 1e-4))
        beta, k = float(p.get("beta", 0.75)), float(p.get("k", 1))
        if p.get("region", "across") == "across":
            return F.local_response_norm(x, size, alpha, beta, k)
        mean = F.avg_pool2d(x * x, size, 1, size // 2)  # the border counts as zeros
        return x * (k + alpha * mean) ** -beta

    def pool(self, function, p, x):
        return function(x, int(p.get("kernel", 2)), int(p.get("stride", 2)), int(p.get("pad", 0)),
                        ceil_mode=p.get("rounding", "floor") == "ceil")

    def residual(self, name, p, x, body):
        y = self.run(body, x)
        shortcut = p.get("shortcut", "identity")
        if shortcut == "projected":
            stride = -(-x.shape[2] // y.shape[2])
            x = self.run([
                {"name": f"{name}/projection", "kind": "convolution",
                 "params": {"stride": stride}},
                {"name": f"{name}/projection_norm", "kind": "batch_norm", "params": {}}], x)
        elif x.shape != y.shape:
            stride = -(-x.shape[2] // y.shape[2])
            more = (y.shape[1] - x.shape[1]) // 2
            x = F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, more, more))
        if self.is_int8:
            y, x = self.followed(f"{name}/body", y), self.followed(f"{name}/shortcut", x)
        return y + x

    def run(self, layers, x):
        is_done = False
        for layer, following in zip(layers, [*layers[1:], None]):
            name, kind, p = layer["name"], layer["kind"], layer["params"]
            if is_done:
                is_done = False
                continue
            if self.folds and following and following["kind"] == "batch_norm":
                x = self.folded(layer, following, x)
                is_done = True
                continue
            if kind == "residual":
                x = self.residual(name, p, x, layer["body"])
            elif kind == "concat":
                x = torch.cat([self.run(branch["body"], x) for branch in layer["body"]], 1)
            elif kind in ("convolution", "depthwise", "linear", "batch_norm", "lrn"):
                x = getattr(self, kind)(name, p, x)
            elif kind == "max_pool":
                x = self.pool(F.max_pool2d, p, x)
            elif kind == "average_pool":
                x = self.pool(F.avg_pool2d, p, x)
            elif kind == "global_average_pool":
                x = x.mean((2, 3))
            elif kind == "relu":
                x = F.relu(x)
            elif kind == "relu6":
                x = F.relu6(x)
            elif kind == "hard_tanh":
                x = F.hardtanh(x)
            elif kind != "flatten":
                sys.exit(f"unknown layer {kind}")
        return x

    def __call__(self, x, training):
        self.training = training
        return self.run(self.layers, x).flatten(1)


def loss_of(kind, logits, labels):
    if kind == "cross_entropy":
        return F.cross_entropy(logits, labels)
    target = 2 * F.one_hot(labels, logits.shape[1]) - 1
    return torch.clamp(1 - target * logits, min=0).square().mean()


def optimizer_of(o, trained):
    """Biases have twice the rate and no decay, as the other side's rule says."""
    groups = [{"params": [value], "lr": o["rate"] * (2 if name.endswith("/bias") else 1),
               "weight_decay": 0 if name.endswith("/bias") else o["decay"]}
              for name, value in trained.items()]
    if o["id"] == "adam":
        return torch.optim.Adam(groups)
    # Caffe's form and the modern one are the same while the rate stays the same.
    return torch.optim.SGD(groups, lr=o["rate"], momentum=o["momentum"],
                           nesterov=o["nesterov"])


def train(folder, name):
    description, tensors = read(folder, name)
    net = Net(description, tensors)
    images = tensors["images"].permute(0, 3, 1, 2).contiguous()
    labels = tensors["labels"].long()
    optimizer = optimizer_of(description["optimizer"], net.trained)
    for step in range(description["steps"]):
        optimizer.zero_grad()
        logits = net(images, True)
        loss_of(description["loss"], logits, labels).backward()
        if step == 0:
            check(f"{name} logits", tensors["logits"], logits, FIRST)
            for parameter, value in net.trained.items():
                check(f"{name} gradient of {parameter}", tensors[f"gradient/{parameter}"],
                      value.grad, GRADIENT)
        optimizer.step()
    for parameter, value in net.state.items():
        check(f"{name} after training: {parameter}", tensors[f"after/{parameter}"], value,
              AFTER)
    check(f"{name} evaluated", tensors["evaluated"], net(images, False), AFTER)


# Float sums of up to some thousand terms, in another order: a few units of 1e-6 of the
# largest; through twenty layers and back some more; and training amplifies what differs.
FIRST, GRADIENT, AFTER = 2e-5, 2e-4, 2e-3

for each in sys.argv[2:]:
    train(pathlib.Path(sys.argv[1]), each)
print("\n".join(failures), file=sys.stderr)
sys.exit(1 if failures else 0)

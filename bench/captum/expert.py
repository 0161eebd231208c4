"""NIG as an expert writes it by hand in PyTorch: mho's rule, at mho's points of the path, for one network.

Secants: NIG = sum over k of m(x_k, x_{k+1}) (y(x_{k+1}) - y(x_k)), m DeepLIFT's multipliers between neighbouring points.
All points run in one batch, in the order of the path, so that the neighbour of row r is row r - n (n examples); the
backward pass is written out, for the segments alone. Nothing records a graph; BatchNormalization is folded, pictures
are channels_last, what is affine in the input is computed once, the target's row of the last matrix is where the
multipliers begin. The transformer takes trapezoids at the same points, with gradients from the layer on.
"""

import copy

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import fusion

SMALL = 1e-6  # differences below are taken as none


def differences(rows, n):
    return rows[n:] - rows[:-n]


class Conv(nn.Module):
    """Backward by a convolution with transposed weights where the stride is 1; the stride-2 kernel of one pixel is one
    on the pixels it reads."""

    def __init__(self, conv):
        super().__init__()
        self.register_buffer("weight", conv.weight.detach().contiguous(memory_format=torch.channels_last))
        bias = conv.bias.detach() if conv.bias is not None else torch.zeros(len(conv.weight))
        self.register_buffer("bias", bias)
        turned = self.weight.flip(2, 3).transpose(0, 1).contiguous(memory_format=torch.channels_last)
        self.register_buffer("turned", turned)
        self.stride, self.padding, self.size = conv.stride[0], conv.padding[0], conv.kernel_size[0]

    def linear(self, x):
        return functional.conv2d(x, self.weight, None, self.stride, self.padding)

    def forward(self, x):
        return functional.conv2d(x, self.weight, self.bias, self.stride, self.padding), x.shape[2:]

    def backward(self, m, saved, _n):
        height, width = saved
        if self.stride == 1:
            return functional.conv2d(m, self.turned, None, 1, self.size - 1 - self.padding)
        if self.size == 1:
            full = m.new_zeros((len(m), self.weight.shape[1], height, width)).to(memory_format=torch.channels_last)
            full[:, :, :: self.stride, :: self.stride] = functional.conv2d(m, self.turned)
            return full
        reach = (m.shape[2] - 1) * self.stride - 2 * self.padding + self.size
        return functional.conv_transpose2d(m, self.weight, None, self.stride, self.padding, height - reach)


class Linear(nn.Module):
    def __init__(self, linear):
        super().__init__()
        self.register_buffer("weight", linear.weight.detach())
        self.register_buffer("bias", linear.bias.detach())

    def linear(self, x):
        return functional.linear(x, self.weight)

    def forward(self, x):
        return functional.linear(x, self.weight, self.bias), None

    def backward(self, m, _saved, _n):
        return m @ self.weight


class Relu(nn.Module):
    def forward(self, x):
        y = torch.relu(x)
        return y, (x, y)

    def backward(self, m, saved, n):
        x, y = saved
        dx = differences(x, n)
        small = dx.abs() < SMALL
        return m * torch.where(small, (x[n:] > 0).to(m.dtype), differences(y, n) / torch.where(small, 1.0, dx))


class Pool(nn.Module):
    """The largest of windows of 2 x 2; multipliers as in docs/deeplift.md."""

    def forward(self, x):
        windows = torch.stack([x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)], -1)
        return windows.amax(-1), windows

    def backward(self, m, windows, n):
        now, before = windows[n:], windows[:-n]
        p, q = now.argmax(-1, keepdim=True), before.argmax(-1, keepdim=True)
        a, b, a0, b0 = now.gather(-1, p), now.gather(-1, q), before.gather(-1, p), before.gather(-1, q)
        cp = (torch.maximum(a, b0) - b0 + a - torch.maximum(a0, b)) / 2
        cq = (a - torch.maximum(a, b0) + torch.maximum(a0, b) - b0) / 2
        mp = torch.where((a - a0).abs() < SMALL, 0.0, cp / torch.where((a - a0).abs() < SMALL, 1.0, a - a0))
        mq = torch.where((b - b0).abs() < SMALL, 0.0, cq / torch.where((b - b0).abs() < SMALL, 1.0, b - b0))
        same = (p == q).to(m.dtype)
        each = torch.zeros_like(now).scatter(-1, p, same + (1 - same) * mp)
        each = each.scatter_add(-1, q, (1 - same) * mq) * m.unsqueeze(-1)
        rows, channels, height, width = m.shape
        each = each.view(rows, channels, height, width, 2, 2).permute(0, 1, 2, 4, 3, 5)
        return each.reshape(rows, channels, 2 * height, 2 * width)


class OverlappingPool(nn.Module):
    """ResNet-50's, which no layer of the comparison lies before."""

    def forward(self, x):
        return functional.max_pool2d(x, 3, 2, 1), None


class Flatten(nn.Module):
    def forward(self, x):
        return x.flatten(1), x.shape[1:]

    def backward(self, m, shape, _n):
        return m.view(len(m), *shape)


class Mean(nn.Module):
    def forward(self, x):
        return x.mean((2, 3)), x.shape[2:]

    def backward(self, m, saved, _n):
        height, width = saved
        return (m / (height * width))[:, :, None, None].expand(-1, -1, height, width)


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = nn.ModuleList(body), shortcut

    def forward(self, x):
        y, tape = x, []
        for op in self.body:
            y, saved = op(y)
            tape.append(saved)
        other, saved = (x, None) if self.shortcut is None else self.shortcut(x)
        return y + other, (tape, saved)

    def backward(self, m, saved, n):
        tape, other = saved
        through = m if self.shortcut is None else self.shortcut.backward(m, other, n)
        for op, kept in zip(reversed(self.body), reversed(tape)):
            m = op.backward(m, kept, n)
        return m + through


class Secants(nn.Module):
    """forward(x, alphas, head): attributions of the layers. `head`: the last matrix's rows of the examples' targets."""

    def __init__(self, ops, names, layers):
        super().__init__()
        self.ops = nn.ModuleList(ops)
        self.layers = [names.index(layer) for layer in layers]

    def forward(self, x, alphas, head):
        n, first = len(x), min(self.layers)
        z = self.ops[0].linear(x)
        scale = alphas.view(-1, *[1] * z.dim())
        rows = (scale * z).flatten(0, 1) + self.ops[0].bias.view(-1, *[1] * (z.dim() - 2))
        ys, tape = {}, []
        for i, op in enumerate(self.ops[1:]):
            rows, saved = op(rows)
            tape.append(saved if i + 1 > first else None)
            if i + 1 in self.layers:
                ys[i + 1] = rows
        m = head.repeat(len(alphas) - 1, 1)
        found = {}
        for i in range(len(self.ops) - 1, first - 1, -1):
            if i in ys:
                parts = m * differences(ys[i], n)
                found[i] = parts.view(len(alphas) - 1, n, *parts.shape[1:]).sum(0)
            if i > first:
                m = self.ops[i].backward(m, tape[i - 1], n)
        return [found[i] for i in self.layers]


class Trapezoids(nn.Module):
    """forward(x, alphas, target): layer values and gradients at the points of one example."""

    def __init__(self, net, layer):
        super().__init__()
        name, index = layer.split(".")
        stages = getattr(net, name)
        self.before, self.after = stages[: int(index) + 1], stages[int(index) + 1 :]
        self.head = net.head

    def forward(self, x, alphas, target):
        y = self.before(alphas.view(-1, 1, 1) * x)

        def output(y):
            return self.head(self.after(y)[:, 0])[:, target].sum()

        return y, torch.func.grad(output)(y)


def folded(conv, norm):
    return Conv(fusion.fuse_conv_bn_eval(conv, norm))


def operators(kind, net):
    """The network as a chain of operators up to the last matrix, the names of their outputs, and that matrix."""
    if kind == "cnn":
        ops = [Conv(net.conv1), Relu(), Pool(), Conv(net.conv2), Relu(), Pool(), Flatten(), Linear(net.fc1), Relu()]
        return ops, ["", "relu1", "pool1", "", "relu2", "pool2", "", "", "relu3"], net.fc2
    if kind == "mlp":
        ops = [Linear(net.fc1), Relu(), Linear(net.fc2), Relu(), Linear(net.fc3), Relu()]
        return ops, ["", "relu1", "", "relu2", "", "relu3"], net.fc4
    ops, names = [folded(net.stem, net.bn), Relu()], ["", "relu"]
    if kind == "resnet50":
        ops.append(OverlappingPool())
        names.append("pool")
    for i, block in enumerate(net.blocks):
        body = [folded(block.conv1, block.bn1), Relu(), folded(block.conv2, block.bn2)]
        if kind == "resnet50":
            body += [Relu(), folded(block.conv3, block.bn3)]
        shortcut = None if isinstance(block.shortcut, nn.Identity) else folded(*block.shortcut)
        ops += [Residual(body, shortcut), Relu()]
        names += ["", f"blocks.{i}.relu{3 if kind == 'resnet50' else 2}"]
    return [*ops, Mean()], [*names, ""], net.head


def module_for(kind, net, layers):
    """What computes, and the last matrix (nothing for the transformer)."""
    net = copy.deepcopy(net).eval()
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    if kind == "encoder":
        return Trapezoids(net, layers[0]).eval(), None
    ops, names, head = operators(kind, net)
    return Secants(ops, names, layers).eval(), head.weight.detach()

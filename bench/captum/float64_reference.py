"""NIG in float64 by PyTorch with many segments: what both sides' errors are measured against."""

import copy

import numpy as np
import torch

import harness


def nig(net, names, x, targets, segments, part, power):
    """By the trapezoid rule: sum of (g_k + g_{k+1})/2 * (y_{k+1} - y_k), example by example, at
    alpha = (k / segments)^power: layer normalization makes a path from zero change fastest at its very beginning."""
    net = copy.deepcopy(net).double()
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    result = [[] for _ in names]
    for n in range(len(x)):
        whole = x[n : n + 1].double()
        sums, last = [0.0] * len(names), None
        alphas = torch.linspace(0, 1, segments + 1, dtype=torch.float64) ** power
        for chunk in alphas.split(part):
            points = (chunk.view(-1, *[1] * (whole.dim() - 1)) * whole).requires_grad_(True)
            out, ys = harness.layer_outputs(net, names, points)
            gs = torch.autograd.grad(out[:, targets[n]].sum(), ys)
            for i, (y, g) in enumerate(zip(ys, gs)):
                y, g = y.detach(), g.detach()
                if last is not None:
                    y, g = torch.cat([last[i][0], y]), torch.cat([last[i][1], g])
                sums[i] = sums[i] + ((g[1:] + g[:-1]) / 2 * (y[1:] - y[:-1])).sum(0)
            last = [(y.detach()[-1:], g.detach()[-1:]) for y, g in zip(ys, gs)]
        for i, total in enumerate(sums):
            result[i].append(total.numpy())
    return [np.stack(values) for values in result]


def cached(path, *arguments):
    """The values in `path`, made and written there if it does not exist."""
    if path.exists():
        with np.load(path) as arrays:
            return [arrays[f"arr_{i}"] for i in range(len(arrays.files))]
    harness.say(f"  float64 reference {path.name}")
    values = nig(*arguments)
    np.savez(path, *values)
    return values

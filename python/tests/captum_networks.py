"""Networks of the parity tests, and the converged values that path methods are held against."""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F


class Residual(nn.Module):
    """Two convolutions with BatchNorm and a shortcut; in-place activations."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1, self.relu1 = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True)
        self.conv2, self.norm2, self.relu2 = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True)
        self.pool, self.flatten = nn.AvgPool2d(2), nn.Flatten()
        self.hidden, self.relu3, self.out = nn.Linear(36, 16), nn.ReLU(), nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu1(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(x))
        y += x
        return self.out(self.relu3(self.hidden(self.flatten(self.pool(self.relu2(y))))))


class TwoInputs(nn.Module):
    """Two branches that meet."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.elu = nn.Linear(6, 8), nn.Linear(4, 8), nn.ELU()
        self.join, self.tanh, self.out = nn.Linear(16, 10), nn.Tanh(), nn.Linear(10, 3)

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return self.out(self.tanh(self.join(torch.cat([self.elu(self.left(a)), self.right(b)], 1))))


class Functional(nn.Module):
    """Activations as functions, one of them used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.out = nn.Linear(7, 9), nn.Linear(9, 9), nn.Linear(9, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(F.relu(self.second(F.relu(self.first(x)))))


def cnn() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 5, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(5, 6, 3, padding=1), nn.ReLU(),
                         nn.Flatten(), nn.Linear(54, 10))


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 12), nn.LeakyReLU(0.125), nn.Linear(12, 4))


def sequence() -> nn.Module:
    return nn.Sequential(nn.Conv1d(4, 6, 5), nn.ReLU(), nn.AvgPool1d(2), nn.Conv1d(6, 5, 3), nn.ReLU(), nn.Flatten(),
                         nn.Linear(30, 2))


def smooth() -> nn.Module:
    return nn.Sequential(nn.Linear(8, 12), nn.Sigmoid(), nn.Linear(12, 10), nn.Softplus(), nn.Linear(10, 8), nn.Tanh(),
                         nn.Linear(8, 3))


@dataclass
class Network:
    """A module in evaluation mode with inputs; layers, each with its most active neuron, and where rules agree."""

    name: str
    module: nn.Module
    inputs: tuple[torch.Tensor, ...]
    baselines: tuple[torch.Tensor, ...]
    target: Any
    layers: Any  # names; make() finds a neuron for each
    smooth: bool = False
    piecewise_linear: bool = True
    rescale_agrees: tuple[str, ...] = ()  # layers behind which Captum propagates by the same rule
    neuron_agrees: tuple[str, ...] = ()  # neurons before which it does

    @property
    def x(self) -> Any:
        return self.inputs if len(self.inputs) > 1 else self.inputs[0]

    @property
    def start(self) -> Any:
        return self.baselines if len(self.baselines) > 1 else self.baselines[0]

    def layer(self, name: str, module: nn.Module | None = None) -> nn.Module:
        return (module or self.module).get_submodule(name)

    def double(self) -> nn.Module:
        return copy.deepcopy(self.module).double()

    def in_double(self) -> Network:
        return dataclasses.replace(self, module=self.double(), inputs=tuple(x.double() for x in self.inputs),
                                   baselines=tuple(b.double() for b in self.baselines))


_ALL = {
    "cnn": lambda: Network("cnn", cnn(), (torch.randn(3, 1, 8, 8),), (torch.zeros(1, 1, 8, 8),),
                           torch.tensor([1, 7, 4]), ("1", "2", "4", "6"), rescale_agrees=("2", "4", "6"),
                           neuron_agrees=("1",)),
    "residual": lambda: Network("residual", Residual(), (torch.randn(4, 1, 6, 6),), (0.2 * torch.randn(4, 1, 6, 6),), 2,
                                ("norm1", "relu2", "hidden"),
                                rescale_agrees=("norm1", "relu2", "hidden"),
                                neuron_agrees=("norm1", "relu2", "hidden")),
    "mlp": lambda: Network("mlp", mlp(), (torch.randn(5, 12),), (torch.randn(1, 12),), [0, 3, 1, 1, 2],
                           ("0", "1", "3"), rescale_agrees=("0", "1", "3"), neuron_agrees=("0", "1", "3")),
    "sequence": lambda: Network("sequence", sequence(), (torch.randn(3, 4, 20),), (torch.full((1, 4, 20), 0.25),), (1,),
                                ("0", "2", "4"), rescale_agrees=("0", "2", "4"),
                                neuron_agrees=("0", "2", "4")),
    "two_inputs": lambda: Network("two_inputs", TwoInputs(), (torch.randn(4, 6), torch.randn(4, 4)),
                                  (torch.zeros(1, 6), torch.randn(4, 4)), 1, ("left", "elu", "join", "tanh"),
                                  piecewise_linear=False, rescale_agrees=("left", "elu", "join", "tanh"),
                                  neuron_agrees=("left", "elu", "join", "tanh")),
    "smooth": lambda: Network("smooth", smooth(), (torch.randn(4, 8),), (-torch.ones(1, 8),), 0,
                              ("1", "2", "5"), smooth=True, piecewise_linear=False,
                              rescale_agrees=("1", "2", "5"), neuron_agrees=("1", "2", "5")),
    "functional": lambda: Network("functional", Functional(), (torch.randn(3, 7),), (torch.zeros(1, 7),), 3,
                                  ("first", "second"), neuron_agrees=("first",)),
}
NAMES = tuple(_ALL)


def make(name: str) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(100 + NAMES.index(name))
        network = _ALL[name]()
        for part in network.module.modules():
            if isinstance(part, nn.BatchNorm2d):
                nn.init.normal_(part.weight, 1, 0.2)
                nn.init.normal_(part.bias, 0, 0.3)
        network.module(*network.inputs)  # statistics of BatchNorm
        network.module.eval()
        network.layers = {layer: _active_neuron(network, layer) for layer in network.layers}
        return network


def _active_neuron(network: Network, layer: str) -> Any:
    """The neuron that is farthest from zero in every example: relative errors of idle ones say nothing."""
    kept = []
    handle = network.layer(layer).register_forward_hook(lambda m, i, o: kept.append(o.detach().clone()))
    with torch.no_grad():
        network.module(*network.inputs)
    handle.remove()
    least = kept[0].abs().amin(0)
    index = [int(i) for i in torch.unravel_index(least.argmax(), least.shape)]
    return tuple(index) if len(index) > 1 else index[0]


def selected(output: torch.Tensor, target: Any) -> torch.Tensor:
    """F per row; targets of examples are repeated along the path."""
    if isinstance(target, tuple):
        (target,) = target
    if isinstance(target, int):
        return output[:, target]
    index = torch.as_tensor(target)
    return output.gather(1, index.repeat(len(output) // len(index))[:, None])[:, 0]


def converged(network: Network, kind: str, layer: str | None = None, neuron: Any = None, steps: int = 1024) -> Any:
    """Integrals along the path by midpoints in float64, from torch's own gradients.

    kind: "conductance", "influence", "layer_ig" at the layer; "ig" at the inputs, of the target or of a neuron;
    "neuron_conductance" of a neuron at the inputs.
    """
    module = network.double()
    ends = [x.double() for x in network.inputs]
    starts = [b.double().expand_as(x) for b, x in zip(network.baselines, ends)]
    part = network.layer(layer, module) if layer else None
    kept: dict[str, torch.Tensor] = {}

    def run(points: list[torch.Tensor]) -> torch.Tensor:
        def keep(m: Any, i: Any, output: torch.Tensor) -> torch.Tensor:
            kept["y"] = output if output.requires_grad else output.requires_grad_()
            return kept["y"].clone()

        handle = part.register_forward_hook(keep) if part is not None else None
        try:
            return selected(module(*points), network.target)
        finally:
            if handle:
                handle.remove()

    def at(alphas: torch.Tensor) -> list[torch.Tensor]:
        """[alphas * examples, …] of each input."""
        return [torch.cat([s + a * (e - s) for a in alphas]).requires_grad_() for s, e in zip(starts, ends)]

    def mean(values: torch.Tensor) -> torch.Tensor:
        return values.reshape(steps, len(ends[0]), *values.shape[1:]).mean(0)

    middles = (torch.arange(steps, dtype=torch.float64) + 0.5) / steps
    if kind == "layer_ig":
        with torch.no_grad():
            run(ends), kept.update(end=kept["y"].detach())
            run(starts), kept.update(start=kept["y"].detach())
        y = torch.cat([kept["start"] + a * (kept["end"] - kept["start"]) for a in middles]).requires_grad_()
        handle = part.register_forward_hook(lambda m, i, o: y.clone())
        target = selected(module(*[e.repeat(steps, *[1] * (e.ndim - 1)) for e in ends]), network.target)
        handle.remove()
        return mean(torch.autograd.grad(target.sum(), y)[0]) * (kept["end"] - kept["start"])
    points = at(middles)
    target = run(points)
    if kind == "ig":
        index = neuron if isinstance(neuron, tuple) else (neuron,)
        value = target if neuron is None else kept["y"][(slice(None), *index)]
        gradients = torch.autograd.grad(value.sum(), points, allow_unused=True)
        gradients = [torch.zeros_like(p) if g is None else g for g, p in zip(gradients, points)]
        return tuple(mean(g) * (e - s) for g, e, s in zip(gradients, ends, starts))
    (g,) = torch.autograd.grad(target.sum(), kept["y"], retain_graph=True)
    if kind == "influence":
        return mean(g)
    if kind == "neuron_conductance":
        index = (slice(None), *(neuron if isinstance(neuron, tuple) else (neuron,)))
        slopes = torch.autograd.grad(kept["y"][index].sum(), points, allow_unused=True)
        slopes = [torch.zeros_like(p) if s is None else s for s, p in zip(slopes, points)]
        gj = g[index]
        return tuple(mean(s * gj.reshape(-1, *[1] * (s.ndim - 1))) * (e - b) for s, e, b in zip(slopes, ends, starts))
    with torch.no_grad():
        run(at(torch.arange(steps + 1, dtype=torch.float64) / steps))
    y = kept["y"].detach()
    return mean(g * (y[len(ends[0]):] - y[:-len(ends[0])])) * steps


def distance(values: Any, expected: Any) -> float:
    """The largest relative L1 distance of an example, over all tensors of a tuple together."""
    def rows(tensors: Any) -> torch.Tensor:
        tensors = tensors if isinstance(tensors, tuple) else (tensors,)
        return torch.cat([t.detach().double().reshape(t.shape[0], -1) for t in tensors], 1)

    mine, theirs = rows(values), rows(expected)
    assert mine.shape == theirs.shape
    return float(((mine - theirs).abs().sum(1) / theirs.abs().sum(1).clamp_min(1e-12)).max())


def same_form(values: Any, expected: Any) -> None:
    """Captum's types, shapes, dtypes and devices."""
    if isinstance(expected, torch.Tensor):
        assert isinstance(values, torch.Tensor) and values.shape == expected.shape
        assert values.dtype == expected.dtype and values.device == expected.device
    else:
        assert type(values) is type(expected) and len(values) == len(expected)
        for part, other in zip(values, expected):
            same_form(part, other)

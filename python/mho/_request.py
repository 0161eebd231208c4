"""From the arguments of Model.attribute to the core's request."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

import numpy as np

from . import _core
from ._arrays import baseline_arrays, input_arrays, to_numpy
from .errors import InvalidArgumentError

Index = Union[int, Sequence[int]]


@dataclass(frozen=True)
class Difference:
    """F = output[plus] - output[minus]: why this class and not that one."""

    plus: Index
    minus: Index


@dataclass(frozen=True)
class Weighted:
    """F = the sum of weights * output over one example's output."""

    weights: Any


@dataclass(frozen=True)
class References:
    """The mean over these references, for "deeplift" (DeepSHAP) and measures along paths (expected gradients): arrays as
    for the input, one example per reference."""

    x: Any


@dataclass(frozen=True)
class DinucleotideShuffles:
    """The mean over shuffles of each one-hot sequence that keep its pairs of neighbouring letters; likewise."""

    count: int = 20
    seed: int = 0


def _indices(value: Any) -> list[int]:
    """One index into an example's output."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError("target: True and False are no indices")
    if isinstance(value, (int, np.integer)):
        return [int(value)]
    if isinstance(value, (tuple, list, np.ndarray)):
        return [i for part in value for i in _indices(part)]
    raise TypeError(f"target: {value!r} is no index")


def set_target(request: _core.Request, target: Any) -> None:
    """None: the largest output of each example; an index; a list or array of one index per example; or a class above."""
    if target is None or (isinstance(target, str) and target == "argmax"):
        request.target_argmax()
    elif isinstance(target, Difference):
        request.target_difference(_indices(target.plus), _indices(target.minus))
    elif isinstance(target, Weighted):
        request.target_weights(to_numpy(target.weights, "weights").astype(np.float64).ravel().tolist())
    elif isinstance(target, (int, np.integer, tuple)):
        request.target_indices([_indices(target)])
    elif isinstance(target, list):
        request.target_indices([_indices(part) for part in target])
    elif isinstance(target, str):
        raise TypeError(f"target: '{target}' is no index; labels are known to the program `mho` only")
    else:
        array = to_numpy(target, "target")
        if array.dtype.kind != "i" or array.ndim > 2:
            raise TypeError(f"target: {array.dtype} of shape {array.shape} is not one index per example")
        request.target_indices([_indices(row) for row in np.atleast_1d(array)])


def set_baselines(request: _core.Request, ports: Sequence[_core.Port], inputs: Mapping[str, np.ndarray], given: Any) -> None:
    """None is 0; a number; 'mean'; arrays as for inputs; References; DinucleotideShuffles."""
    if given is None:
        request.baseline_number(0.0)
    elif isinstance(given, str):
        if given != "mean":
            raise InvalidArgumentError(f"baselines: '{given}' is not 'mean'")
        request.baseline_mean()
    elif isinstance(given, References):
        request.baseline_references(input_arrays(ports, given.x))
    elif isinstance(given, DinucleotideShuffles):
        request.baseline_shuffles(given.count, given.seed)
    elif isinstance(given, (int, float, np.number)):
        request.baseline_number(float(given))
    else:
        request.baseline_arrays(baseline_arrays(ports, inputs, given))


def set_path(request: _core.Request, *, tolerance: float | None, steps: int | None, max_steps: int | None,
             quadrature: str | None, exact: bool) -> None:
    """How the path is integrated; refuses what contradicts itself."""
    if exact:
        if quadrature not in (None, "exact"):
            raise InvalidArgumentError(f"exact=True takes the place of quadrature='{quadrature}': give one of them")
        quadrature = "exact"
    if quadrature == "exact" and not (tolerance is None and steps is None and max_steps is None):
        raise InvalidArgumentError("exact has no error to bound: it takes no steps, tolerance or max_steps")
    if steps is not None and not (tolerance is None and max_steps is None):
        raise InvalidArgumentError("steps fixes the path: it goes with neither tolerance nor max_steps")
    if steps is not None and steps < 1 or max_steps is not None and max_steps < 1:
        raise InvalidArgumentError("steps and max_steps must be at least 1")
    if tolerance is not None and not 0 < tolerance < 1:
        raise InvalidArgumentError(f"tolerance is {tolerance}; it must be above 0 and below 1")
    if quadrature is not None:
        request.quadrature = quadrature
        if steps is None and quadrature not in ("adaptive", "secant", "exact"):
            raise InvalidArgumentError(f"quadrature='{quadrature}' needs a number of segments: steps=N")
    if steps is not None:
        request.steps = steps
    if tolerance is not None:
        request.tolerance = tolerance
    if max_steps is not None:
        request.max_steps = max_steps


def set_rules(request: _core.Request, rules: str | Mapping[str, str] | None) -> None:
    """DeepLIFT's or LRP's: one for all nodes, or {node name, glob or operator: rule}, of which the last that fits wins."""
    if rules is None:
        return
    add = request.add_lrp_rule if request.method == "lrp" else request.add_rule
    for nodes, rule in ({"*": rules} if isinstance(rules, str) else rules).items():
        add(nodes, rule)


def set_ablation(request: _core.Request, method: str, units: Any, replace: str | None) -> None:
    """What "ablation" replaces at once ("neuron", "channel" or lists of flat indices), and by what."""
    if units is None and replace is None:
        return
    if method != "ablation":
        raise InvalidArgumentError(f"units and replace are for method 'ablation', not '{method}'")
    if replace is not None:
        request.replace = replace
    if isinstance(units, str):
        request.units = units
    elif units is not None:
        request.ablation_groups([[int(i) for i in group] for group in units])


def in_bytes(memory: int | str) -> int:
    """Bytes; '512M', '2G' and the like are taken, too."""
    if isinstance(memory, str):
        match = re.fullmatch(r"(\d+)\s*([KMGT]?)(i?B)?", memory.strip(), re.IGNORECASE)
        if not match:
            raise InvalidArgumentError(f"memory: '{memory}' is no size such as '512M' or '2G'")
        return int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[match[2].upper()]
    return int(memory)

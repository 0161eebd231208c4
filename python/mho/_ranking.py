"""The neurons and channels of a layer that contributed most."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .errors import InvalidArgumentError


class Neuron(NamedTuple):
    """A neuron, or a channel (index of one element): its place and what it contributed."""

    layer: str
    index: tuple[int, ...]
    value: float  #: of the example, or the mean over all
    magnitude: float  #: its magnitude, or the mean magnitude over all examples
    share: float  #: of the sum of magnitudes in its layer


def per(values: np.ndarray, by: str) -> np.ndarray:
    """[examples, neurons…], or their sums over positions, [examples, channels]."""
    if by == "neuron":
        return values
    if by != "channel":
        raise InvalidArgumentError(f"by='{by}' is neither 'neuron' nor 'channel'")
    return values.sum(axis=tuple(range(2, values.ndim))) if values.ndim > 2 else values


def rank(layer: str, values: np.ndarray, k: int, example: int | None, by: str) -> list[Neuron]:
    """The k largest of one layer; `values` is [examples, neurons…]."""
    grouped = per(values, by)
    if example is not None:
        grouped = grouped[example : example + 1]
    mean = grouped.mean(axis=0)
    magnitude = np.abs(grouped).mean(axis=0)
    total = magnitude.sum()
    flat = magnitude.ravel()
    order = np.argsort(-flat, kind="stable")[: max(k, 0)]
    return [
        Neuron(layer, tuple(int(i) for i in np.unravel_index(j, magnitude.shape)), float(mean.ravel()[j]),
               float(flat[j]), float(flat[j] / total) if total > 0 else 0.0)
        for j in order
    ]

"""A result as a matplotlib figure."""

from __future__ import annotations

import math
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_MOST_BARS = 20
_COLOURS = "RdBu_r"


def plot(layers: Mapping[str, np.ndarray], title: str) -> Figure:
    """One panel per layer of one example; red speaks for the target, blue against it."""
    columns = min(4, max(1, len(layers)))
    rows = max(1, math.ceil(len(layers) / columns))
    figure, axes = plt.subplots(rows, columns, figsize=(3.4 * columns, 3 * rows), squeeze=False, layout="constrained")
    figure.suptitle(title)
    for ax in axes.flat[len(layers):]:
        ax.set_axis_off()
    for ax, (name, values) in zip(axes.flat, layers.items()):
        ax.set_title(name, fontsize="medium")
        _panel(ax, values)
    plt.close(figure)  # a notebook shows what a cell returns: not twice
    return figure


def _panel(ax: Axes, values: np.ndarray) -> None:
    if values.ndim >= 2 and values.shape[-2] > 1 and values.ndim >= 3:
        _map(ax, values.reshape(-1, *values.shape[-2:]).sum(axis=0))
    elif values.ndim >= 2:
        _line(ax, values)
    else:
        _bars(ax, np.atleast_1d(values))


def _map(ax: Axes, values: np.ndarray) -> None:
    limit = float(np.abs(values).max()) or 1.0
    image = ax.imshow(values, cmap=_COLOURS, vmin=-limit, vmax=limit, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.figure.colorbar(image, ax=ax, shrink=0.8)


def _line(ax: Axes, values: np.ndarray) -> None:
    """Sums over channels along positions."""
    ax.bar(np.arange(values.shape[-1]), values.reshape(-1, values.shape[-1]).sum(axis=0), width=1.0,
           color=_signs(values.reshape(-1, values.shape[-1]).sum(axis=0)))
    ax.axhline(0, color="0.5", linewidth=0.5)
    ax.set_xlabel("position")


def _bars(ax: Axes, values: np.ndarray) -> None:
    order = np.argsort(-np.abs(values), kind="stable")[:_MOST_BARS]
    ax.barh(np.arange(len(order)), values[order], color=_signs(values[order]))
    ax.set_yticks(np.arange(len(order)), [str(i) for i in order], fontsize="x-small")
    ax.invert_yaxis()
    ax.axvline(0, color="0.5", linewidth=0.5)
    ax.set_ylabel("neuron")


def _signs(values: np.ndarray) -> list[tuple[float, ...]]:
    colours = plt.get_cmap(_COLOURS)
    return [colours(0.9) if value >= 0 else colours(0.1) for value in values]

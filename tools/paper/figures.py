"""The figures of docs/paper.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import mho
import numpy as np
from measurements import STEPS


def _save(figure: plt.Figure, path: Path) -> None:
    # Without the date, so that equal figures are equal files.
    figure.savefig(path, dpi=90, metadata={"Software": None})
    plt.close(figure)


def convergence(found: dict[str, dict[str, list[float]]], path: Path) -> None:
    """One panel per network: error against segments, by rule."""
    figure, axes = plt.subplots(1, len(found), figsize=(4.6 * len(found), 3.6), squeeze=False, layout="constrained")
    for ax, (name, rules) in zip(axes[0], found.items()):
        for rule, errors in rules.items():
            ax.loglog(STEPS, errors, marker="o", markersize=3, linewidth=2.2 if rule == "secant" else 1.2, label=rule)
        ax.set(title=name, xlabel="segments", ylabel="relative L1 error of NIG")
        ax.grid(alpha=0.3)
    axes[0][0].legend(fontsize="small")
    _save(figure, path)


def cost(rows: list[dict[str, Any]], path: Path) -> None:
    """Seconds against neurons: naive conductance and NIG."""
    figure, ax = plt.subplots(figsize=(5, 3.6), layout="constrained")
    rows = sorted(rows, key=lambda row: row["neurons"])
    neurons = [row["neurons"] for row in rows]
    ax.loglog(neurons, [1e3 * row["conductance"] for row in rows], marker="o", label="conductance, by its definition")
    ax.loglog(neurons, [1e3 * row["nig"] for row in rows], marker="o", label="NIG")
    ax.set(xlabel="neurons of the layer", ylabel="ms per example")
    ax.grid(alpha=0.3)
    ax.legend()
    _save(figure, path)


def deletion(evaluations: dict[str, mho.Evaluation], layers: dict[str, str], path: Path) -> None:
    """Deletion curves of one layer per network."""
    figure, axes = plt.subplots(1, len(evaluations), figsize=(4.6 * len(evaluations), 3.6), squeeze=False,
                                layout="constrained")
    for ax, (name, evaluation) in zip(axes[0], evaluations.items()):
        layer = evaluation.layer(layers[name])
        part = np.array(layer["removed"]) / layer["units"]
        for method in layer["methods"]:
            ax.plot(part, method["deletion"]["value"], label=method["name"],
                    linestyle="--" if method["reference"] else "-", linewidth=2.2 if method["name"] == "nig" else 1.2)
        ax.set(title=f"{name}, {layers[name]}", xlabel="part of the channels set to the baseline",
               ylabel="(F − F(x')) / (F(x) − F(x'))")
        ax.grid(alpha=0.3)
    axes[0][0].legend(fontsize="x-small")
    _save(figure, path)

"""The claims of the paper's abstract, and what the numbers say about each."""

from __future__ import annotations

from typing import Any

import mho
import numpy as np


def _mean(evaluations: dict[str, mho.Evaluation], method: str, metric: str) -> float:
    """Over all networks and layers."""
    return float(np.nanmean([evaluation.score(layer["name"], method, metric)
                             for evaluation in evaluations.values() for layer in evaluation["layers"]]))


def _wins(evaluations: dict[str, mho.Evaluation], a: str, b: str, metric: str) -> tuple[int, int]:
    """In how many layers a scores above b, and how many there are."""
    pairs = [(evaluation.score(layer["name"], a, metric), evaluation.score(layer["name"], b, metric))
             for evaluation in evaluations.values() for layer in evaluation["layers"]]
    pairs = [pair for pair in pairs if not np.isnan(pair).any()]
    return sum(x > y for x, y in pairs), len(pairs)


def _verdict(held: bool) -> str:
    return "held" if held else "did not hold"


def section(equal: dict[str, dict[str, Any]], costs: list[dict[str, Any]], evaluations: dict[str, mho.Evaluation],
            times: dict[str, list[dict[str, Any]]]) -> str:
    """One line per claim."""
    falling = all(row["distance"][-1] < row["distance"][0] / 8 for row in equal.values())
    worst = max(row["distance"][-1] for row in equal.values())

    neurons = np.log([row["neurons"] for row in costs])
    slope = float(np.polyfit(neurons, np.log([row["conductance"] for row in costs]), 1)[0])
    nig_slope = float(np.polyfit(neurons, np.log([row["nig"] for row in costs]), 1)[0])
    largest = max(costs, key=lambda row: row["neurons"])

    best = {method: _mean(evaluations, method, "spearman")
            for method in ("nig", "deeplift", "deeplift:reveal_cancel", "internal_influence", "gradient_x_activation",
                           "activation")}
    deeplift = max(best["deeplift"], best["deeplift:reveal_cancel"])
    others = max(best["internal_influence"], best["gradient_x_activation"], best["activation"])
    wins, layers = _wins(evaluations, "deeplift", "nig", "spearman")

    faster = {name: next(row["seconds"] for row in rows if row["setting"] == "nig, tolerance 0.01")
              / next(row["seconds"] for row in rows if row["setting"] == "deeplift, rescale") for name, rows in times.items()}
    ratios = ", ".join(f"{ratio:.1f} ({name})" for name, ratio in faster.items())
    means = ", ".join(f"{name} {value:.2f}" for name, value in best.items())
    return f"""## What became of the abstract's claims
- *Total Conductance is mathematically equivalent to path Integrated Gradients on a hidden layer*: **{_verdict(falling)}**. The distance falls
  to {worst:.1e} at K = {next(iter(equal.values()))['steps'][-1]} (section 1).
- *Calculating conductance by its definition did not scale well*: **{_verdict(slope > nig_slope + 0.3)}**. Its time grows as neurons^{slope:.2f}, that
  of NIG as neurons^{nig_slope:.2f}; at {largest['neurons']} neurons it is {largest['conductance'] / largest['nig']:.0f} times that of NIG (section 2).
- *DeepLIFT produces strong empirical results*: **{_verdict(deeplift > others)}**. Mean Spearman correlation with ablation over all networks and
  layers: {means}; DeepLIFT (Rescale) is above NIG in {wins} of {layers} layers (section 4).
- *DeepLIFT is faster to compute*: **{_verdict(min(faster.values()) > 1)}**. NIG to a tolerance of 0.01 takes this many times DeepLIFT's time: {ratios}
  (section 5). With secants the first segment of NIG is DeepLIFT: accuracy is what the rest of the time buys.
- *DeepLIFT lacks the theoretical properties of NIG*: a theorem, not a measurement: DeepLIFT's multipliers depend on how the network is
  written, NIG on the function alone (implementation invariance, arXiv 1703.01365). Both are complete here: section 5's deltas.
"""

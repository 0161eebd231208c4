"""What is measured: equality, cost, convergence, prediction of ablation, and run time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import mho
import numpy as np
from subjects import Subject

RULES = ("left", "right", "trapezoid", "midpoint", "gauss_legendre", "secant")
STEPS = (2, 4, 8, 16, 32, 64, 128, 256)
METHODS = ("nig", "deeplift", "deeplift:reveal_cancel", "internal_influence", "gradient_x_activation", "activation")


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Relative L1 distance of a from b over all neurons and examples."""
    return float(np.abs(a - b).sum() / np.abs(b).sum())


def seconds(call: Callable[[], Any], rounds: int = 5) -> float:
    """The median of some rounds after one to warm up."""
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def attribute(subject: Subject, x: Any, layers: str | Sequence[str], model: mho.Model | None = None, **more: Any) -> mho.Result:
    return (model or subject.model).attribute(x, layers=layers, baselines=subject.baselines, target=subject.target, **more)


def equality(subject: Subject, steps: Sequence[int] = (16, 64, 256), examples: int = 1) -> dict[str, Any]:
    """NIG against conductance by its definition, summed over inputs, with more and more segments, in double precision."""
    x = subject.first(examples)
    nig = attribute(subject, x, subject.small_layer, subject.double, exact=True)[subject.small_layer]
    found = [distance(attribute(subject, x, subject.small_layer, subject.double, method="conductance",
                                quadrature="trapezoid", steps=count)[subject.small_layer], nig) for count in steps]
    return {"layer": subject.small_layer, "neurons": int(nig[0].size), "steps": list(steps), "distance": found}


def cost(subject: Subject, steps: int = 32) -> list[dict[str, Any]]:
    """Seconds per example of naive conductance and of NIG with as many segments, as neurons grow."""
    x = subject.first(1)
    rows = []
    for layer in subject.growing:
        def run(method: str, layer: str = layer) -> mho.Result:
            return attribute(subject, x, layer, method=method, quadrature="trapezoid", steps=steps)

        rows.append({"layer": layer, "neurons": int(run("nig")[layer][0].size),
                     "conductance": seconds(lambda: run("conductance"), 3), "nig": seconds(lambda: run("nig"))})
    return rows


def convergence(subject: Subject, examples: int = 8) -> dict[str, list[float]]:
    """The error of NIG at the first layer, by rule and number of segments, against the exact sum over linear pieces."""
    x, layer = subject.first(examples), subject.layers[0]
    exact = attribute(subject, x, layer, subject.double, exact=True)[layer]
    return {rule: [distance(attribute(subject, x, layer, quadrature=rule, steps=count)[layer], exact)
                   for count in STEPS] for rule in RULES}


def prediction(subject: Subject) -> mho.Evaluation:
    """How well each measure predicts what happens when channels (where there are positions) are set to the baseline."""
    return subject.model.evaluate(subject.x, layers=subject.layers, methods=METHODS, baselines=subject.baselines,
                                  target=subject.target, units="channel")


def run_time(subject: Subject) -> list[dict[str, Any]]:
    """Seconds for all examples and all layers of the subject together."""
    settings: dict[str, dict[str, Any]] = {
        "nig, tolerance 0.1": {"tolerance": 0.1}, "nig, tolerance 0.01": {"tolerance": 0.01},
        "deeplift, rescale": {"method": "deeplift"},
        "deeplift, reveal_cancel": {"method": "deeplift", "rules": "reveal_cancel"},
        "internal_influence, tolerance 0.1": {"method": "internal_influence", "tolerance": 0.1},
        "gradient_x_activation": {"method": "gradient_x_activation"}, "activation": {"method": "activation"}}
    rows = []
    for name, options in settings.items():
        def run(options: dict[str, Any] = options) -> mho.Result:
            return attribute(subject, subject.x, subject.layers, **options)

        result = run()
        complete = [np.abs(delta).max() for delta in result.delta.values()]
        rows.append({"setting": name, "seconds": seconds(run, 3), "evaluations": float(result.evaluations.mean()),
                     "delta": float(max(complete)) if complete else float("nan")})
    return rows

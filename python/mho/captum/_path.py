"""How path methods integrate: to a tolerance, or by Captum's rule with so many steps where no tolerance is given."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._result import Result
from ._base import Bound

TOLERANCE = 5e-3
_MOST_STEPS = 4096
_RULES = {
    "gausslegendre": "gauss_legendre",
    "riemann_left": "left",
    "riemann_right": "right",
    "riemann_middle": "midpoint",
    "riemann_trapezoid": "trapezoid",
}


def check_path(n_steps: Any, method: Any, tolerance: Any) -> None:
    """Refuses what Captum refuses."""
    if not isinstance(n_steps, int) or isinstance(n_steps, bool):
        raise TypeError(f"n_steps must be an int, not {type(n_steps).__name__}")
    if n_steps < 1:
        raise ValueError(f"n_steps is {n_steps}; it must be at least 1")
    if method not in _RULES:
        raise ValueError(f"method '{method}' is none of {', '.join(_RULES)}")
    if tolerance is not None and not 0 < tolerance < 1:
        raise ValueError(f"tolerance is {tolerance}; it must be above 0 and below 1, or None")


def integrate(bound: Bound, n_steps: int, rule: str, tolerance: float | None, *, even: bool = False,
              **arguments: Any) -> Mapping[str, np.ndarray]:
    """Adaptive to the tolerance, with at least n_steps segments; without one, n_steps segments by the rule.

    even: dy/dalpha is the same everywhere on the path (y is where it begins, or is not asked for), so that the integral
    is the mean of gradients: Gauss and Legendre's nodes give it to rounding on smooth models, and where gradients jump
    they do better than secants, to which kinks at the path's beginning matter (ties of pooling at a baseline of zeros).
    """
    if tolerance is None:
        return bound.run(steps=n_steps, quadrature=_RULES[rule], **arguments)
    if even:
        return _gauss_legendre(bound, n_steps, tolerance, arguments)
    result = bound.run(tolerance=tolerance, max_steps=max(_MOST_STEPS, n_steps), **arguments)
    early = result.steps < n_steps
    if not early.any():
        return result
    # An estimate can be too low by luck; as many segments as Captum has are not far behind it.
    least = bound.run(steps=n_steps, **arguments)
    return {name: np.where(early.reshape(-1, *[1] * (values.ndim - 1)), least[name], values)
            for name, values in result.items()}


def _gauss_legendre(bound: Bound, n_steps: int, tolerance: float, arguments: dict[str, Any]) -> Result:
    """At least n_steps nodes, their number doubled until the values have moved by less than the tolerance twice in a row.

    Once may be luck where gradients jump: then both errors are alike.
    """
    least = max(n_steps, 4)
    agreed, before = 0, None
    for count in itertools.chain((least // 4, least // 2), (least << k for k in itertools.count())):
        result = bound.run(steps=count, quadrature="gauss_legendre", **arguments)
        close = before is not None and all(_close(result[name], before[name], tolerance) for name in result)
        agreed = agreed + 1 if close else 0
        if agreed >= 2 or count >= _MOST_STEPS:
            break
        before = result
    return result


def _close(values: np.ndarray, others: np.ndarray, tolerance: float) -> bool:
    """Relative L1 distance of every example."""
    distance = np.abs(values - others).reshape(len(values), -1).sum(1)
    return bool((distance <= tolerance * np.abs(values).reshape(len(values), -1).sum(1)).all())

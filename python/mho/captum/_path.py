"""How path methods integrate: to a tolerance, whatever number of steps Captum would take."""

from __future__ import annotations

from typing import Any

from .._result import Result
from ._base import Bound

TOLERANCE = 1e-3
_MOST_STEPS = 4096
_METHODS = ("gausslegendre", "riemann_left", "riemann_right", "riemann_middle", "riemann_trapezoid")


def check_path(n_steps: Any, method: Any, tolerance: Any) -> None:
    """Refuses what Captum refuses."""
    if not isinstance(n_steps, int) or isinstance(n_steps, bool):
        raise TypeError(f"n_steps must be an int, not {type(n_steps).__name__}")
    if n_steps < 1:
        raise ValueError(f"n_steps is {n_steps}; it must be at least 1")
    if method not in _METHODS:
        raise ValueError(f"method '{method}' is none of {', '.join(_METHODS)}")
    if tolerance is not None and not 0 < tolerance < 1:
        raise ValueError(f"tolerance is {tolerance}; it must be above 0 and below 1, or None")


def integrate(bound: Bound, n_steps: int, tolerance: float | None, **arguments: Any) -> Result:
    """Adaptive to the tolerance; without one, so many segments."""
    if tolerance is None:
        return bound.run(steps=n_steps, **arguments)
    return bound.run(tolerance=tolerance, max_steps=max(_MOST_STEPS, n_steps), **arguments)

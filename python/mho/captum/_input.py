"""Integrated Gradients of the inputs."""

from __future__ import annotations

from typing import Any

from torch import nn

from ._arguments import baseline_tensors
from ._base import Attribution, Bound
from ._path import TOLERANCE, check_path, integrate


def require_real(bound: Bound) -> None:
    """Attributions to inputs need inputs that can move."""
    if not bound.real:
        raise TypeError("inputs are integers, which have no gradient: attribute to the layer that embeds them "
                        "(LayerIntegratedGradients)")


def integrated_gradients(bound: Bound, baselines: Any, n_steps: int, rule: str, tolerance: float | None, multiply: bool,
                         **arguments: Any) -> Any:
    """Of any target, at the inputs: a tensor for each."""
    require_real(bound)
    result = integrate(bound, n_steps, rule, tolerance, even=True, layers=bound.reaching(arguments["output"]),
                       method="nig" if multiply else "internal_influence",
                       baselines=bound.baselines(baseline_tensors(baselines, bound.inputs)), **arguments)
    return bound.of_inputs(result)


class IntegratedGradients(Attribution):
    """(x - x') times the mean gradient along the path; the mean gradient without multiply_by_inputs."""

    def __init__(self, forward_func: nn.Module, multiply_by_inputs: bool = True) -> None:
        super().__init__(forward_func)
        self._multiply_by_inputs = multiply_by_inputs

    def has_convergence_delta(self) -> bool:
        return True

    def attribute(self, inputs: Any, baselines: Any = None, target: Any = None, additional_forward_args: Any = None,
                  n_steps: int = 50, method: str = "gausslegendre", internal_batch_size: int | None = None,
                  return_convergence_delta: bool = False, *, tolerance: float | None = TOLERANCE) -> Any:
        check_path(n_steps, method, tolerance)
        bound = self._bind(inputs, additional_forward_args)
        values = integrated_gradients(bound, baselines, n_steps, method, tolerance, self._multiply_by_inputs,
                                      output=bound.output, target=bound.target(target))
        attributions = values if isinstance(inputs, tuple) else values[0]
        if not return_convergence_delta:
            return attributions
        return attributions, self.compute_convergence_delta(values, baselines, inputs, target, additional_forward_args)

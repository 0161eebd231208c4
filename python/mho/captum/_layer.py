"""Layer attributions by gradients: conductance, integrated gradients, internal influence, gradient x activation."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from ._arguments import as_tuple, baseline_tensors
from ._base import LayerAttribution, refuse_grad_kwargs, tensors_of, values_of
from ._path import TOLERANCE, check_path, integrate


class LayerActivation(LayerAttribution):
    """y, the layer's values."""

    _several = True
    _multiply_by_inputs = True

    def attribute(self, inputs: Any, additional_forward_args: Any = None,
                  attribute_to_layer_input: bool = False) -> Any:
        bound = self._bind(inputs, additional_forward_args)
        slots = self._slots(bound, attribute_to_layer_input)
        flat = [slot for part in slots for slot in part]
        return self._formatted(bound, slots, dict(zip(flat, bound.activations(flat))))


class LayerGradientXActivation(LayerAttribution):
    """y dF/dy; dF/dy without multiply_by_inputs."""

    _several = True

    def __init__(self, forward_func: nn.Module, layer: Any, device_ids: Any = None, multiply_by_inputs: bool = True,
                 memory_efficient: bool = False) -> None:
        super().__init__(forward_func, layer, device_ids)
        self._multiply_by_inputs = multiply_by_inputs

    def attribute(self, inputs: Any, target: Any = None, additional_forward_args: Any = None,
                  attribute_to_layer_input: bool = False, grad_kwargs: Any = None) -> Any:
        refuse_grad_kwargs(grad_kwargs)
        bound = self._bind(inputs, additional_forward_args)
        slots = self._slots(bound, attribute_to_layer_input)
        method = "gradient_x_activation" if self._multiply_by_inputs else "gradient"
        result = bound.run(path=False, layers=tensors_of(bound, slots), method=method, output=bound.output,
                           target=bound.target(target))
        return self._formatted(bound, slots, values_of(bound, slots, result))


class _AlongThePath(LayerAttribution):
    """Layer measures that are integrals along the straight path between the inputs and their baselines."""

    _method = ""

    def _integral(self, inputs: Any, baselines: Any, target: Any, additional_forward_args: Any, n_steps: int,
                  method: str, attribute_to_layer_input: bool, grad_kwargs: Any, tolerance: float | None) -> Any:
        check_path(n_steps, method, tolerance)
        refuse_grad_kwargs(grad_kwargs)
        bound = self._bind(inputs, additional_forward_args)
        slots = self._slots(bound, attribute_to_layer_input)
        result = integrate(bound, n_steps, method, tolerance, even=self._method == "internal_influence",
                           layers=tensors_of(bound, slots), method=self._method, output=bound.output,
                           target=bound.target(target),
                           baselines=bound.baselines(baseline_tensors(baselines, bound.inputs)))
        return self._formatted(bound, slots, values_of(bound, slots, result))


class LayerConductance(_AlongThePath):
    """Total conductance (Neuron Integrated Gradients): the integral of dF/dy dy along the path."""

    _method = "nig"
    _multiply_by_inputs = True

    def has_convergence_delta(self) -> bool:
        return True

    def attribute(self, inputs: Any, baselines: Any = None, target: Any = None, additional_forward_args: Any = None,
                  n_steps: int = 50, method: str = "gausslegendre", internal_batch_size: int | None = None,
                  return_convergence_delta: bool = False, attribute_to_layer_input: bool = False,
                  grad_kwargs: Any = None, *, tolerance: float | None = TOLERANCE) -> Any:
        values = self._integral(inputs, baselines, target, additional_forward_args, n_steps, method,
                                attribute_to_layer_input, grad_kwargs, tolerance)
        if not return_convergence_delta:
            return values
        return values, self.compute_convergence_delta(values, baselines, inputs, target, additional_forward_args)


class InternalInfluence(_AlongThePath):
    """The integral of dF/dy along the path."""

    _method = "internal_influence"

    def attribute(self, inputs: Any, baselines: Any = None, target: Any = None, additional_forward_args: Any = None,
                  n_steps: int = 50, method: str = "gausslegendre", internal_batch_size: int | None = None,
                  attribute_to_layer_input: bool = False, grad_kwargs: Any = None, *,
                  tolerance: float | None = TOLERANCE) -> Any:
        return self._integral(inputs, baselines, target, additional_forward_args, n_steps, method,
                              attribute_to_layer_input, grad_kwargs, tolerance)


class LayerIntegratedGradients(LayerAttribution):
    """Integrated Gradients between the layer's values at the baselines and at the inputs.

    The straight path is one of the layer's values; what does not come from the layer stays as it is at the inputs.
    """

    _several = True

    def __init__(self, forward_func: nn.Module, layer: Any, device_ids: Any = None,
                 multiply_by_inputs: bool = True) -> None:
        super().__init__(forward_func, layer, device_ids)
        self._multiply_by_inputs = multiply_by_inputs

    def has_convergence_delta(self) -> bool:
        return True

    def attribute(self, inputs: Any, baselines: Any = None, target: Any = None, additional_forward_args: Any = None,
                  n_steps: int = 50, method: str = "gausslegendre", internal_batch_size: int | None = None,
                  return_convergence_delta: bool = False, attribute_to_layer_input: bool = False,
                  grad_kwargs: Any = None, *, tolerance: float | None = TOLERANCE) -> Any:
        check_path(n_steps, method, tolerance)
        refuse_grad_kwargs(grad_kwargs)
        bound = self._bind(inputs, additional_forward_args)
        slots = self._slots(bound, attribute_to_layer_input)
        flat = [slot for part in slots for slot in part]
        starts = [b.expand_as(x) for b, x in zip(baseline_tensors(baselines, bound.inputs), as_tuple(inputs))]
        begins = {bound.tensor(slot): _examples_first(values, bound.recording.slots[slot].shape)
                  for slot, values in zip(flat, bound.activations(flat, starts))}
        names = tensors_of(bound, slots)
        # A path in y is straight: its conductance is the gradient's mean times the difference.
        wanted = "nig" if self._multiply_by_inputs else "internal_influence"
        result = integrate(bound, n_steps, method, tolerance, even=True, layers=names, at=names, method=wanted,
                           output=bound.output, target=bound.target(target), baselines=begins)
        values = self._formatted(bound, slots, values_of(bound, slots, result))
        if not return_convergence_delta:
            return values
        parts = [t for part in (values if isinstance(values, list) else [values])
                 for t in (part if isinstance(part, tuple) else (part,))]
        return values, self.compute_convergence_delta(tuple(parts), baselines, inputs, target, additional_forward_args)


def _examples_first(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """As the core takes baselines of tensors: examples along the leading axis."""
    return values.reshape((values.shape[0] * shape[0], *shape[1:]) if shape else values.shape)

"""Attributions of one neuron to the inputs: gradient, integrated gradients, conductance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from .._request import Weighted
from ._arguments import baseline_tensors, neuron_weights
from ._base import Bound, NeuronAttribution, of_examples, refuse_grad_kwargs
from ._input import integrated_gradients, require_real
from ._path import TOLERANCE, check_path, integrate


def neuron_target(bound: Bound, layer: nn.Module, selector: Any, taken: bool) -> dict[str, Any]:
    """The neuron, or the weighted sum of neurons, as a target of Model.attribute()."""
    slots = bound.layer(layer, taken)
    layers = [_example(bound, slot) for slot in slots]
    chosen = neuron_weights(selector, layers)
    return {"output": bound.tensor(slots[0]), "target": chosen if isinstance(chosen, int) else Weighted(chosen)}


def _example(bound: Bound, slot: int) -> Any:
    shape = bound.recording.slots[slot].shape
    return torch.empty((1, *(shape[1:] if shape[:1] == (1,) else shape)), device="meta")


class NeuronGradient(NeuronAttribution):
    """dy_j/dx."""

    def attribute(self, inputs: Any, neuron_selector: Any, additional_forward_args: Any = None,
                  attribute_to_neuron_input: bool = False) -> Any:
        bound = self._bind(inputs, additional_forward_args)
        require_real(bound)
        neuron = neuron_target(bound, self.layer, neuron_selector, attribute_to_neuron_input)
        result = bound.run(path=False, layers=bound.reaching(neuron["output"]), method="gradient", **neuron)
        values = bound.of_inputs(result)
        return values if isinstance(inputs, tuple) else values[0]


class NeuronIntegratedGradients(NeuronAttribution):
    """Integrated Gradients of a neuron's own value. (Not what the paper of 2018 calls so: LayerConductance is that.)"""

    def __init__(self, forward_func: nn.Module, layer: nn.Module, device_ids: Any = None,
                 multiply_by_inputs: bool = True) -> None:
        super().__init__(forward_func, layer, device_ids)
        self._multiply_by_inputs = multiply_by_inputs

    def attribute(self, inputs: Any, neuron_selector: Any, baselines: Any = None, additional_forward_args: Any = None,
                  n_steps: int = 50, method: str = "gausslegendre", internal_batch_size: int | None = None,
                  attribute_to_neuron_input: bool = False, *, tolerance: float | None = TOLERANCE) -> Any:
        check_path(n_steps, method, tolerance)
        bound = self._bind(inputs, additional_forward_args)
        values = integrated_gradients(bound, baselines, n_steps, method, tolerance, self._multiply_by_inputs,
                                      **neuron_target(bound, self.layer, neuron_selector, attribute_to_neuron_input))
        return values if isinstance(inputs, tuple) else values[0]


class NeuronConductance(NeuronAttribution):
    """(x_i - x'_i) times the integral of dF/dy_j dy_j/dx_i, for one neuron j and every input element i."""

    def __init__(self, forward_func: nn.Module, layer: nn.Module, device_ids: Any = None,
                 multiply_by_inputs: bool = True) -> None:
        super().__init__(forward_func, layer, device_ids)
        self._multiply_by_inputs = multiply_by_inputs

    def attribute(self, inputs: Any, neuron_selector: Any, baselines: Any = None, target: Any = None,
                  additional_forward_args: Any = None, n_steps: int = 50, method: str = "riemann_trapezoid",
                  internal_batch_size: int | None = None, attribute_to_neuron_input: bool = False,
                  grad_kwargs: Any = None, *, tolerance: float | None = TOLERANCE) -> Any:
        check_path(n_steps, method, tolerance)
        refuse_grad_kwargs(grad_kwargs)
        bound = self._bind(inputs, additional_forward_args)
        require_real(bound)
        neuron = neuron_target(bound, self.layer, neuron_selector, attribute_to_neuron_input)
        chosen = neuron["target"]
        if isinstance(chosen, Weighted):
            (places,) = np.nonzero(chosen.weights)
            if len(places) != 1 or chosen.weights[places[0]] != 1:
                raise NotImplementedError("conductance is that of one neuron: neuron_selector selects "
                                          f"{len(places)} of them")
            chosen = int(places[0])
        arguments = {
            "layers": neuron["output"], "method": "conductance", "split_by_input": True, "neurons": [chosen],
            "multipliers": not self._multiply_by_inputs, "output": bound.output, "target": bound.target(target),
            "baselines": bound.baselines(baseline_tensors(baselines, bound.inputs)),
        }
        result = integrate(bound, n_steps, method, tolerance, even=True, **arguments)
        values = _by_input(bound, result)
        return values if isinstance(inputs, tuple) else values[0]


def _by_input(bound: Bound, result: Mapping[str, np.ndarray]) -> tuple[Any, ...]:
    """Takes [examples, 1, all input elements] apart, in the order in which the model has its inputs."""
    (values,) = result.values()
    order = [name for name in bound.ports if name in bound.names]
    parts = {}
    start = 0
    for name in order:
        x = bound.inputs[bound.names.index(name)]
        size = x[0].numel()
        parts[name] = of_examples(values[:, 0, start:start + size], bound.count, x.shape[1:], x.dtype, x.device)
        start += size
    return tuple(parts[name] for name in bound.names)

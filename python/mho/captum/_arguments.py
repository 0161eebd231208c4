"""Captum's forms of inputs, baselines, targets and neurons, and what mho makes of each."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor


def as_tuple(inputs: Any, what: str = "inputs") -> tuple[Tensor, ...]:
    """One tensor or a tuple of them."""
    given = inputs if isinstance(inputs, tuple) else (inputs,)
    for tensor in given:
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{what} must be a torch.Tensor or a tuple of them, not {type(tensor).__name__}")
    if not given:
        raise ValueError(f"{what} holds no tensor")
    if any(t.ndim == 0 or t.shape[0] != given[0].shape[0] for t in given) and what == "inputs":
        shapes = ", ".join(str(tuple(t.shape)) for t in given)
        raise ValueError(f"inputs have shapes {shapes}; the leading axis must count the same examples in all")
    return given


def as_additional(additional_forward_args: Any) -> tuple[Any, ...]:
    """What the forward function takes behind the inputs."""
    if additional_forward_args is None:
        return ()
    return additional_forward_args if isinstance(additional_forward_args, tuple) else (additional_forward_args,)


def baseline_tensors(baselines: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """A baseline for every input: of one example, or of as many as there are."""
    if baselines is None:
        return tuple(torch.zeros_like(x[:1]) for x in inputs)
    given = baselines if isinstance(baselines, tuple) else (baselines,)
    if len(given) != len(inputs):
        raise ValueError(f"{len(given)} baselines for {len(inputs)} inputs")
    result = []
    for baseline, x in zip(given, inputs):
        if isinstance(baseline, Tensor):
            if baseline.ndim != x.ndim or baseline.shape[0] not in (1, x.shape[0]) or baseline.shape[1:] != x.shape[1:]:
                raise ValueError(f"a baseline has shape {tuple(baseline.shape)}; it must be that of the input, "
                                 f"{tuple(x.shape)}, or have one example")
            result.append(baseline.detach().to(x.dtype))
        elif isinstance(baseline, (int, float)) and not isinstance(baseline, bool):
            result.append(torch.full_like(x[:1], baseline))
        else:
            raise TypeError(f"a baseline must be a tensor or a number, not {type(baseline).__name__}")
    return tuple(result)


def baseline_distribution(baselines: Any, inputs: Any, least: int) -> tuple[Tensor, ...]:
    """Baselines as a distribution: tensors, or a function that makes them."""
    if callable(baselines):
        baselines = baselines(inputs) if inspect.signature(baselines).parameters else baselines()
    given = as_tuple(baselines, "baselines")
    tensors = as_tuple(inputs)
    if len(given) != len(tensors):
        raise ValueError(f"{len(given)} baselines for {len(tensors)} inputs")
    for baseline, x in zip(given, tensors):
        if baseline.ndim != x.ndim or baseline.shape[1:] != x.shape[1:]:
            raise ValueError(f"baselines have shape {tuple(baseline.shape)}; one of them must have that of an example, "
                             f"{tuple(x.shape[1:])}")
        if least > 1 and baseline.shape[0] != given[0].shape[0]:
            raise ValueError("all inputs must have the same number of baselines")
    if given[0].shape[0] < least:
        raise ValueError(f"a distribution of baselines needs at least {least} of them; for one there are the classes "
                         "without Shap in their names")
    return tuple(b.detach().to(x.dtype) for b, x in zip(given, tensors))


def _select(shape: Sequence[int], index: Any, what: str) -> int:
    """Flat index of the one element of an example that `index` selects."""
    places = torch.arange(math.prod(shape)).reshape(tuple(shape))
    index = index if isinstance(index, tuple) else (index,)
    if len(index) > len(shape):
        raise ValueError(f"{what} {index} has more axes than one example's, {tuple(shape)}")
    try:
        chosen = places[index]
    except IndexError as error:
        raise IndexError(f"{what} {index}: {error}") from None
    if chosen.numel() != 1:
        raise ValueError(f"{what} {index} selects {chosen.numel()} elements of one example's {tuple(shape)}; "
                         "it must be one")
    return int(chosen)


def _integer(value: Any, what: str) -> Any:
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{what}: True and False are no indices")
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (tuple,)):
        return tuple(_integer(part, what) for part in value)
    raise TypeError(f"{what} must be an int or a tuple of ints, not {type(value).__name__}")


def target_indices(target: Any, shape: Sequence[int], examples: int) -> int | list[int]:
    """Captum's target as a flat index into one example's output of this shape, or one per example."""
    if target is None:
        if math.prod(shape) != 1:
            raise ValueError(f"the output of one example has shape {tuple(shape)}: a target must say which element")
        return 0
    if isinstance(target, Tensor):
        if target.is_floating_point() or target.dtype == torch.bool:
            raise TypeError(f"target must hold integers, not {target.dtype}")
        if target.numel() != 1 and target.ndim != 1:
            raise ValueError(f"target has shape {tuple(target.shape)}; it must be a number or have one per example")
        target = int(target) if target.numel() == 1 else target.tolist()
    if isinstance(target, list):
        if len(target) != examples:
            raise ValueError(f"{len(target)} targets for {examples} examples")
        return [_select(shape, _integer(part, "target"), "target") for part in target]
    return _select(shape, _integer(target, "target"), "target")


def neuron_weights(selector: Any, layers: Sequence[Tensor]) -> int | np.ndarray:
    """The neuron that Captum's selector means, as a flat index; or weights of neurons that are summed.

    layers: the layer's tensors for some examples. A callable may be any weighted sum of the neurons of one example.
    """
    if callable(selector):
        return _weights_of(selector, layers)
    if len(layers) != 1:
        raise ValueError(f"the layer has {len(layers)} tensors: neuron_selector must be a function of them")
    shape = layers[0].shape[1:]
    index = selector if isinstance(selector, tuple) else (selector,)
    if any(isinstance(part, slice) for part in index):
        for part in index:
            if not isinstance(part, slice):
                _integer(part, "neuron_selector")
        if len(index) > len(shape):
            raise ValueError(f"neuron_selector {index} has more axes than one example's, {tuple(shape)}")
        weights = torch.zeros(tuple(shape), dtype=torch.float64)
        weights[index] = 1
        if not weights.any():
            raise ValueError(f"neuron_selector {index} selects no neuron of {tuple(shape)}")
        return weights.reshape(-1).numpy()
    return _select(shape, _integer(index, "neuron_selector"), "neuron_selector")


def _weights_of(selector: Callable[..., Tensor], layers: Sequence[Tensor]) -> np.ndarray:
    """Weights of a linear function of one layer's neurons; refuses others."""
    if len(layers) != 1:
        raise NotImplementedError("a neuron_selector of several tensors is not supported: mho explains one tensor's")
    shape = (4, *layers[0].shape[1:])
    generator = torch.Generator().manual_seed(0)
    with torch.enable_grad():
        y = torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_()
        values = selector(y)
        if not isinstance(values, Tensor) or values.numel() != len(y):
            raise ValueError("neuron_selector must return one number per example")
        (weights,) = torch.autograd.grad(values.sum(), y)
    values = values.detach().reshape(-1)
    expected = (weights * y.detach()).reshape(len(y), -1).sum(1)
    if not (torch.allclose(weights, weights[:1].expand_as(weights)) and torch.allclose(values, expected)):
        raise NotImplementedError("neuron_selector is no weighted sum of neurons, which is all that mho can explain: "
                                  "put the function into the module and name its result as the layer")
    return weights[0].reshape(-1).numpy()

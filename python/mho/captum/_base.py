"""What all classes share: the module and its export, layers by identity, results as tensors, convergence deltas."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import _pytree

from .._result import Result
from ..errors import MhoError
from ._arguments import as_additional, as_tuple, baseline_tensors, target_indices
from ._exports import exported


def of_examples(values: np.ndarray, examples: int, shape: Sequence[int], like: torch.dtype, device: Any) -> Tensor:
    """mho's values as a tensor: [examples, shape of one example…]."""
    array = np.array(values, dtype=np.float64).reshape((examples, *shape))
    return torch.from_numpy(array).to(device=device, dtype=like if like.is_floating_point else torch.float32)


class Bound:
    """A module's export and the arguments of one call of attribute()."""

    def __init__(self, module: nn.Module, inputs: tuple[Tensor, ...], additional: tuple[Any, ...]) -> None:
        self.module = module
        self.inputs = inputs
        self.count = inputs[0].shape[0]
        args = (*inputs, *additional)
        self.model = exported(module, args)
        self.recording = self.model._exported.recording
        self.ports = [port.name for port in self.model.inputs]
        tensors = [leaf for leaf in _pytree.tree_leaves(args) if isinstance(leaf, Tensor)]
        arguments = {s.argument: s.names[0] for s in self.recording.slots if s.argument is not None}
        self.names = [arguments[i] for i in range(len(inputs))]
        self.x = {arguments[i]: tensor.detach() for i, tensor in enumerate(tensors)}
        self.real = all(x.is_floating_point() for x in inputs)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Of one example."""
        shape = self.recording.slots[self.recording.outputs[0]].shape
        if not shape:
            raise NotImplementedError("the module returns one number for all examples: mho explains one per example")
        return shape[1:]

    @property
    def output(self) -> str:
        """The tensor that the module returns (the first)."""
        return self.model._exported.tensors[self.recording.outputs[0]]

    def target(self, target: Any) -> int | list[int]:
        return target_indices(target, self.output_shape, self.count)

    def baselines(self, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
        """Of all inputs that paths begin at. Additional arguments stay as they are."""
        given = dict(zip(self.names, tensors))
        if not self.real:  # paths begin at embeddings and at all real inputs
            given |= {n: x for n, x in self.x.items() if n not in given and x.is_floating_point()}
        return given

    def run(self, *, path: bool = True, **arguments: Any) -> Result:
        """Model.attribute() of these arguments; paths begin at the inputs unless `at` says otherwise."""
        if path and self.real:
            arguments.setdefault("at", self.names)
        return self.model.attribute(self.x, probability=True, **arguments)

    def layer(self, layer: nn.Module, taken: bool) -> list[int]:
        """Slots of what a submodule returned when it was last called, or of what it took."""
        name = next((name for name, part in self.module.named_modules() if part is layer), None)
        if name is None:
            raise ValueError(f"the layer, {type(layer).__name__}, is no submodule of {type(self.module).__name__}")
        if name == "":
            inputs = [i for i, slot in enumerate(self.recording.slots) if slot.argument is not None]
            return inputs if taken else self.recording.outputs
        calls = self.recording.calls.get(name)
        if not calls:
            raise ValueError(f"layer '{name}' is not called by the module")
        slots = calls[-1].taken if taken else calls[-1].returned
        if not slots:
            raise ValueError(f"layer '{name}' {'took' if taken else 'returned'} no tensor")
        return slots

    def tensor(self, slot: int) -> str:
        return self.model._exported.tensors[slot]

    def of_slot(self, values: np.ndarray, slot: int) -> Tensor:
        """Attributions of a slot's neurons."""
        facts = self.recording.slots[slot]
        shape = facts.shape[1:] if facts.shape[:1] == (1,) else facts.shape
        return of_examples(values, self.count, shape, facts.dtype, self.inputs[0].device)

    def of_inputs(self, result: Mapping[str, np.ndarray]) -> tuple[Tensor, ...]:
        """Attributions of the inputs: zeros where the target does not depend on one."""
        return tuple(of_examples(result[name], self.count, x.shape[1:], x.dtype, x.device)
                     if name in result else torch.zeros_like(x) for name, x in zip(self.names, self.inputs))

    def reaching(self, output: str) -> list[str]:
        """The inputs that the tensor depends on."""
        known: dict[str, list[str]] = self.model.__dict__.setdefault("_reaching", {})
        if output not in known:
            layers = {layer.name for layer in self.model.inspect(self.x, output=output, probability=True).layers}
            known[output] = [name for name in self.names if name in layers]
        if not known[output]:
            raise ValueError(f"'{output}' does not depend on the inputs")
        return known[output]

    def activations(self, slots: Sequence[int], inputs: Sequence[Tensor] | None = None) -> list[np.ndarray]:
        """Values of the slots' tensors for the inputs, or for others in their place."""
        x = self.x if inputs is None else {**self.x, **dict(zip(self.names, inputs))}
        found = {name: x[name].detach().cpu().double().numpy() for name in map(self.tensor, slots) if name in x}
        wanted = [name for name in dict.fromkeys(map(self.tensor, slots)) if name not in found]
        with contextlib.suppress(MhoError):  # the usual case: all of them lead to the output
            if len(wanted) > 1:
                found |= self._values(x, wanted, self.output)
        for name in wanted:
            if name not in found:
                found |= self._values(x, [name], name)
        return [found[self.tensor(slot)] for slot in slots]

    def _values(self, x: dict[str, Tensor], names: list[str], output: str) -> dict[str, np.ndarray]:
        result = self.model.attribute(x, layers=names, output=output, target=0, method="activation", probability=True)
        return {name: result[name] for name in names}


class Attribution:
    """Base of all classes here; holds the module."""

    _multiply_by_inputs = False  # set by the classes that take multiply_by_inputs

    def __init__(self, forward_func: nn.Module) -> None:
        if not isinstance(forward_func, nn.Module):
            raise TypeError("mho exports the model and so needs a torch.nn.Module, not a "
                            f"{type(forward_func).__name__}: wrap the function in a module's forward")
        if isinstance(forward_func, nn.DataParallel):
            forward_func = forward_func.module
        self.forward_func = forward_func

    def _bind(self, inputs: Any, additional_forward_args: Any) -> Bound:
        return Bound(self.forward_func, as_tuple(inputs), as_additional(additional_forward_args))

    @property
    def multiplies_by_inputs(self) -> bool:
        return self._multiply_by_inputs

    def has_convergence_delta(self) -> bool:
        return False

    @classmethod
    def get_name(cls) -> str:
        """The class's name in words."""
        return "".join(f" {c}" if c.isupper() and i else c for i, c in enumerate(cls.__name__))

    def compute_convergence_delta(self, attributions: Any, start_point: Any, end_point: Any, target: Any = None,
                                  additional_forward_args: Any = None) -> Tensor:
        """Per example: the sum of attributions less F(end_point) - F(start_point), run by the module itself."""
        ends = as_tuple(end_point)
        starts = tuple(b.expand_as(x) for b, x in zip(baseline_tensors(start_point, ends), ends))
        parts = attributions if isinstance(attributions, (tuple, list)) else (attributions,)
        additional = as_additional(additional_forward_args)
        sums = sum(part.detach().reshape(part.shape[0], -1).sum(1) for part in parts)
        return sums - (self._forward(ends, additional, target) - self._forward(starts, additional, target))

    def _forward(self, inputs: tuple[Tensor, ...], additional: tuple[Any, ...], target: Any) -> Tensor:
        modes = [(part, part.training) for part in self.forward_func.modules()]
        try:
            with torch.no_grad():
                output = self.forward_func.eval()(*(x.detach() for x in inputs), *additional)
        finally:
            for part, training in modes:
                part.training = training
        output = _pytree.tree_leaves(output)[0]
        flat = output.reshape(output.shape[0], -1)
        index = target_indices(target, output.shape[1:], output.shape[0])
        places = torch.tensor([index] * len(flat) if isinstance(index, int) else index, device=flat.device)
        return flat.gather(1, places[:, None])[:, 0]


class LayerAttribution(Attribution):
    """Base of attributions to a layer's neurons."""

    _several = False  # whether a list of layers is taken

    def __init__(self, forward_func: nn.Module, layer: Any, device_ids: Any = None) -> None:
        super().__init__(forward_func)
        _check_layer(layer, self._several)
        self.layer = layer
        self.device_ids = device_ids

    @staticmethod
    def interpolate(layer_attribution: Tensor, interpolate_dims: Any, interpolate_mode: str = "nearest") -> Tensor:
        """Enlarges maps of positions to the input's size."""
        return nn.functional.interpolate(layer_attribution, interpolate_dims, mode=interpolate_mode)

    def _slots(self, bound: Bound, taken: bool) -> list[list[int]]:
        """Of every layer."""
        layers = self.layer if isinstance(self.layer, list) else [self.layer]
        return [bound.layer(layer, taken) for layer in layers]

    def _formatted(self, bound: Bound, slots: list[list[int]], values: Any) -> Any:
        """Captum's shape of results: a tensor or a tuple per layer, in a list if a list was given. values: per slot."""
        each = [tuple(bound.of_slot(values[slot], slot) for slot in part) for part in slots]
        single = [part if len(part) > 1 else part[0] for part in each]
        return single if isinstance(self.layer, list) else single[0]


class NeuronAttribution(Attribution):
    """Base of attributions of one neuron to the inputs."""

    def __init__(self, forward_func: nn.Module, layer: Any, device_ids: Any = None) -> None:
        super().__init__(forward_func)
        _check_layer(layer, False)
        self.layer = layer
        self.device_ids = device_ids


def _check_layer(layer: Any, several: bool) -> None:
    for part in layer if several and isinstance(layer, list) else [layer]:
        if not isinstance(part, nn.Module):
            raise TypeError(f"a layer is a torch.nn.Module{' or a list of them' if several else ''}, "
                            f"not {type(part).__name__}")
    if layer == []:
        raise ValueError("the list of layers is empty")


def refuse_grad_kwargs(grad_kwargs: Any) -> None:
    """mho makes its own backward passes."""
    ignored = {"allow_unused", "retain_graph", "materialize_grads"}
    others = {key: value for key, value in (grad_kwargs or {}).items() if key not in ignored and value}
    if others:
        raise NotImplementedError(f"grad_kwargs {others}: mho does not differentiate by torch.autograd")


def values_of(bound: Bound, slots: list[list[int]], result: Mapping[str, np.ndarray]) -> dict[int, np.ndarray]:
    """Attributions of every slot."""
    return {slot: result[bound.tensor(slot)] for part in slots for slot in part}


def tensors_of(bound: Bound, slots: list[list[int]]) -> list[str]:
    """Every tensor once."""
    return list(dict.fromkeys(bound.tensor(slot) for part in slots for slot in part))

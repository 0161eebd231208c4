"""DeepLIFT by the Rescale rule, of inputs, layers and neurons, against one baseline or many."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from .._request import References
from ._arguments import as_additional, as_tuple, baseline_distribution, baseline_tensors
from ._base import Attribution, Bound, LayerAttribution, NeuronAttribution, refuse_grad_kwargs, tensors_of, values_of
from ._input import require_real
from ._neuron import neuron_target


def _custom(function: Callable[..., Any], multipliers: tuple[Tensor, ...], inputs: Sequence[Tensor],
            baselines: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Calls custom_attribution_func with as many of its arguments as it takes."""
    count = len(inspect.signature(function).parameters)
    if count not in (1, 2, 3):
        raise TypeError("custom_attribution_func must take the multipliers, or also the inputs, or the baselines, too")
    result = function(*(multipliers, tuple(inputs), tuple(baselines))[:count])
    return result if isinstance(result, tuple) else (result,)


class DeepLift(Attribution):
    """(x - x') times the multipliers of DeepLIFT; the multipliers without multiply_by_inputs. eps is not needed."""

    def __init__(self, model: nn.Module, multiply_by_inputs: bool = True, eps: float = 1e-10) -> None:
        super().__init__(model)
        self.model = self.forward_func
        self.eps = eps
        self._multiply_by_inputs = multiply_by_inputs

    def has_convergence_delta(self) -> bool:
        return True

    def attribute(self, inputs: Any, baselines: Any = None, target: Any = None, additional_forward_args: Any = None,
                  return_convergence_delta: bool = False, custom_attribution_func: Any = None) -> Any:
        bound = self._bind(inputs, additional_forward_args)
        starts = baseline_tensors(baselines, bound.inputs)
        values = _of_inputs(bound, starts, self._multiply_by_inputs, custom_attribution_func,
                            output=bound.output, target=bound.target(target))
        attributions = values if isinstance(inputs, tuple) else values[0]
        if not return_convergence_delta:
            return attributions
        return attributions, self.compute_convergence_delta(values, baselines, inputs, target, additional_forward_args)


def _of_inputs(bound: Bound, starts: tuple[Tensor, ...], multiply: bool, custom: Any,
               **target: Any) -> tuple[Tensor, ...]:
    require_real(bound)
    result = bound.run(layers=bound.reaching(target["output"]), method="deeplift",
                       multipliers=custom is not None or not multiply, baselines=bound.baselines(starts), **target)
    values = bound.of_inputs(result)
    if custom is None:
        return values
    return _custom(custom, values, [x.detach() for x in bound.inputs],
                   [b.expand_as(x) for b, x in zip(starts, bound.inputs)])


class DeepLiftShap(DeepLift):
    """DeepLIFT averaged over a distribution of baselines (DeepSHAP): every input against every baseline."""

    def __init__(self, model: nn.Module, multiply_by_inputs: bool = True) -> None:
        super().__init__(model, multiply_by_inputs)

    def attribute(self, inputs: Any, baselines: Any, target: Any = None, additional_forward_args: Any = None,
                  return_convergence_delta: bool = False, custom_attribution_func: Any = None) -> Any:
        references = baseline_distribution(baselines, inputs, 2)
        x = as_tuple(inputs)
        count, each = x[0].shape[0], references[0].shape[0]
        if not return_convergence_delta and custom_attribution_func is None:
            bound = self._bind(inputs, additional_forward_args)
            require_real(bound)
            result = bound.run(layers=bound.reaching(bound.output), method="deeplift",
                               multipliers=not self._multiply_by_inputs, baselines=References(bound.baselines(references)), output=bound.output,
                               target=bound.target(target))
            values = bound.of_inputs(result)
            return values if isinstance(inputs, tuple) else values[0]
        pairs = tuple(t.repeat_interleave(each, 0) for t in x)
        starts = tuple(r.repeat(count, *[1] * (r.ndim - 1)) for r in references)
        additional = tuple(repeated_argument(a, count, each) for a in as_additional(additional_forward_args))
        answer = super().attribute(pairs, starts, repeated(target, each), additional or None,
                                   return_convergence_delta, custom_attribution_func)
        values, delta = answer if return_convergence_delta else (answer, None)
        means = tuple(v.reshape(count, each, *v.shape[1:]).mean(1) for v in values)
        attributions = means if isinstance(inputs, tuple) else means[0]
        return (attributions, delta) if return_convergence_delta else attributions


def repeated(target: Any, times: int) -> Any:
    """Targets of examples that are each repeated so many times."""
    if isinstance(target, list):
        return [part for part in target for _ in range(times)]
    if isinstance(target, Tensor) and target.numel() > 1:
        return target.repeat_interleave(times, 0)
    return target


def repeated_argument(argument: Any, count: int, times: int) -> Any:
    """An additional argument of examples that are each repeated so many times."""
    per_example = isinstance(argument, Tensor) and argument.ndim > 0 and argument.shape[0] == count
    return argument.repeat_interleave(times, 0) if per_example else argument


class LayerDeepLift(LayerAttribution):
    """(y - y') times the multipliers at a layer; the multipliers without multiply_by_inputs."""

    def __init__(self, model: nn.Module, layer: nn.Module, multiply_by_inputs: bool = True) -> None:
        super().__init__(model, layer)
        self.model = self.forward_func
        self._multiply_by_inputs = multiply_by_inputs

    def has_convergence_delta(self) -> bool:
        return True

    def attribute(self, inputs: Any, baselines: Any = None, target: Any = None, additional_forward_args: Any = None,
                  return_convergence_delta: bool = False, attribute_to_layer_input: bool = False,
                  custom_attribution_func: Any = None, grad_kwargs: Any = None) -> Any:
        refuse_grad_kwargs(grad_kwargs)
        bound = self._bind(inputs, additional_forward_args)
        slots = self._slots(bound, attribute_to_layer_input)
        starts = baseline_tensors(baselines, bound.inputs)
        custom = custom_attribution_func is not None
        result = bound.run(layers=tensors_of(bound, slots), method="deeplift", output=bound.output,
                           multipliers=custom or not self._multiply_by_inputs, target=bound.target(target),
                           baselines=bound.baselines(starts))
        values = self._formatted(bound, slots, values_of(bound, slots, result))
        if custom:
            at = [bound.of_slot(v, s) for s, v in zip(slots[0], bound.activations(slots[0]))]
            full = [b.expand_as(x) for b, x in zip(starts, bound.inputs)]
            begin = [bound.of_slot(v, s) for s, v in zip(slots[0], bound.activations(slots[0], full))]
            multipliers = values if isinstance(values, tuple) else (values,)
            parts = _custom(custom_attribution_func, multipliers, at, begin)
            values = parts if len(parts) > 1 else parts[0]
        if not return_convergence_delta:
            return values
        return values, self.compute_convergence_delta(values, baselines, inputs, target, additional_forward_args)


class NeuronDeepLift(NeuronAttribution):
    """DeepLIFT of a neuron's own value at the inputs."""

    def __init__(self, model: nn.Module, layer: nn.Module, multiply_by_inputs: bool = True) -> None:
        super().__init__(model, layer)
        self._multiply_by_inputs = multiply_by_inputs

    def attribute(self, inputs: Any, neuron_selector: Any, baselines: Any = None, additional_forward_args: Any = None,
                  attribute_to_neuron_input: bool = False, custom_attribution_func: Any = None) -> Any:
        bound = self._bind(inputs, additional_forward_args)
        values = _of_inputs(bound, baseline_tensors(baselines, bound.inputs), self._multiply_by_inputs,
                            custom_attribution_func,
                            **neuron_target(bound, self.layer, neuron_selector, attribute_to_neuron_input))
        return values if isinstance(inputs, tuple) else values[0]

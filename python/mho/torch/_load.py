"""mho.torch.load and the model that it returns, which knows submodules by their names."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from .._model import Model
from ..errors import InvalidArgumentError
from ._export import Exported, export
from ._record import Call, tensors_in

_EXPORTERS = ("auto", "dynamo", "torchscript")


def load(
    module: nn.Module,
    example_inputs: Any,
    *,
    kwargs: Mapping[str, Any] | None = None,
    precision: str | None = None,
    threads: int = 0,
    dynamic_batch: bool = True,
    exporter: str = "auto",
    winograd: bool = True,
) -> TorchModel:
    """Exports an nn.Module to ONNX in memory and loads it; layers have the names of submodules.

    module: any module that PyTorch can export, taken in evaluation mode; it is left as it was.
    example_inputs: its argument, or a tuple of its positional arguments; kwargs: its keyword arguments. Tensors become
        the model's inputs, under the names of forward's parameters; everything else stays as it is here. The leading
        axis of the first tensor counts examples, and so does that of others with the same extent.
    precision, threads, winograd: as in mho.load(); precision None is "double" for modules with float64 parameters.
    dynamic_batch: whether to try exports that are good for any number of examples. mho batches what it can anyway.
    exporter: "dynamo", "torchscript" or "auto": whichever is first to make a model with the module's outputs.

    Names: a submodule's name is the tensor that it returns ("layer3.1.relu"), "name:input" what it took; "name[1]" and
    "name:input[1]" where these are several; "name:1", "name:1:input", … those of its second call. The module itself
    returns "output".

    Raises UnsupportedError with each exporter's reason, TypeError for what is no module.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"a torch.nn.Module is needed, not {type(module).__name__}")
    if exporter not in _EXPORTERS:
        raise InvalidArgumentError(f"exporter '{exporter}' is none of {', '.join(_EXPORTERS)}")
    args = example_inputs if isinstance(example_inputs, tuple) else (example_inputs,)
    keywords = dict(kwargs or {})
    if precision is None:
        tensors = [*module.parameters(), *module.buffers(), *tensors_in((args, keywords))]
        precision = "double" if any(t.dtype == torch.float64 for t in tensors) else "single"
    options = {"precision": precision, "threads": threads, "winograd": winograd}
    exported = export(module, args, keywords, dynamic_batch=dynamic_batch, exporter=exporter, options=options)
    return TorchModel(exported)


class TorchModel(Model):
    """A model that was an nn.Module. Wherever it takes the name of a layer, that of a submodule will do, or a glob."""

    def __init__(self, exported: Exported) -> None:
        model = exported.model
        super().__init__(model._core, model._options, model.name, model._origin)
        recording = exported.recording
        self._exported = exported
        self._tensor_of = {name: exported.tensors[slot] for name, slot in recording.aliases.items()}

    @property
    def exporter(self) -> str:
        """"dynamo" or "torchscript"."""
        return self._exported.exporter

    @property
    def dynamic_batch(self) -> bool:
        """Whether the exported graph itself takes any number of examples."""
        return self._exported.dynamic

    @property
    def tensors(self) -> dict[str, str]:
        """ONNX tensor of every submodule's name, of what it took ("name:input"), and of the module's arguments."""
        return dict(self._tensor_of)

    def with_options(self, **options: Any) -> TorchModel:
        model = super().with_options(**options)
        exported = Exported(**{**vars(self._exported), "model": model})
        return TorchModel(exported)

    def __reduce__(self) -> tuple[Any, ...]:
        return TorchModel, (self._exported,)

    def _layer_names(self, layers: str | Sequence[str] | None) -> list[str]:
        names: list[str] = []
        for name in super()._layer_names(layers):
            if name in self._tensor_of:
                names.append(self._tensor_of[name])
                continue
            found = self._matching(name)
            names += found or [name]  # a tensor or node of the graph, or an error that the core explains
        return list(dict.fromkeys(names))

    def _matching(self, pattern: str) -> list[str]:
        """Tensors that submodules whose names fit the glob return. What they took is meant only if the glob says so."""
        if "*" not in pattern and "?" not in pattern:
            return []
        literal = pattern.replace("[", "[[]")
        reachable = {layer.name for layer in self.layers}
        return [tensor for name, tensor in self._tensor_of.items()
                if (":input" in pattern or ":input" not in name) and tensor in reachable
                and fnmatch.fnmatchcase(name, literal)]

    def _aliases(self) -> Mapping[str, str]:
        return self._tensor_of

"""From an nn.Module to an ONNX model in which every submodule's tensors bear its name: exporters, tried one by one."""

from __future__ import annotations

import contextlib
import inspect
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils import _pytree

from .. import _model
from ..errors import MhoError, UnsupportedError
from ._graph import name_tensors
from ._record import Recorder, Recording, tensors_in

_IN_MEMORY = 64 << 20  # bytes of parameters above which they go through a file: protobuf ends at 2 GiB


class _Rejected(Exception):
    """An exporter made something that is not the module."""


@dataclass
class Exported:
    """A loaded model, and where the submodules' tensors are in it."""

    model: _model.Model
    recording: Recording
    tensors: list[str]  # per slot
    exporter: str
    batched: list[bool]  # per tensor argument
    dynamic: bool


def batch_flags(tensors: Sequence[torch.Tensor]) -> list[bool]:
    """For each tensor, whether its leading axis counts examples: as many as that of the first one."""
    first = next((t for t in tensors if t.ndim), None)
    return [first is not None and t.ndim > 0 and t.shape[0] == first.shape[0] for t in tensors]


class _Arguments:
    """Arguments of a call taken apart: tensors are inputs of the graph, whatever else they hold stays as it is."""

    def __init__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._leaves, self._structure = _pytree.tree_flatten((args, kwargs))
        self._places = [i for i, leaf in enumerate(self._leaves) if isinstance(leaf, torch.Tensor)]
        self.tensors: list[torch.Tensor] = [self._leaves[i].detach() for i in self._places]
        self.names = _argument_names(module, args, kwargs)
        if not self.tensors:
            raise TypeError("example_inputs holds no tensor")
        self.batched = batch_flags(self.tensors)

    def with_batch(self, count: int) -> list[torch.Tensor]:
        """The tensors with so many examples: the first ones, repeated where there are fewer."""
        result = []
        for tensor, batched in zip(self.tensors, self.batched):
            if batched and tensor.shape[0] != count:
                tensor = tensor[torch.arange(count, device=tensor.device) % tensor.shape[0]]
            result.append(tensor)
        return result

    def call(self, module: nn.Module, tensors: Sequence[torch.Tensor]) -> Any:
        leaves = list(self._leaves)
        for place, tensor in zip(self._places, tensors):
            leaves[place] = tensor
        args, kwargs = _pytree.tree_unflatten(leaves, self._structure)
        return module(*args, **kwargs)


def _argument_names(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[str]:
    """A name for every tensor: that of its parameter, with an index where a parameter holds several."""
    try:
        bound = inspect.signature(module.forward).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):
        bound = {f"input{i}": arg for i, arg in enumerate(args)} | kwargs
    names = []
    for name, value in bound.items():
        count = len(tensors_in(value))
        names += [name] if count == 1 else [f"{name}[{i}]" for i in range(count)]
    taken = {name for name, _ in module.named_modules()}
    return [f"{name}:argument" if name in taken else name for name in names]


@contextlib.contextmanager
def _prepared(module: nn.Module) -> Iterator[None]:
    """Evaluation mode, nothing in place, no fused attention that skips submodules; all as it was in the end."""
    modes = [(part, part.training) for part in module.modules()]
    writers = [part for part in module.modules() if getattr(part, "inplace", None) is True]
    fast = torch.backends.mha.get_fastpath_enabled()
    try:
        module.eval()
        for part in writers:
            part.inplace = False
        torch.backends.mha.set_fastpath_enabled(False)
        with torch.no_grad():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for part in writers:
            part.inplace = True
        for part, training in modes:
            part.training = training


class _Wrapper(nn.Module):
    """The module as a function of tensors that returns every recorded tensor."""

    def __init__(self, module: nn.Module, arguments: _Arguments, recorder: Recorder) -> None:
        super().__init__()
        self.module = module
        # Not modules: exporters forbid that attributes of those change.
        self._run = lambda tensors: (recorder.start(tensors, arguments.names), arguments.call(module, tensors))
        self._captured = recorder.captured
        self.training = False

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        self._run(tensors)
        return tuple(self._captured())


def export(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], *, dynamic_batch: bool, exporter: str,
           options: dict[str, Any]) -> Exported:
    """Exports the module, loads it and holds it against the module; the first exporter that passes is taken.

    Raises UnsupportedError with every exporter's reason.
    """
    arguments = _Arguments(module, args, kwargs)
    recorder = Recorder(module)
    with _prepared(module), recorder.listening():
        one = arguments.with_batch(1)
        recorder.start(one, arguments.names)
        arguments.call(module, one)
        recording = recorder.finish()
        if not recording.outputs:
            raise UnsupportedError(f"{type(module).__name__} returns no tensor")
        reasons = []
        for kind, dynamic in _attempts(exporter, dynamic_batch):
            what = f"{kind}, {'any batch size' if dynamic else 'batches of 1'}"
            try:
                model, tensors = _attempt(kind, dynamic, module, arguments, recorder, recording, options)
            except MemoryError:
                raise
            except Exception as error:  # exporters raise whatever went wrong inside them
                reasons.append(f"{what}: {_brief(error)}")
                continue
            return Exported(model, recording, tensors, kind, arguments.batched, dynamic)
    raise UnsupportedError(f"{type(module).__name__} could not be exported. " + " | ".join(reasons))


def _attempts(exporter: str, dynamic_batch: bool) -> list[tuple[str, bool]]:
    kinds = ["dynamo", "torchscript"] if exporter == "auto" else [exporter]
    return [(kind, dynamic) for dynamic in ([True, False] if dynamic_batch else [False]) for kind in kinds]


def _brief(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    cause = error.__cause__
    text = lines[0] if lines else type(error).__name__
    return f"{text} ({_brief(cause)})" if isinstance(cause, Exception) and len(text) < 300 else text[:400]


def _attempt(kind: str, dynamic: bool, module: nn.Module, arguments: _Arguments, recorder: Recorder,
             recording: Recording, options: dict[str, Any]) -> tuple[_model.Model, list[str]]:
    import onnx

    # Exporters take an extent of 1 for a constant.
    tensors = arguments.with_batch(2 if dynamic else 1)
    inputs = [f"argument_{i}" for i in range(len(tensors))]
    slots = [i for i, slot in enumerate(recording.slots) if slot.argument is None]
    outputs = {f"slot_{i}": i for i in slots}
    wrapper = _Wrapper(module, arguments, recorder)
    batched = arguments.batched if dynamic else [False] * len(tensors)
    size = sum(t.numel() * t.element_size() for t in [*module.parameters(), *module.buffers()])
    with tempfile.TemporaryDirectory(prefix="mho") as folder:
        path = Path(folder, "model.onnx") if size > _IN_MEMORY else None
        proto = _EXPORTERS[kind](wrapper, tensors, inputs, list(outputs), batched, path)
        places = {slot.argument: i for i, slot in enumerate(recording.slots) if slot.argument is not None}
        given = {places[i]: name for i, name in enumerate(inputs) if i in places}
        present = {port.name for port in proto.graph.input}
        for i, name in enumerate(inputs):
            if name not in present:  # an argument that the module does not read
                proto.graph.input.append(onnx.helper.make_tensor_value_info(
                    name, _onnx_type(tensors[i].dtype), list(tensors[i].shape)))
        names = [slot.names[0] for slot in recording.slots]
        found = name_tensors(proto, outputs, names, given, recording.outputs)
        final = dict(zip(inputs, arguments.names))
        found = [final.get(tensor, tensor) for tensor in found]
        _rename_inputs(proto, final)
        if path is not None:
            onnx.save(proto, path)
            model = _model.load(path, **options)
        else:
            model = _model.load(proto, **options)
        model.name = type(module).__name__
        _verify(model, module, arguments, [found[i] for i in recording.outputs], (1, 3) if dynamic else (1,))
    return model, found


def _onnx_type(dtype: torch.dtype) -> int:
    import onnx

    return onnx.helper.np_dtype_to_tensor_dtype(torch.empty(0, dtype=dtype).numpy().dtype)


def _rename_inputs(proto: Any, names: dict[str, str]) -> None:
    from ._graph import _rename

    _rename(proto.graph, names, set(names))


def _verify(model: _model.Model, module: nn.Module, arguments: _Arguments, outputs: Sequence[str],
            batches: Sequence[int]) -> None:
    """Raises _Rejected unless the loaded model computes what the module does."""
    for count in batches:
        tensors = arguments.with_batch(count)
        expected = tensors_in(arguments.call(module, tensors))
        results = model.run(dict(zip(arguments.names, tensors)))
        for name, tensor in zip(outputs, expected):
            wanted = tensor.detach().cpu().double().numpy()
            result = results[name].reshape(wanted.shape)
            bound = 1e-3 * max(1e-6, float(np.abs(wanted).max(initial=0)))
            if not np.allclose(result, wanted, rtol=1e-3, atol=bound):
                raise _Rejected(f"output '{name}' of {count} examples differs from the module's by "
                                f"{np.abs(result - wanted).max():.2g}")


@contextlib.contextmanager
def _quiet() -> Iterator[list[warnings.WarningMessage]]:
    """Keeps exporters' notes away from the user."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield caught
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)


def _dynamo(wrapper: nn.Module, tensors: list[torch.Tensor], inputs: list[str], outputs: list[str],
            batched: Sequence[bool], path: Path | None) -> Any:
    import onnx

    batch = torch.export.Dim("batch")
    # Extents of 1 stay as they are unless they count examples.
    shapes = (tuple({0: batch} if b else {} for b in batched),)
    with _quiet(), contextlib.redirect_stdout(io.StringIO()):
        program = torch.onnx.export(wrapper, tuple(tensors), dynamo=True, input_names=inputs, output_names=outputs,
                                    dynamic_shapes=shapes if any(batched) else None, optimize=False, verbose=False,
                                    external_data=path is not None)
        if path is None:
            return program.model_proto
        program.save(str(path), external_data=True)
    return onnx.load(path, load_external_data=False)


def _torchscript(wrapper: nn.Module, tensors: list[torch.Tensor], inputs: list[str], outputs: list[str],
                 batched: Sequence[bool], path: Path | None) -> Any:
    import onnx

    file = io.BytesIO() if path is None else str(path)
    axes = {name: {0: "batch"} for name, b in zip(inputs, batched) if b}
    with _quiet() as caught:
        torch.onnx.export(wrapper, tuple(tensors), file, dynamo=False, input_names=inputs, output_names=outputs,
                          dynamic_axes=axes, do_constant_folding=False, training=torch.onnx.TrainingMode.EVAL,
                          keep_initializers_as_inputs=False)
    own = str(Path(torch.__file__).parent)  # torch's own modules check shapes that are constant indeed
    for warning in caught:
        if issubclass(warning.category, torch.jit.TracerWarning) and not warning.filename.startswith(own):
            raise _Rejected(f"tracing took something that follows from the input for a constant: "
                            f"{_brief(Exception(str(warning.message)))}")
    if isinstance(file, io.BytesIO):
        return onnx.load_from_string(file.getvalue())
    return onnx.load(file, load_external_data=False)


_EXPORTERS = {"dynamo": _dynamo, "torchscript": _torchscript}

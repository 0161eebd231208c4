"""mho.dask.attribute: from a model, dask arrays and a request to a graph of one task per block of examples."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
from dask.base import tokenize

from .. import _core, _model
from .._request import DinucleotideShuffles, References
from ..errors import InvalidArgumentError, MhoError
from ._blocks import Order, attribute_block, load_task
from ._result import DaskAttributions, Layout

_PATH_OPTIONS = ("tolerance", "max_steps", "quadrature", "exact", "max_breakpoints")


def attribute(
    model: Any,
    x: Any,
    *,
    layers: str | Sequence[str] | None = None,
    target: Any = None,
    baselines: Any = 0.0,
    threads: int | None = None,
    ship: str = "bytes",
    dtype: Any = "float64",
    probe: Any = None,
    **request: Any,
) -> DaskAttributions:
    """Attributions of every example of x, lazily: one task per block of examples, on whatever scheduler dask uses.

    model: a mho.Model, or what mho.load takes. It is loaded here, too.
    x: a dask array whose leading axis counts examples, or a mapping from the names of inputs to dask arrays (cut) and
        numpy arrays (cut where their leading axis counts the same examples, else the same for all). Blocks are the chunks
        along the leading axis; other axes are put into one chunk.
    target: as for Model.attribute(); with one per example also as a dask array.
    baselines: likewise; "mean" is the mean over all examples, computed by dask.
    threads: of each task; None: those the model was loaded with, or else 1, which suits workers with a dask thread per
        core.
    ship: "bytes": the model's file is in the graph, and goes to every worker once; "path": workers read the file
        (a shared file system), and refuse one with another SHA-256. Needed where weights lie in other files.
    dtype: of the layers' values, "float64" or "float32".
    probe: one example, without the leading axis, or a mapping; it is attributed once to know layers and shapes
        (default: random numbers, zeros for integers).
    request: whatever else Model.attribute() takes but progress.

    Raises what Model.attribute() raises; errors of a block come when it is computed, with the numbers of its examples.
    """
    loaded = model if isinstance(model, _model.Model) else _model.load(model)
    _refuse_what_needs_all_examples(loaded, request)
    if np.dtype(dtype) not in (np.dtype("f4"), np.dtype("f8")):
        raise InvalidArgumentError(f"dtype is {dtype}; it must be float64 or float32")
    if threads is None:
        threads = loaded.options["threads"] or 1
    names = _tensor_names(loaded, layers, request)
    examples = _Examples(loaded.inputs, x)
    parts: dict[tuple[str, str], Any] = {("x", name): array for name, array in examples.arrays.items()}
    shared: dict[str, Any] = {**request, "layers": names}
    shared["target"] = _add_target(parts, examples, target)
    shared["baselines"] = _add_baselines(parts, examples, loaded.inputs, baselines)

    order = Order(_origin(loaded, ship), {**loaded.options, "threads": threads}, loaded.name, loaded.sha256,
                  loaded._limits, shared)
    layout = Layout.of(_probe(loaded.with_options(threads=threads), examples, probe, shared), str(np.dtype(dtype)))
    # Same question, same keys: what is known already is not computed again.
    token = tokenize(loaded.sha256, loaded.options, threads, ship, str(dtype), _plain(shared),
                     [(place, array) for place, array in parts.items()])
    task = dask.delayed(load_task)(order, dask_key_name=f"mho-model-{loaded.sha256[:12]}-{token}")
    blocks = _blocks(parts, examples, task, str(np.dtype(dtype)), token)
    return DaskAttributions(blocks, layout)


def _refuse_what_needs_all_examples(model: _model.Model, request: Mapping[str, Any]) -> None:
    if model.options["one_example"]:
        raise InvalidArgumentError("a model loaded with one_example=True has no examples to divide")
    if request.get("progress"):
        raise InvalidArgumentError("progress is dask's: dask.diagnostics.ProgressBar, distributed.progress")
    if request.get("replace") == "mean":
        raise InvalidArgumentError("replace='mean' needs all examples at once: use 'baseline' with baselines='mean'")


def _tensor_names(model: _model.Model, layers: Any, request: dict[str, Any]) -> list[str] | None:
    """Submodules of a torch model are known here alone: workers are told the names of tensors."""
    for option in ("output", "at"):
        if request.get(option):
            tensors = model._layer_names(request[option])
            request[option] = tensors[0] if option == "output" else tensors
    return None if layers is None else model._layer_names(layers)


def _origin(model: _model.Model, ship: str) -> Path | tuple[bytes, str]:
    origin = model._origin
    if ship not in ("bytes", "path"):
        raise InvalidArgumentError(f"ship='{ship}' is neither 'bytes' nor 'path'")
    if origin is None or isinstance(origin, Path) and not os.path.exists(origin):
        raise InvalidArgumentError(f"the file of model {model.name} is not there any more: save it, and load it by its path")
    if isinstance(origin, Path) and ship == "bytes":
        return origin.read_bytes(), str(origin.parent)
    if not isinstance(origin, Path) and ship == "path":
        raise InvalidArgumentError(f"ship='path': model {model.name} was loaded from bytes, it has no path")
    return origin


def _single(array: da.Array) -> da.Array:
    """One chunk along every axis but the first."""
    return array.rechunk({axis: -1 for axis in range(1, array.ndim)})


class _Examples:
    """The inputs: which are cut into blocks of examples, and how."""

    def __init__(self, ports: Sequence[_core.Port], x: Any) -> None:
        given = dict(x) if isinstance(x, Mapping) else {ports[0].name: x} if len(ports) == 1 else None
        if given is None:
            names = ", ".join(port.name for port in ports)
            raise InvalidArgumentError(f"the model has {len(ports)} inputs: give a mapping of {names}")
        cut = {name: array for name, array in given.items() if isinstance(array, da.Array)}
        if not cut:
            raise TypeError("x holds no dask array: dask.array.from_array(x, chunks=(examples per block, …)) makes one")
        for name, array in cut.items():
            if array.ndim == 0 or np.isnan(array.shape).any():
                raise InvalidArgumentError(f"input '{name}' has shape {array.shape}: its extents must be known "
                                           "(x.compute_chunk_sizes())")
        first = next(iter(cut.values()))
        self.rows: tuple[int, ...] = tuple(n for n in first.chunks[0] if n)
        self.count = int(first.shape[0])
        if not self.count:
            raise InvalidArgumentError("x has no examples")
        axis = {port.name: port.example_axis for port in ports}
        self.arrays: dict[str, da.Array] = {}
        self.wholes: dict[str, np.ndarray] = {}
        for name, array in given.items():
            if name in cut and array.shape[0] != self.count:
                raise InvalidArgumentError(f"input '{name}' has {array.shape[0]} examples where others have {self.count}")
            if name in cut or axis.get(name, False) and np.shape(array)[:1] == (self.count,):
                self.arrays[name] = self.cut(array)
            else:
                self.wholes[name] = np.asarray(array)

    def cut(self, array: Any) -> da.Array:
        """Along the examples, as the inputs are."""
        array = array if isinstance(array, da.Array) else da.from_array(np.asarray(array), chunks=-1)
        return _single(array.rechunk({0: self.rows}))

    def is_cut(self, array: Any, dims: int | None = None) -> bool:
        shape = np.shape(array)
        return len(shape) > 0 and shape[0] == self.count and (dims is None or len(shape) == dims)


def _add_target(parts: dict[tuple[str, str], Any], examples: _Examples, target: Any) -> Any:
    """What stays of the target in the request; one per example becomes a part."""
    if isinstance(target, list):
        target = np.asarray(target)
    if isinstance(target, da.Array) or isinstance(target, np.ndarray) and target.ndim:
        if target.shape[0] != examples.count:
            raise InvalidArgumentError(f"target has {target.shape[0]} entries for {examples.count} examples")
        parts["target", ""] = examples.cut(target)
        return None
    return target


def _add_baselines(parts: dict[tuple[str, str], Any], examples: _Examples, ports: Sequence[_core.Port], given: Any) -> Any:
    """What stays of the baselines in the request; arrays become parts, cut where there is one per example."""
    if given is None or isinstance(given, (int, float, np.number, References, DinucleotideShuffles)):
        return given
    if isinstance(given, str):
        if given != "mean":
            raise InvalidArgumentError(f"baselines: '{given}' is not 'mean'")
        given = {name: _mean(name, array) for name, array in examples.arrays.items()}
        given.update(examples.wholes)
    elif not isinstance(given, Mapping):
        if len(ports) != 1:
            raise InvalidArgumentError("baselines of several inputs: give a mapping")
        given = {ports[0].name: given}
    for name, array in given.items():
        x = examples.arrays.get(name, examples.wholes.get(name))
        dims = None if x is None else x.ndim
        if not isinstance(array, da.Array):
            if np.ndim(array) == 0 and x is not None:
                array = np.full((1, *x.shape[1:]) if name in examples.arrays else x.shape, array, x.dtype)
            array = np.asarray(array)
        if dims is not None and array.ndim == dims - 1:
            array = array[np.newaxis]
        parts["baseline", name] = examples.cut(array) if examples.is_cut(array, dims) else array
    return 0.0


def _mean(name: str, array: da.Array) -> da.Array:
    if array.dtype.kind != "f":
        raise InvalidArgumentError(f"the mean of integer input '{name}' is no integer: give a number or an array")
    return array.mean(axis=0, dtype="f8", keepdims=True).astype(array.dtype)


def _blocks(parts: Mapping[tuple[str, str], Any], examples: _Examples, task: Any, dtype: str, token: str) -> da.Array:
    """An array of objects with one dict per block."""
    arguments: list[Any] = [da.arange(examples.count, chunks=(examples.rows,)), (0,)]
    axes = 1
    places: list[tuple[str, str]] = []
    wholes: dict[tuple[str, str], Any] = {("x", name): array for name, array in examples.wholes.items()}
    for place, array in parts.items():
        if isinstance(array, da.Array) and array.chunks[0] == examples.rows:
            places.append(place)
            arguments += [array, (0, *range(axes, axes + array.ndim - 1))]
            axes += array.ndim - 1
        elif isinstance(array, da.Array):
            wholes[place] = array.rechunk(-1).to_delayed().ravel()[0]
        else:
            wholes[place] = array
    shared = {place: dask.delayed(array, pure=True) if isinstance(array, np.ndarray) else array
              for place, array in wholes.items()}
    return da.blockwise(attribute_block, (0,), *arguments, task=task, places=tuple(places), wholes=shared, store=dtype,
                        name=f"mho-attribute-{token}", concatenate=True, align_arrays=False,
                        meta=np.empty((0,), dtype=object))


def _probe(model: _model.Model, examples: _Examples, probe: Any, shared: Mapping[str, Any]) -> Any:
    """The result of one example, by the cheapest path: only its layout counts."""
    if probe is None:
        random = np.random.default_rng(0)
        inputs = {name: random.random((1, *array.shape[1:])).astype(array.dtype) if array.dtype.kind == "f"
                  else np.zeros((1, *array.shape[1:]), array.dtype) for name, array in examples.arrays.items()}
    else:
        one = probe if isinstance(probe, Mapping) else {next(iter(examples.arrays)): probe}
        inputs = {name: np.asarray(one[name])[np.newaxis] for name in examples.arrays}
    request = {name: value for name, value in shared.items() if name not in _PATH_OPTIONS}
    request["baselines"] = 0.0
    if request.get("method", "nig") in _model._PATH_METHODS:
        request["steps"] = 1
    try:
        return model.attribute({**inputs, **examples.wholes}, **request)
    except MhoError as error:
        raise type(error)(f"{error} (for {'the' if probe is not None else 'a random'} probe, from which layers and "
                          "shapes are known; probe= takes one of your examples)") from None


def _plain(shared: Mapping[str, Any]) -> Any:
    """For the token: references by their arrays."""
    return {name: (type(value).__name__, vars(value)) if hasattr(value, "__dict__") else value
            for name, value in shared.items()}



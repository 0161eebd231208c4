"""Whatever holds numbers (numpy, DLPack, torch, lists) as the arrays that the core takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import _core
from .errors import InvalidArgumentError

_TAKEN = (np.float32, np.float64, np.int64, np.int32, np.bool_)
_REAL = ("float", "double", "float16", "bfloat16")


def to_numpy(value: Any, what: str) -> np.ndarray:
    """`value` as a C-contiguous array of a type that the core takes; not copied where it is one already.

    Raises TypeError for what holds no numbers.
    """
    if hasattr(value, "detach"):  # a torch tensor, possibly on another device or recorded by autograd
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            value = value.float()
        value = value.numpy()
    elif not isinstance(value, np.ndarray) and not hasattr(value, "__array__") and hasattr(value, "__dlpack__"):
        value = np.from_dlpack(value)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise TypeError(f"{what}: {error}") from None
    if array.dtype not in _TAKEN or not array.dtype.isnative:
        array = array.astype(_taken_type(array, what))
    # ascontiguousarray would make a vector of a scalar.
    return array if array.flags.c_contiguous and array.flags.aligned else array.copy(order="C")


def _taken_type(array: np.ndarray, what: str) -> type:
    kind = array.dtype.kind
    if kind == "f" and array.dtype.itemsize <= 8:
        return np.float64 if array.dtype.itemsize == 8 else np.float32
    if array.dtype.name == "bfloat16":
        return np.float32
    if kind in "iu":
        if array.dtype.itemsize == 8 and kind == "u" and array.size and int(array.max()) > np.iinfo(np.int64).max:
            raise TypeError(f"{what}: there are numbers above the range of int64")
        return np.int64
    if kind == "b":
        return np.bool_
    raise TypeError(f"{what}: elements of type {array.dtype} are not real numbers")


def input_arrays(ports: Sequence[_core.Port], x: Any) -> dict[str, np.ndarray]:
    """`x` by input name: one array for a single input, a sequence in the order of the inputs, or a mapping."""
    if isinstance(x, Mapping):
        given = dict(x)
    elif len(ports) == 1 and not (isinstance(x, (tuple, list)) and len(x) == 1 and hasattr(x[0], "shape")):
        given = {ports[0].name: x}
    elif isinstance(x, (tuple, list)):
        if len(x) != len(ports):
            names = ", ".join(port.name for port in ports)
            raise InvalidArgumentError(f"{len(x)} arrays for {len(ports)} inputs: {names}")
        given = {port.name: array for port, array in zip(ports, x)}
    else:
        names = ", ".join(port.name for port in ports)
        raise InvalidArgumentError(f"the model has {len(ports)} inputs: give a mapping or a sequence of {names}")
    by_name = {port.name: port for port in ports}
    return {name: _for_port(by_name.get(name), array, f"input '{name}'") for name, array in given.items()}


def _for_port(port: _core.Port | None, value: Any, what: str) -> np.ndarray:
    array = to_numpy(value, what)
    if port is None:  # an unknown name: the core says which ones there are
        return array
    if port.type in _REAL:
        if array.dtype.kind != "f":
            array = array.astype(np.float32)
    elif array.dtype.kind == "f":
        raise TypeError(f"{what}: the model declares {port.type}, not {array.dtype}")
    if port.example_axis and len(port.shape) == array.ndim + 1:
        array = array[np.newaxis]
    return array


def baseline_arrays(ports: Sequence[_core.Port], inputs: Mapping[str, np.ndarray], given: Any) -> dict[str, np.ndarray]:
    """Baselines by name: as inputs, but numbers stand for arrays full of them, and one example needs no leading axis."""
    if not isinstance(given, Mapping):
        if len(ports) == 1 and isinstance(given, (tuple, list)) and len(given) == 1:
            given = given[0]
        if len(ports) > 1 and not (isinstance(given, (tuple, list)) and len(given) == len(ports)):
            names = ", ".join(port.name for port in ports)
            raise InvalidArgumentError(f"baselines of {len(ports)} inputs: give a mapping or a sequence of {names}")
        given = {ports[0].name: given} if len(ports) == 1 else {p.name: b for p, b in zip(ports, given)}
    by_name = {port.name: port for port in ports}
    result = {}
    for name, value in given.items():
        array = to_numpy(value, f"baseline of '{name}'")
        port = by_name.get(name)
        if port is not None and name in inputs:
            x = inputs[name]
            if array.ndim == 0:
                array = np.full((1, *x.shape[1:]) if port.example_axis else x.shape, array[()], x.dtype)
            elif port.example_axis and array.ndim == x.ndim - 1:
                array = array[np.newaxis]
        result[name] = array
    return result

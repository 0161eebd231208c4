"""What runs on the workers: the model with its request, loaded once per worker, and the attribution of one block."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import _model
from .._result import Result
from ..errors import MhoError


class Task:
    """The model and what is asked of it: what all blocks have in common. The one large thing that tasks depend on.

    Dask sends it to a worker once and keeps it there; pickled, it is the model's bytes or its path, not its weights.
    """

    def __init__(self, model: _model.Model, request: Mapping[str, Any], size: int) -> None:
        self.model = model
        self.request = dict(request)
        self._size = size

    def __sizeof__(self) -> int:  # what dask asks, to weigh moving it against computing elsewhere
        return self._size

    def __reduce__(self) -> tuple[Any, ...]:
        return Task, (self.model, self.request, self._size)


class Order:
    """A Task that is not loaded yet, as it stands in the graph."""

    def __init__(self, origin: Path | tuple[bytes, str], options: Mapping[str, Any], name: str, sha256: str,
                 limits: Mapping[str, int], request: Mapping[str, Any]) -> None:
        self._loading = (origin, dict(options), name, sha256, dict(limits))
        self._request = dict(request)

    @property
    def size(self) -> int:
        """Bytes that travel."""
        origin = self._loading[0]
        return 1000 + (0 if isinstance(origin, Path) else len(origin[0]))

    def __call__(self) -> Task:
        return Task(_model._load_again(*self._loading), self._request, self.size)


def load_task(order: Order) -> Task:
    return order()


def column_names(result: Result) -> dict[str, np.ndarray]:
    """All arrays of a result by the names that result files give them."""
    columns: dict[str, np.ndarray] = {}
    for layer in result.layers:
        columns[layer.name] = layer.values
        for kind in ("residual", "cancellation"):
            if len(values := getattr(layer, kind)):
                columns[f"mho/{kind}/{layer.name}"] = values
        columns[f"mho/estimated_error/{layer.name}"] = layer.estimated_error
    for name in ("f_input", "f_baseline", "target", "evaluations", "steps", "converged"):
        columns[f"mho/{name}"] = getattr(result, name)
    return columns


def attribute_block(rows: np.ndarray, *blocks: np.ndarray, task: Task, places: tuple[tuple[str, str], ...],
                    wholes: Mapping[Any, Any], store: str) -> dict[str, np.ndarray]:
    """One block's arrays by name. `places`: what each of `blocks` is, ("x", input), ("baseline", input) or
    ("target", ""); `wholes`: the inputs and baselines that all blocks share, by such pairs. `store`: the type of the layers' values."""
    given: dict[str, dict[str, Any]] = {"x": {}, "baseline": {}, "target": {}}
    for (kind, name), block in [*zip(places, blocks), *wholes.items()]:
        given[kind][name] = block
    request = dict(task.request)
    if given["baseline"]:
        request["baselines"] = given["baseline"]
    if given["target"]:
        request["target"] = given["target"][""]
    try:
        result = task.model.attribute(given["x"], **request)
    except MhoError as error:
        raise type(error)(f"examples {rows[0]} to {rows[-1]}: {error}") from None
    columns = column_names(result)
    for layer in result.layers:
        columns[layer.name] = columns[layer.name].astype(store, copy=False)
    return columns


def take(block: Mapping[str, np.ndarray], column: str) -> np.ndarray:
    return block[column]

"""What mho.dask.attribute returns: attributions by layer, lazy or computed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Union

import dask.array as da
import dask.threaded
import numpy as np
from dask.base import DaskMethodsMixin
from dask.highlevelgraph import HighLevelGraph

from .._result import Result
from ..errors import NotFoundError
from ._blocks import column_names, take

Store = Union[str, "os.PathLike[str]", MutableMapping[str, Any], Any]


@dataclass(frozen=True)
class Layout:
    """What is known of a result before anything is computed."""

    layers: tuple[str, ...]
    columns: Mapping[str, tuple[tuple[int, ...], np.dtype]]  # shape of one example, and type, by array name
    document: Mapping[str, Any]  # the metadata of result files

    @staticmethod
    def of(probed: Result, dtype: str) -> Layout:
        names = tuple(layer.name for layer in probed.layers)
        columns = {name: (array.shape[1:], np.dtype(dtype if name in names else array.dtype.name))
                   for name, array in column_names(probed).items()}
        core = probed._core
        layers = [{"name": layer.name, "node": layer.node, "op": layer.op, "cut": layer.cut} for layer in probed.layers]
        run = {key: value for key, value in core.metadata.items() if key in ("mho", "model_sha256", "method", "precision")}
        document = {"target_tensor": core.target_tensor, "target_note": core.target_note, "batching": core.batching,
                    "micro_batch": core.micro_batch, "layers": layers, "run": run}
        return Layout(names, columns, document)


class Attributions(Mapping[str, Any]):
    """A mapping from layer name to an array [examples, layer shape…].

    target, f_input, f_baseline, evaluations, steps, converged: one number per example; delta and error: by layer, as
    those of mho.Result. metadata: what is the same for all examples.
    """

    def __init__(self, arrays: Mapping[str, Any], layout: Layout) -> None:
        self._arrays = arrays
        self._layout = layout

    def _array(self, name: str) -> Any:
        return self._arrays[name]

    def __getitem__(self, name: str) -> Any:
        if name not in self._layout.layers:
            raise NotFoundError(f"no layer '{name}' in this result; there are {', '.join(self._layout.layers)}")
        return self._array(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layout.layers)

    def __len__(self) -> int:
        return len(self._layout.layers)

    @property
    def target(self) -> Any:
        return self._array("mho/target")

    @property
    def f_input(self) -> Any:
        return self._array("mho/f_input")

    @property
    def f_baseline(self) -> Any:
        return self._array("mho/f_baseline")

    @property
    def evaluations(self) -> Any:
        return self._array("mho/evaluations")

    @property
    def steps(self) -> Any:
        return self._array("mho/steps")

    @property
    def converged(self) -> Any:
        return self._array("mho/converged")

    @property
    def delta(self) -> dict[str, Any]:
        """Per layer whose attributions must sum to F(x) - F(x'): the sum less that difference, for each example."""
        return self._by_layer("residual")

    @property
    def cancellation(self) -> dict[str, Any]:
        """As mho.Result.cancellation: by layer, for each example."""
        return self._by_layer("cancellation")

    def _by_layer(self, kind: str) -> dict[str, Any]:
        return {name: self._array(f"mho/{kind}/{name}") for name in self if f"mho/{kind}/{name}" in self._layout.columns}

    @property
    def error(self) -> dict[str, Any]:
        """Per layer: the estimated relative L1 error of each example; NaN where the method has no estimate."""
        return {name: self._array(f"mho/estimated_error/{name}") for name in self}

    @property
    def metadata(self) -> dict[str, str]:
        return {**self._layout.document["run"], "target_tensor": self._layout.document["target_tensor"]}

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {self._layout.columns[name][0]}" for name in self)
        return f"<mho.dask.{type(self).__name__} {self.metadata.get('method', '?')}: {len(self.target)} examples, {shapes}>"


class DaskAttributions(Attributions, DaskMethodsMixin):
    """Attributions that are not computed yet: every array is a dask array, and the whole is a dask collection.

    compute() and dask.compute() give Attributions of numpy arrays, persist() keeps the blocks on the workers,
    client.publish_dataset() keeps them for other clients. Arrays that are computed one after the other run the
    attribution once each: compute them together, or persist first.
    """

    def __init__(self, blocks: da.Array, layout: Layout) -> None:
        super().__init__({}, layout)
        self._blocks = blocks

    def _array(self, name: str) -> da.Array:
        shape, dtype = self._layout.columns[name]
        axes = tuple(range(1, 1 + len(shape)))
        return da.blockwise(take, (0, *axes), self._blocks, (0,), name=f"mho-{name}-{self._blocks.name}", column=name,
                            new_axes=dict(zip(axes, shape)), dtype=dtype, meta=np.empty((0,) * (1 + len(shape)), dtype))

    @property
    def npartitions(self) -> int:
        """Blocks of examples."""
        return len(self._blocks.chunks[0])

    def to_zarr(self, store: Store, *, overwrite: bool = False, compute: bool = True) -> Any:
        """Writes all arrays into a Zarr group, every block by the worker that computes it.

        store: a path or URL that all workers reach, or a zarr store. Chunks are the blocks: all but the last have to be
            of one size. What result files hold has the same names here; mho.dask.open_zarr reads it.
        overwrite: what is there is removed first. compute: False returns a dask array to be computed: the number of
            examples written. A block that is written twice, as after the loss of a worker, is written the same.

        Raises InvalidArgumentError where something is there already, or blocks are of different sizes.
        """
        from ._files import write_zarr

        return write_zarr(self._blocks, self._layout, store, overwrite, compute)

    def to_hdf5(self, path: str | os.PathLike[str], *, ahead: int | None = None) -> None:
        """Writes an HDF5 file that mho.Result.load and `mho report` read, here: blocks come one after the other.

        ahead: blocks that are computed and held before they can be written (default: two per worker thread). The file
        appears whole or not at all.
        """
        from ._files import write_hdf5

        write_hdf5(self._blocks, self._layout, path, ahead)

    # What makes it a dask collection: all of it is the array of blocks.
    def __dask_graph__(self) -> HighLevelGraph:
        return self._blocks.__dask_graph__()

    def __dask_layers__(self) -> tuple[str, ...]:
        return self._blocks.__dask_layers__()

    def __dask_keys__(self) -> list[Any]:
        return self._blocks.__dask_keys__()

    def __dask_tokenize__(self) -> Any:
        return type(self).__name__, self._blocks.name

    def __dask_postcompute__(self) -> tuple[Any, tuple[Any, ...]]:
        return _finalize, (self._layout,)

    def __dask_postpersist__(self) -> tuple[Any, tuple[Any, ...]]:
        rebuild, arguments = self._blocks.__dask_postpersist__()
        return _rebuild, (rebuild, arguments, self._layout)

    __dask_optimize__ = staticmethod(da.Array.__dask_optimize__)
    __dask_scheduler__ = staticmethod(dask.threaded.get)


def _finalize(blocks: Any, layout: Layout) -> Attributions:
    return Attributions({name: np.concatenate([block[name] for block in blocks]) for name in layout.columns}, layout)


def _rebuild(graph: Any, rebuild: Any, arguments: tuple[Any, ...], layout: Layout, **rename: Any) -> DaskAttributions:
    return DaskAttributions(rebuild(graph, *arguments, **rename), layout)

"""Results of mho.dask in files: Zarr, written by the workers, and HDF5, written by one process."""

from __future__ import annotations

import collections
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np

from ..errors import InvalidArgumentError
from ._result import Attributions, Layout, Store


def array_names(layers: tuple[str, ...]) -> dict[str, str]:
    """Of each layer the name of its array, in which a slash would make a group; as `mho attribute -o FILE.h5` has them."""
    names: dict[str, str] = {}
    for layer in layers:
        name = f"layer:{layer}" if layer.startswith("mho/") else layer
        name = name.removeprefix("/").replace("/", ".")
        name = name if name.strip(".") else f"layer:{name}"
        unique, number = name, 2
        while unique in names.values() or unique == "mho":
            unique, number = f"{name}_{number}", number + 1
        names[layer] = unique
    return names


def _paths(layout: Layout) -> dict[str, str]:
    """Of each column its path in the file."""
    names = array_names(layout.layers)
    paths = dict(names)
    for column in layout.columns:
        kind, _, layer = column.removeprefix("mho/").partition("/")
        if column not in names:
            paths[column] = f"mho/{kind}/{names[layer]}" if layer else column
    return paths


def _document(layout: Layout, examples: int) -> dict[str, Any]:
    names = array_names(layout.layers)
    layers = [{**row, "array": names[row["name"]], "shape": [examples, *layout.columns[row["name"]][0]]}
              for row in layout.document["layers"]]
    return {**layout.document, "layers": layers}


def _address(store: Store) -> Any:
    """Paths are the same for workers that run in other folders."""
    is_path = isinstance(store, os.PathLike) or isinstance(store, str) and "://" not in store
    return os.path.abspath(store) if is_path else store


def write_zarr(blocks: da.Array, layout: Layout, store: Store, overwrite: bool, compute: bool) -> Any:
    import zarr

    rows = blocks.chunks[0]
    if len(set(rows[:-1])) > 1 or rows[-1] > rows[0]:
        raise InvalidArgumentError(f"Zarr needs blocks of one size (the last may be smaller), not {rows[:8]}…: rechunk x")
    store = _address(store)
    try:
        group = zarr.open_group(store, mode="w" if overwrite else "w-")
    except FileExistsError:
        raise InvalidArgumentError(f"{store} exists already; choose another name or overwrite=True") from None
    examples = sum(rows)
    paths = _paths(layout)
    for column, path in paths.items():
        shape, dtype = layout.columns[column]
        group.create_array(path, shape=(examples, *shape), chunks=(rows[0], *shape), dtype=dtype)
    group.attrs["mho"] = _document(layout, examples)
    first = da.from_array(np.cumsum([0, *rows[:-1]]), chunks=1)
    written = da.blockwise(_write_block, "n", blocks, "n", first, "n", store=store, paths=paths, align_arrays=False,
                           adjust_chunks={"n": lambda n: 1}, dtype=np.int64, meta=np.empty((0,), np.int64))
    total = written.sum()
    if not compute:
        return total
    total.compute()
    return None


def _write_block(block: Mapping[str, np.ndarray], first: np.ndarray, store: Any, paths: Mapping[str, str]) -> np.ndarray:
    import zarr

    group = zarr.open_group(store, mode="r+")
    for column, path in paths.items():
        group[path][int(first[0]):int(first[0]) + len(block[column])] = block[column]
    return np.array([len(block["mho/target"])])


def open_zarr(store: Store) -> Attributions:
    """What DaskAttributions.to_zarr wrote, as dask arrays. Raises InvalidArgumentError where it is something else."""
    import zarr

    group = zarr.open_group(_address(store), mode="r")
    if "mho" not in group.attrs:
        raise InvalidArgumentError(f"{store}: is no result of mho.dask: it has no attribute 'mho'")
    document: Any = group.attrs["mho"]
    layers = tuple(row["name"] for row in document["layers"])
    columns: dict[str, Any] = {}
    arrays: dict[str, da.Array] = {}
    names = array_names(layers)
    present = [*layers, *(f"mho/{kind}/{layer}" for kind in ("residual", "cancellation", "estimated_error") for layer in layers),
               *(f"mho/{name}" for name in ("f_input", "f_baseline", "target", "evaluations", "steps", "converged"))]
    for column in present:
        kind, _, layer = column.removeprefix("mho/").partition("/")
        path = names.get(column) or (f"mho/{kind}/{names[layer]}" if layer else column)
        if path not in group:
            continue
        array = da.from_zarr(group[path])
        arrays[column] = array
        columns[column] = (array.shape[1:], array.dtype)
    return Attributions(arrays, Layout(layers, columns, document))


def write_hdf5(blocks: da.Array, layout: Layout, path: str | os.PathLike[str], ahead: int | None) -> None:
    import h5py

    path = Path(path)
    rows = blocks.chunks[0]
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    try:
        with h5py.File(temporary, "w") as file:
            paths = _paths(layout)
            for column, name in paths.items():
                shape, dtype = layout.columns[column]
                file.create_dataset(name, shape=(sum(rows), *shape), dtype=dtype, chunks=(min(rows[0], 64), *shape))
            first = 0
            for block, count in zip(_in_order(blocks, ahead), rows):
                for column, name in paths.items():
                    file[name][first:first + count] = block[column]
                first += count
            text = json.dumps(_document(layout, sum(rows)), indent=2).encode()
            file.create_dataset("mho/metadata", data=text, dtype=h5py.string_dtype(length=len(text)))
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _in_order(blocks: da.Array, ahead: int | None) -> Iterator[Mapping[str, np.ndarray]]:
    """The blocks' contents, with `ahead` of them on their way."""
    (optimized,) = dask.optimize(blocks)
    waiting = collections.deque(optimized.to_delayed(optimize_graph=False).ravel())
    try:
        from distributed import get_client

        client = get_client()
    except (ImportError, ValueError):
        client = None
    if client is None:
        ahead = ahead or 2 * (os.cpu_count() or 1)
        while waiting:
            yield from dask.compute(*[waiting.popleft() for _ in range(min(ahead, len(waiting)))], optimize_graph=False)
        return
    ahead = ahead or 2 * max(1, sum(client.nthreads().values()))
    running: collections.deque[Any] = collections.deque()
    while waiting or running:
        while waiting and len(running) < ahead:
            running.append(client.compute(waiting.popleft(), optimize_graph=False))
        yield running.popleft().result()

"""What Model.attribute() returns: attributions by layer, with their errors, rankings and pictures."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from ._arrays import to_numpy
from ._html import result_html
from ._ranking import Neuron, rank
from .errors import InvalidArgumentError, NotFoundError

if TYPE_CHECKING:
    import matplotlib.figure
    import pandas


class Result(Mapping[str, np.ndarray]):
    """Attributions: a mapping from layer name to a float64 array [examples, layer shape…] (read-only, not copied).

    target, f_input, f_baseline, evaluations, steps, converged: one number per example; F is the target.
    """

    def __init__(self, core: _core.Result, aliases: Mapping[str, str] | None = None) -> None:
        self._core = core
        self._layers = {layer.name: layer for layer in core.layers}
        self._aliases = dict(aliases or {})
        self.target: np.ndarray = core.target
        self.f_input: np.ndarray = core.f_input
        self.f_baseline: np.ndarray = core.f_baseline
        self.evaluations: np.ndarray = core.evaluations
        self.steps: np.ndarray = core.steps
        self.converged: np.ndarray = core.converged

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Result:
        """What save() or `mho attribute -o` wrote. Raises IoError for other files."""
        return Result(_core.read_result(Path(path)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a .npz that numpy.load reads; under a temporary name first, so that no half of a file is ever seen."""
        self._core.write(Path(path))

    def layer(self, name: str) -> _core.LayerResult:
        """The layer's name, node, operator, whether it is a cut, values and errors."""
        found = self._layers.get(self._aliases.get(name, name))
        if found is None:
            known = [*self._layers, *(alias for alias, tensor in self._aliases.items() if tensor in self._layers)]
            near = difflib.get_close_matches(name, known, 3) or known[:3]
            raise NotFoundError(f"no layer '{name}' in this result; there are {', '.join(near)}")
        return found

    def __getitem__(self, name: str) -> np.ndarray:
        return self.layer(name).values

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)

    def __contains__(self, name: object) -> bool:
        return name in self._layers or self._aliases.get(name) in self._layers  # type: ignore[arg-type]

    @property
    def layers(self) -> list[_core.LayerResult]:
        """In the order of computation."""
        return list(self._layers.values())

    @property
    def delta(self) -> dict[str, np.ndarray]:
        """Per layer whose attributions must sum to F(x) - F(x'): the sum less that difference, for each example."""
        return {name: layer.residual for name, layer in self._layers.items() if len(layer.residual)}

    @property
    def cancellation(self) -> dict[str, np.ndarray]:
        """For the same layers: how many times larger than |F(x) - F(x')| what is summed to it is. Above some 10⁴ in
        float32 the difference is mostly rounding: load the model with precision="double"."""
        return {name: layer.cancellation for name, layer in self._layers.items() if len(layer.cancellation)}

    @property
    def error(self) -> dict[str, np.ndarray]:
        """Per layer: the estimated relative L1 error of each example; NaN where the method has no estimate."""
        return {name: layer.estimated_error for name, layer in self._layers.items()}

    @property
    def metadata(self) -> dict[str, str]:
        """What is needed to repeat the run."""
        return {**self._core.metadata, "target_tensor": self._core.target_tensor,
                "target_note": self._core.target_note, "batching": self._core.batching}

    @property
    def notes(self) -> list[str]:
        """What a reader of the values must know, one sentence each."""
        return list(self._core.notes)

    def top(self, k: int = 10, *, layers: str | Sequence[str] | None = None, example: int | None = None,
            by: str = "neuron") -> list[Neuron]:
        """The k neurons (or by="channel": sums over positions) of the layers that contributed most.

        Ranked by magnitude: of one example, or of the mean of magnitudes over all. Neurons of different layers are
        compared as they are: each layer's attributions explain the same difference.
        """
        names = self.keys() if layers is None else [layers] if isinstance(layers, str) else layers
        ranked = [neuron for name in names for neuron in rank(name, self[name], k, self._example(example), by)]
        return sorted(ranked, key=lambda neuron: -neuron.magnitude)[:k]

    def to_pandas(self, *, layers: str | Sequence[str] | None = None, by: str = "neuron") -> pandas.DataFrame:
        """One row per example, layer and neuron (or by="channel"): example, target, layer, index, value."""
        from ._table import to_pandas

        names = self.keys() if layers is None else [layers] if isinstance(layers, str) else layers
        return to_pandas({name: self[name] for name in names}, self.target, by)

    def plot(self, example: int = 0, *, layers: str | Sequence[str] | None = None) -> matplotlib.figure.Figure:
        """A figure with one panel per layer: maps over positions, or the neurons that contributed most."""
        from ._plot import plot

        names = self.keys() if layers is None else [layers] if isinstance(layers, str) else layers
        index = self._example(example)
        assert index is not None
        return plot({name: self[name][index] for name in names}, self._title(index))

    def report(self, path: str | os.PathLike[str], inputs: Any = None, *, labels: Sequence[str] = (), title: str = "",
               evaluation: str | os.PathLike[str] | None = None, max_size: int = 32 << 20) -> None:
        """Writes one HTML page that needs no network: layers, ranked neurons, maps over pictures, logos of one-hot DNA.

        inputs: what was attributed, an array or a mapping from names to arrays. evaluation: what `mho evaluate` wrote.
        Values that would make the page larger than max_size are left out, and the page says so.
        """
        arrays = inputs if isinstance(inputs, Mapping) else {} if inputs is None else {"input": inputs}
        text = "" if evaluation is None else Path(evaluation).read_text(encoding="utf-8")
        self._core.report(Path(path), {name: to_numpy(array, f"input '{name}'") for name, array in arrays.items()},
                          [str(label) for label in labels], title, text, max_size)

    def _title(self, example: int) -> str:
        return (f"{self.metadata.get('method', '')}: example {example}, target {self.target[example]}, "
                f"F(x) − F(x') = {self.f_input[example] - self.f_baseline[example]:.4g}")

    def _example(self, example: int | None) -> int | None:
        if example is None:
            return None
        if not -len(self.target) <= example < len(self.target):
            raise InvalidArgumentError(f"example {example} is asked for; there are {len(self.target)}")
        return example % len(self.target)

    def __repr__(self) -> str:
        count = len(self.target)
        method = self.metadata.get("method", "?")
        return f"<mho.Result {method}: {count} example{'s' if count != 1 else ''}, layers {', '.join(self)}>"

    def _repr_html_(self) -> str:
        return result_html(self)

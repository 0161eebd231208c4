"""Means over a data set, added up batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from . import _core
from ._result import Result


class Means(Mapping[str, np.ndarray]):
    """The mean over examples: a mapping from layer name to a float64 array [layer shape…] (read-only).

    examples: how many there were. magnitude: the same mapping for the mean of magnitudes.
    """

    def __init__(self, core: _core.ExampleMeans) -> None:
        self.examples: int = core.examples
        self._means = {layer.name: layer.mean for layer in core.layers}
        self.magnitude: dict[str, np.ndarray] = {layer.name: layer.mean_magnitude for layer in core.layers}

    def __getitem__(self, name: str) -> np.ndarray:
        return self._means[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._means)

    def __len__(self) -> int:
        return len(self._means)


class Aggregate:
    """Adds up results of any number of batches; memory is that of one example (per class).

        aggregate = mho.Aggregate(per_class=True)
        for x in batches:
            aggregate.add(model.attribute(x, layers="relu*", positions="sum"))
        aggregate.mean()["relu4"], aggregate.mean().magnitude["relu4"], aggregate.classes()[7]["relu4"]
    """

    def __init__(self, per_class: bool = False) -> None:
        self._core = _core.Aggregate(per_class)

    def add(self, result: Result) -> None:
        """Adds all examples of a result. Raises InvalidArgumentError where its layers are not those of earlier ones."""
        self._core.add(result._core)

    def mean(self) -> Means:
        """Over all examples so far."""
        return Means(self._core.result().all)

    def classes(self) -> dict[int, Means]:
        """By target, over its examples; empty without per_class."""
        return {target: Means(means) for target, means in self._core.result().classes.items()}

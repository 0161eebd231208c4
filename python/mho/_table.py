"""A result as a pandas table."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas

from ._ranking import per


def to_pandas(layers: Mapping[str, np.ndarray], target: np.ndarray, by: str) -> pandas.DataFrame:
    """One row per example, layer and neuron or channel."""
    parts = []
    for name, values in layers.items():
        grouped = per(values, by)
        examples, shape = grouped.shape[0], grouped.shape[1:]
        neurons = int(np.prod(shape))
        indices = list(np.ndindex(*shape)) if len(shape) != 1 else range(neurons)
        parts.append(pandas.DataFrame({
            "example": np.repeat(np.arange(examples), neurons),
            "target": np.repeat(target, neurons),
            "layer": name,
            "index": list(indices) * examples,
            "value": grouped.reshape(-1),
        }))
    columns = ["example", "target", "layer", "index", "value"]
    return pandas.concat(parts, ignore_index=True) if parts else pandas.DataFrame(columns=columns)

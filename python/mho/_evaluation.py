"""What Model.evaluate() returns: how well each method predicts what happens when units are removed."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import IoError, NotFoundError

if TYPE_CHECKING:
    import pandas

_FORMAT = "mho evaluation 1"
_SHOWN = ("deletion_area", "insertion_area", "spearman", "completeness", "infidelity_scaled", "max_sensitivity")


class Evaluation(Mapping[str, Any]):
    """A mapping with the contents of `mho evaluate --json` (docs/cli.md): examples, methods, layers, metadata, …

    score(layer, method, metric) is one number; to_pandas() all of them.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = dict(document)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Evaluation:
        """What save() or `mho evaluate -o` wrote. Raises IoError for other files."""
        try:
            document = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise IoError(f"{path} cannot be read as an evaluation: {error}") from error
        if not isinstance(document, dict) or document.get("format") != _FORMAT:
            raise IoError(f"{path} is no evaluation of mho")
        return Evaluation(document)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the document as JSON; under a temporary name first, so that no half of a file is ever seen."""
        target = Path(path)
        text = json.dumps(_plain(self._document), indent=2, ensure_ascii=False)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=target.name, suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text + "\n")
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise

    def __getitem__(self, key: str) -> Any:
        return self._document[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._document)

    def __len__(self) -> int:
        return len(self._document)

    def layer(self, name: str) -> Mapping[str, Any]:
        """One layer's units, removed, methods and overlap."""
        return _named(self["layers"], name, "layer")

    def score(self, layer: str, method: str, metric: str) -> float:
        """The mean (or median) over examples; NaN where the metric is not defined."""
        scores = _named(self.layer(layer)["methods"], method, "method")["scores"]
        if metric not in scores:
            raise NotFoundError(f"no metric '{metric}'; there are {', '.join(scores)}")
        value = scores[metric]["value"]
        return float("nan") if value is None else float(value)

    def to_pandas(self) -> pandas.DataFrame:
        """One row per layer, method and metric: value with its interval, low to high."""
        import pandas

        rows = [
            {"layer": layer["name"], "method": method["name"], "reference": method["reference"], "metric": metric,
             "value": score["value"], "low": score["low"], "high": score["high"]}
            for layer in self["layers"] for method in layer["methods"] for metric, score in method["scores"].items()]
        columns = ["layer", "method", "reference", "metric", "value", "low", "high"]
        return pandas.DataFrame(rows, columns=columns).astype({"value": float, "low": float, "high": float})

    def __repr__(self) -> str:
        count = len(self["examples"])
        methods = ", ".join(method["name"] for method in self["methods"])
        layers = ", ".join(layer["name"] for layer in self["layers"])
        return f"<mho.Evaluation {methods}: {count} example{'s' if count != 1 else ''}, layers {layers}>"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(text)}</th>" for text in ("layer", "method", *_SHOWN))
        body = ""
        for layer in self["layers"]:
            for method in layer["methods"]:
                name = f"({method['name']})" if method["reference"] else method["name"]
                cells = (_cell(method["scores"][metric]) for metric in _SHOWN)
                row = "".join(f"<td>{escape(text)}</td>" for text in (layer["name"], name, *cells))
                body += f"<tr>{row}</tr>"
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _named(items: list[Mapping[str, Any]], name: str, kind: str) -> Mapping[str, Any]:
    for item in items:
        if item["name"] == name:
            return item
    raise NotFoundError(f"no {kind} '{name}'; there are {', '.join(item['name'] for item in items)}")


def _cell(score: Mapping[str, Any]) -> str:
    value, low, high = (float("nan") if score[key] is None else score[key] for key in ("value", "low", "high"))
    if np.isnan(value):
        return ""
    return f"{value:.3g}" if np.isnan(low) else f"{value:.3g} [{low:.3g}, {high:.3g}]"


def _plain(value: Any) -> Any:
    """As JSON has it: lists for arrays, None for NaN."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value

"""How models and results look in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from ._ranking import rank

if TYPE_CHECKING:
    from ._model import Model
    from ._result import Result

_MOST_ROWS = 60


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = "".join(f"<th style='text-align:left'>{escape(text)}</th>" for text in head)
    body = "".join("<tr>" + "".join(f"<td style='text-align:left'>{escape(text)}</td>" for text in row) + "</tr>"
                   for row in rows)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"


def _number(values: np.ndarray) -> str:
    """The largest magnitude."""
    finite = np.abs(values[~np.isnan(values)])
    return f"{finite.max():.1e}" if finite.size else ""


def model_html(model: Model) -> str:
    """Inputs, outputs and layers of a model."""
    ports = [(kind, port.name, port.type, "×".join("?" if extent < 0 else str(extent) for extent in port.shape))
             for kind, ports in (("input", model.inputs), ("output", model.outputs)) for port in ports]
    text = f"<b>mho.Model</b> {escape(model.name)}" + _table(("", "name", "type", "shape"), ports)
    try:
        layers = model.layers
    except Exception as error:  # shapes that must be given: the note says so, the page stays
        return text + f"<p>{escape(str(error))}</p>"
    rows = [(layer.name, layer.op, "×".join(map(str, layer.shape)), "cut" if layer.cut else "")
            for layer in layers[:_MOST_ROWS]]
    more = f"<p>… and {len(layers) - _MOST_ROWS} more</p>" if len(layers) > _MOST_ROWS else ""
    return (f"{text}<details><summary>{len(layers)} layers</summary>"
            f"{_table(('layer', 'operator', 'shape', ''), rows)}{more}</details>")


def result_html(result: Result) -> str:
    """One row per layer of a result, and one per example."""
    rows = []
    for layer in result.layers[:_MOST_ROWS]:
        values = layer.values
        best = rank(layer.name, values, 1, None, "channel")
        top = f"{', '.join(map(str, best[0].index))} ({best[0].share:.0%})" if best else ""
        rows.append((layer.name, layer.op, "×".join(map(str, values.shape[1:])), "cut" if layer.cut else "",
                     _number(layer.residual), _number(layer.estimated_error), top))
    examples = [(str(i), str(result.target[i]), f"{result.f_input[i]:.4g}", f"{result.f_baseline[i]:.4g}",
                 str(result.evaluations[i]), "yes" if result.converged[i] else "no")
                for i in range(min(len(result.target), _MOST_ROWS))]
    heading = f"<b>mho.Result</b> {escape(result.metadata.get('method', ''))}, {len(result.target)} examples"
    layers = _table(("layer", "operator", "shape", "", "worst delta", "worst est. error", "top channel"), rows)
    table = _table(("example", "target", "F(x)", "F(x')", "evaluations", "converged"), examples)
    return f"{heading}{layers}<details><summary>examples</summary>{table}</details>"

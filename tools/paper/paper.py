"""The comparison of arXiv 1807.09946, made anew: writes docs/paper.md and its figures. Run by ./dev paper."""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import claims
import figures
import measurements
import mho
import numpy as np
from measurements import STEPS
from subjects import REPOSITORY, Subject, digits, motifs, reviews

DOCS = REPOSITORY / "docs"


def machine() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; columns behind the first are right-aligned."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def score(method: dict[str, Any], metric: str) -> str:
    """0.95 (0.93–0.97)."""
    value, low, high = (method["scores"][metric][key] for key in ("value", "low", "high"))
    if value is None or np.isnan(value):
        return ""
    return f"{value:.2f}" if low is None or np.isnan(low) else f"{value:.2f} ({low:.2f}–{high:.2f})"


def equality_section(found: dict[str, dict[str, Any]]) -> str:
    steps = next(iter(found.values()))["steps"]
    rows = [[name, f"{row['layer']} ({row['neurons']})", *(f"{d:.1e}" for d in row["distance"])]
            for name, row in found.items()]
    return f"""## 1. Total Conductance is Neuron Integrated Gradients
Conductance by its definition (arXiv 1805.12233), summed over the inputs, by the trapezoid rule with K segments, against NIG summed over the linear
pieces of the path (exact); double precision, one example. The distance is the quadrature error of conductance: it falls with K, and nothing is left
of it in the limit.

{table(["network", "layer (neurons)", *(f"K = {k}" for k in steps)], rows)}"""


def cost_section(rows: list[dict[str, Any]]) -> str:
    cells = [[row["layer"], str(row["neurons"]), f"{1e3 * row['conductance']:.1f}", f"{1e3 * row['nig']:.2f}",
              f"{row['conductance'] / row['nig']:.0f}"] for row in sorted(rows, key=lambda row: row["neurons"])]
    return f"""## 2. What conductance costs
One backward pass per neuron and point of the path, against one per point: ms per example of the digits network, one layer, 32 trapezoid segments each.

{table(["layer", "neurons", "conductance, ms", "NIG, ms", "ratio"], cells)}
![time against neurons](img/paper-cost.png)
"""


def convergence_section(found: dict[str, dict[str, list[float]]]) -> str:
    parts = []
    for name, rules in found.items():
        rows = [[rule, *(f"{error:.1e}" for error in errors)] for rule, errors in rules.items()]
        parts.append(f"{name}:\n\n{table(['rule', *map(str, STEPS)], rows)}")
    return f"""## 3. Convergence
Relative L1 error of NIG over all neurons of the first layer, 8 examples, against the exact sum over linear pieces, by number of segments, in single precision. *secant* puts
DeepLIFT's multipliers between neighbouring points in the place of gradients: its sums are complete for any number of segments.

{chr(10).join(parts)}
![error against segments](img/paper-convergence.png)
"""


def prediction_section(evaluations: dict[str, mho.Evaluation]) -> str:
    parts = []
    for name, evaluation in evaluations.items():
        rows = [[layer["name"], f"({method['name']})" if method["reference"] else method["name"],
                 *(score(method, metric) for metric in ("spearman", "kendall", "deletion_area", "insertion_area",
                                                        "completeness"))]
                for layer in evaluation["layers"] for method in layer["methods"]]
        parts.append(f"{name}:\n\n" + table(["layer", "method", "Spearman", "Kendall", "deletion area", "insertion area",
                                            "completeness residual"], rows))
    return f"""## 4. Which measure predicts ablation
`mho evaluate`: channels of a layer (neurons where there are no positions) are set to what they are at the baseline, and the network is run again. Rank correlation of a
measure with ablating channel by channel; areas below the curves that result when the channels a measure likes best are taken first (deletion: small is good) or
put back first (insertion: large is good). Means over examples with 95 % bootstrap intervals. In parentheses: what to judge by.

{chr(10).join(parts)}
![deletion curves](img/paper-deletion.png)
"""


def time_section(found: dict[str, list[dict[str, Any]]]) -> str:
    parts = []
    for name, rows in found.items():
        least = min(row["seconds"] for row in rows)
        cells = [[row["setting"], f"{1e3 * row['seconds']:.1f}", f"{row['seconds'] / least:.1f}",
                  f"{row['evaluations']:.1f}", "" if np.isnan(row["delta"]) else f"{row['delta']:.1e}"] for row in rows]
        parts.append(f"{name}:\n\n" + table(["method", "ms", "ratio", "evaluations per example", "worst delta"], cells))
    return f"""## 5. Run time of DeepLIFT and NIG
All examples and all layers of the tables above in one call, float32; medians of 3. *Delta* is the sum of attributions less F(x) − F(x').

{chr(10).join(parts)}"""


def measure(subjects: list[Subject], images: Path) -> str:
    """Everything, and the sections of the page."""
    linear = [subject for subject in subjects if subject.name != "reviews"]
    equal = {subject.name: measurements.equality(subject) for subject in linear}
    costs = measurements.cost(subjects[0])
    errors = {subject.name: measurements.convergence(subject) for subject in subjects}
    evaluations = {subject.name: measurements.prediction(subject) for subject in subjects}
    times = {subject.name: measurements.run_time(subject) for subject in subjects}
    figures.cost(costs, images / "paper-cost.png")
    figures.convergence(errors, images / "paper-convergence.png")
    figures.deletion(evaluations, {subject.name: subject.small_layer for subject in subjects},
                     images / "paper-deletion.png")
    return "\n".join([claims.section(equal, costs, evaluations, times), equality_section(equal), cost_section(costs),
                      convergence_section(errors), prediction_section(evaluations), time_section(times)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MHO_DATA", REPOSITORY.parent / "shared" / "data")))
    parser.add_argument("--output", type=Path, default=DOCS / "paper.md")
    arguments = parser.parse_args()
    start = time.perf_counter()
    text_network = reviews(arguments.data)
    subjects = [digits(), motifs(), *([text_network] if text_network else [])]
    (arguments.output.parent / "img").mkdir(exist_ok=True)
    sections = measure(subjects, arguments.output.parent / "img")
    networks = "\n".join(f"- **{subject.name}**: {subject.about}." for subject in subjects)
    if not text_network:
        networks += f"\n- The text CNN was left out: {arguments.data}/datasets/rt-polarity.pos is not there."
    page = f"""# The paper's comparison

Made by `./dev paper` (tools/paper/): the comparison of *Computationally Efficient Measures of Internal Neuron Importance*
([arXiv 1807.09946](https://arxiv.org/abs/1807.09946)) on three networks that the project trains itself.

mho {mho.__version__}, Python {platform.python_version()}, NumPy {np.__version__}; {machine()}, {os.cpu_count()} threads; {date.today()}; {time.perf_counter() - start:.0f} s in all.

{networks}

{sections}"""
    temporary = arguments.output.with_suffix(".tmp")
    temporary.write_text("\n".join(line.rstrip() for line in page.splitlines()) + "\n", encoding="utf-8")
    temporary.replace(arguments.output)
    print(f"wrote {arguments.output} in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()

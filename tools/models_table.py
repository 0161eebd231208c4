"""docs/models.md: what happens to every real model of the data folder. `./dev models` runs it.

For each model: does it load; do its outputs agree with the recorded ones and with ONNX Runtime; are NIG and DeepLIFT
complete at an early, a middle and a late layer.
"""

import argparse
from dataclasses import dataclass, field
import json
from pathlib import Path
import subprocess
import tempfile
import time

import numpy as np
import onnxruntime

import model_inputs

OUTPUT_TOLERANCE = 1e-4  # relative to the largest output
TOLERANCE = 1e-2  # mho's default for NIG
DEEPLIFT_TOLERANCE = 1e-4  # float32 rounding
POSITIONS = (0.05, 0.5, 0.95)  # early, middle, late
# Magika: its padding. Silero: quiet sound, for it takes square roots of power, with infinite slope at silence. 0 elsewhere.
BASELINES = {"magika_standard_v3_3": 256, "silero_vad_v4": 0.01}
SMALLEST_OUTPUT = 1e-6  # differences from outputs that are all 0 are relative to this


class Mho:
    """The program, with its failures as exceptions."""

    def __init__(self, program):
        self.program = str(program)

    def call(self, *arguments, timeout=600):
        done = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True, timeout=timeout)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines()
            raise RuntimeError(lines[-1] if lines else f"exit status {done.returncode}")
        return done.stdout

    def inspect(self, model, feeds):
        shapes = [f"--shape={name}={','.join(map(str, value.shape))}" for name, value in feeds.items()]
        return json.loads(self.call("inspect", model, "--json", *shapes))

    def attribute(self, model, inputs, layers, *options):
        """The arrays of the result file, the last --json object, and the seconds it took."""
        with tempfile.TemporaryDirectory() as folder:
            result = Path(folder) / "result.npz"
            arguments = ["attribute", model, "-o", result, "--quiet", *options]
            for name, path in inputs.items():
                arguments += ["-i", f"{name}={path}"]
            for layer in layers:
                arguments += ["-l", layer]
            start = time.monotonic()
            self.call(*arguments)
            seconds = time.monotonic() - start
            with np.load(result) as arrays:
                return dict(arrays), seconds


@dataclass
class Row:
    model: str
    loads: str = ""
    recorded: str = ""
    runtime: str = ""
    layers: list = field(default_factory=list)  # (name, residual or None where no cut, estimate)
    deeplift: list = field(default_factory=list)  # residuals, likewise
    evaluations: str = ""
    seconds: str = ""
    batching: str = ""
    note: str = ""
    agrees: bool = False
    complete: bool = False  # residual within the tolerance at all cuts
    converged: bool = False  # estimated error too
    exact: bool = False  # DeepLIFT's residual within float32 rounding at all cuts


def reference_outputs(path, feeds):
    """ONNX Runtime's outputs by name; models that declare batch 1 are run example by example."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options)
    names = [o.name for o in session.get_outputs()]
    declared = session.get_inputs()[0].shape[0]
    n = len(next(iter(feeds.values())))
    if declared == 1 and n > 1:
        rows = [session.run(None, {k: v[i : i + 1] for k, v in feeds.items()}) for i in range(n)]
        return {name: np.concatenate(parts) for name, parts in zip(names, zip(*rows))}
    return dict(zip(names, session.run(None, feeds)))


def relative_error(ours, reference):
    if ours.size != reference.size:
        raise RuntimeError(f"output of shape {list(ours.shape)}, expected {list(reference.shape)}")
    return float(np.abs(ours.reshape(reference.shape) - reference).max() / max(np.abs(reference).max(), SMALLEST_OUTPUT))


def pick(layers):
    """Three layers by position, cuts first; the input itself is none of them."""
    names = [layer for layer in layers if layer["op"] != "Input"]
    cuts = [layer for layer in names if layer["cut"]]
    pool = cuts if len(cuts) >= 3 else names
    if not pool:
        return []
    chosen = []
    for position in POSITIONS:
        wanted = position * (len(names) - 1)
        rest = [layer for layer in pool if layer not in chosen] or pool
        chosen.append(min(rest, key=lambda layer: abs(names.index(layer) - wanted)))
    return [layer["name"] for layer in chosen]


def compare_outputs(mho, path, files, feeds, recorded, row):
    worst = {"recorded": [], "runtime": []}
    expected = reference_outputs(path, feeds)
    for name, reference in expected.items():
        arrays, _ = mho.attribute(path, files, [name], "-m", "activation", "--probability", "--output", name)
        worst["runtime"].append(relative_error(arrays[name], reference))
        if recorded and name in recorded:
            worst["recorded"].append(relative_error(arrays[name], recorded[name]))
    row.runtime = f"{max(worst['runtime']):.1e}"
    row.recorded = f"{max(worst['recorded']):.1e}" if worst["recorded"] else ""
    return min(max(errors) for errors in worst.values() if errors) <= OUTPUT_TOLERANCE


def residual_of(arrays, name):
    """Worst |sum - dF| / sum of |attributions|; None where the layer is no cut."""
    residual = arrays.get(f"mho/residual/{name}")
    if residual is None or residual.size == 0:
        return None
    size = np.abs(arrays[name]).sum(axis=tuple(range(1, arrays[name].ndim)))
    return float(np.max(np.abs(residual) / np.maximum(size, 1e-30)))


def run_nig(mho, path, files, layers, row):
    baseline = BASELINES.get(path.stem, 0)
    arrays, seconds = mho.attribute(path, files, layers, "-m", "nig", "--tolerance", TOLERANCE, "-b", baseline)
    row.layers = [(name, residual_of(arrays, name), float(np.max(arrays[f"mho/estimated_error/{name}"])))
                  for name in layers]
    row.evaluations = "/".join(str(int(e)) for e in arrays["mho/evaluations"])
    row.seconds = f"{seconds:.2f}"
    row.complete = all(residual is None or residual <= TOLERANCE for _, residual, _ in row.layers)
    row.converged = bool(arrays["mho/converged"].all())
    if not row.converged:
        row.note = "the estimated error is above the tolerance with the most segments allowed (1,024): mho says so and " \
                   "goes no further unless --max-steps lets it"


def run_deeplift(mho, path, files, layers, row):
    baseline = BASELINES.get(path.stem, 0)
    arrays, seconds = mho.attribute(path, files, layers, "-m", "deeplift", "-b", baseline)
    row.deeplift = [residual_of(arrays, name) for name in layers]
    row.seconds += f" / {seconds:.2f}"
    row.exact = all(residual is None or residual <= DEEPLIFT_TOLERANCE for residual in row.deeplift)


def examine(mho, path, data):
    row = Row(path.stem)
    feeds, recorded = model_inputs.make(path, data)
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for i, (name, value) in enumerate(feeds.items()):
            files[name] = Path(folder) / f"{i}.npy"
            np.save(files[name], value)
        try:
            facts = mho.inspect(path, feeds)
            row.loads = "yes"
            row.batching = facts["batching"]
            row.agrees = compare_outputs(mho, path, files, feeds, recorded, row)
            layers = pick(facts["layers"])
            if not layers:
                row.note = "no layer is differentiable from the inputs"
                return row
            run_nig(mho, path, files, layers, row)
            run_deeplift(mho, path, files, layers, row)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            row.loads = row.loads or "no"
            row.note = str(error)
    return row


HEADER = """\
# Real models

Made by `./dev models` with mho {version} on {day}; do not edit. The models and inputs are those of the data folder's README (two
examples where the model is small). *Outputs*: largest difference, relative to the largest output, from the recorded
outputs and from ONNX Runtime {runtime}; the bound is {bound:.0e}. *NIG*: default tolerance {tolerance:.0e}, baseline 0 (Magika: its
padding; Silero: 0.01, for its gradient at silence is infinite), target argmax, at an early, a
middle and a late layer; *residual* is |Σ NIG − ΔF| / Σ |NIG| of the worst example, for layers that are cuts;
*estimate* is mho's own estimate of the relative error. *DeepLIFT*: Rescale, the same target, baseline and layers, and
the same residual. Evaluations (of NIG) are per example; seconds include loading.

Of {total} models {loads} load, {agrees} agree with a reference, NIG of {complete} is complete within the tolerance at all
cuts, and in {converged} the estimated error of every layer is within it too. DeepLIFT's sums are exact to
{exact_bound:.0e} at all cuts of {exact} models.

| model | loads | outputs: recorded | outputs: ORT | layer: NIG residual, estimate; DeepLIFT residual | evaluations | seconds: NIG / DeepLIFT | how points are batched |
|---|---|---:|---:|---|---:|---:|---|
"""


def escape(text):
    return text.replace("|", "\\|").replace("\n", " ")


def render(rows, version):
    page = HEADER.format(version=version, day=time.strftime("%Y-%m-%d"), runtime=onnxruntime.__version__, bound=OUTPUT_TOLERANCE,
                         tolerance=TOLERANCE, total=len(rows), loads=sum(row.loads == "yes" for row in rows),
                         agrees=sum(row.agrees for row in rows), complete=sum(row.complete for row in rows),
                         converged=sum(row.converged for row in rows), exact=sum(row.exact for row in rows),
                         exact_bound=DEEPLIFT_TOLERANCE)
    for row in rows:
        error = lambda residual: "no cut" if residual is None else f"{residual:.1e}"
        layers = "<br>".join(f"`{escape(name)}`: {error(residual)}, {estimate:.1e}; {error(exact)}" for
                             (name, residual, estimate), exact in zip(row.layers, row.deeplift))
        cells = [f"`{row.model}`", row.loads, row.recorded, row.runtime, layers, row.evaluations, row.seconds,
                 escape(row.batching)]
        page += f"| {' | '.join(cells)} |\n"
    notes = [row for row in rows if row.note]
    if notes:
        page += "\n## What did not go through, or not all the way\n"
        page += "".join(f"- `{row.model}`: {escape(row.note)}\n" for row in notes)
    return page


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--only", default="*", help="glob of model names")
    arguments = parser.parse_args()
    mho = Mho(arguments.program)
    rows = []
    for path in sorted((arguments.data / "models").glob(f"{arguments.only}.onnx")):
        rows.append(examine(mho, path, arguments.data))
        print(f"{rows[-1].model}: {rows[-1].note or 'done'}", flush=True)
    arguments.output.write_text(render(rows, mho.call("--version").split()[-1]), encoding="utf-8")


if __name__ == "__main__":
    main()

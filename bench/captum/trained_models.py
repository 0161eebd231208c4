"""Segments and time that published, trained models take: those of the data folder. Captum cannot read ONNX."""

from pathlib import Path
import sys

import numpy as np

import harness

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

REFERENCE_SEGMENTS = 256
SEGMENTS = (1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 64, 96, 128, 192, 256)
ERRORS = (5e-2, 1e-2)
ROWS = {
    "cifar10_resnet20, middle layer": ("cifar10_resnet20", "/layer2/layer2.1/Relu_1_output_0"),
    "cifar10_resnet20, late layer": ("cifar10_resnet20", "/layer3/layer3.1/Relu_1_output_0"),
    "burn_mnist_op16, second ReLU": ("burn_mnist_op16", "/Relu_1_output_0"),
    "burn_mnist_op16, last ReLU": ("burn_mnist_op16", "/Relu_3_output_0"),
}
CAPTION = f"""## Trained models of others

Published ONNX models and real pictures, two examples at once. Captum has no ONNX, so that there is nothing to compare with. *Error*:
against mho in double precision with {REFERENCE_SEGMENTS} secants. The fewest segments that reach it (">": not even the most
that were tried), and the milliseconds per example with that many.
"""


def reference(bench, case, name):
    path = bench.folder / f"{name.replace(', ', '_').replace(' ', '_')}.double.npz"
    if path.exists():
        with np.load(path) as arrays:
            return [arrays["values"]]
    harness.say(f"  mho in double precision for {path.name}")
    values = case.run("double:secant", REFERENCE_SEGMENTS)["values"]
    np.savez(path, values=values[0])
    return values


def trained_row(bench, data, name, model, layer):
    import model_inputs

    inputs, _ = model_inputs.make(model, data)
    pixels = next(iter(inputs.values()))
    file = bench.folder / f"{model}_inputs.npy"
    np.save(file, pixels)
    case = harness.Case(bench.program, data / "models" / f"{model}.onnx", file, [layer])
    expected = reference(bench, case, name)
    errors, cells = {}, []
    for rule in ("trapezoid", "secant"):
        for wanted in ERRORS:
            reached = False
            for steps in SEGMENTS:
                if (rule, steps) not in errors:
                    errors[rule, steps] = harness.relative_error(case.run(rule, steps)["values"], expected)
                reached = errors[rule, steps] <= wanted
                if reached:
                    break
            if not reached:
                cells += [f"> {steps}", ""]
                continue
            timer = harness.timer_of_case(case, rule, steps)
            ms = 1e3 * harness.median([timer() for _ in range(harness.ROUNDS)]) / len(pixels)
            cells += [f"{steps}", f"{ms:.2f}"]
    return f"| {name} | {' | '.join(cells)} |"


def section(bench, data):
    wanted = {name: row for name, row in ROWS.items() if bench.wants(f"trained {name}")}
    if not wanted:
        return []
    if not (data / "models").is_dir():
        harness.say(f"no trained models in {data}: left out")
        return ["## Trained models of others", "", "Not measured: the data folder was not there.", ""]
    lines = [CAPTION, "| model, layer | trapezoid to 5e-2 | ms | to 1e-2 | ms | secant to 5e-2 | ms | to 1e-2 | ms |",
             "|---|---:|---:|---:|---:|---:|---:|---:|---:|"]
    for name, (model, layer) in wanted.items():
        lines.append(trained_row(bench, data, name, model, layer))
        harness.say(lines[-1])
    return [*lines, ""]

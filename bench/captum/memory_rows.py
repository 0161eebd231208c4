"""Peak memory over the weights, ResNet-50 shape, one layer: Captum's processes and mho's, as the path gets finer."""

from pathlib import Path
import subprocess
import sys

import harness
import nig_rows

NAME = "memory, resnet50"
SEGMENTS = (16, 64, 256)
STEPS = (50, 200)
SMALLEST = 2  # internal_batch_size: the smallest that LayerConductance takes for one example
WANTED = 20  # times as much as mho
CAPTION = """## Memory

A process for itself explains one layer of the ResNet-50 shape once. *Over the weights*: its peak resident memory less what is resident
when the network is loaded (mho packs the weights anew for forward and backward runs: those copies count). internal_batch_size 2 is the
smallest there is for one example, None the default.
"""


def captum_memory(folder, steps, batch):
    """MiB when loaded, MiB at most; None where the process died."""
    script = Path(__file__).with_name("captum_memory.py")
    done = subprocess.run([sys.executable, script, folder, str(steps), str(batch)], capture_output=True, text=True,
                          check=False)
    return [float(word) for word in done.stdout.split()] if done.returncode == 0 else None


def available_mib():
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) / 1024
    return 0.0


def captum_lines(bench, most):
    """`most`: what mho needs over the weights."""
    for batch in (None, SMALLEST):
        over = 0.0
        for steps in STEPS:
            label = f"Captum, {steps} steps, internal_batch_size {batch}"
            expected = over * steps / STEPS[0]
            if batch is None and expected > 0.85 * available_mib():
                told = harness.verdict(expected / most, WANTED)
                yield f"| {label} | | about {expected:.0f} (not run: more than there is) | {told} |"
                continue
            memory = captum_memory(bench.folder, steps, batch or 0)
            bench.raw[NAME][label] = memory
            if memory is None:
                yield f"| {label} | | the process failed | |"
                continue
            over = memory[1] - memory[0]
            yield f"| {label} | {memory[1]:.0f} | {over:.0f} | {harness.verdict(over / most, WANTED)} |"


def section(bench):
    if not bench.wants(NAME):
        return []
    harness.say(f"{NAME} …")
    _, _, _, case = nig_rows.prepared(bench, nig_rows.ROWS["resnet50, 224 x 224"])
    answers = {steps: case.run("secant", steps) for steps in SEGMENTS}
    over = {steps: answer["peak_mib"] - answer["loaded_mib"] for steps, answer in answers.items()}
    weights, least, most = case.model.stat().st_size / 2**20, over[SEGMENTS[0]], over[SEGMENTS[-1]]
    bench.raw[NAME] = {"mho, over the weights": over, "weights": weights}
    lines = [CAPTION, f"| | peak MiB | over the weights, MiB | ÷ mho, {SEGMENTS[-1]} segments |", "|---|---:|---:|---|"]
    lines += [f"| mho, {n} segments | {answers[n]['peak_mib']:.0f} | {mib:.0f} | |" for n, mib in over.items()]
    lines += captum_lines(bench, most)
    lines += ["", f"The ONNX file has {weights:.0f} MiB. From {SEGMENTS[0]} to {SEGMENTS[-1]} segments mho's memory over the weights changes by "
              f"{most / least - 1:+.1%}."]
    harness.say("\n".join(lines[1:]))
    return [*lines, ""]

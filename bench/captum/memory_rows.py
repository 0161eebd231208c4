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
MOST = 1 / 20
CAPTION = """## Memory

Peak resident memory of a process for itself that explains one layer of the ResNet-50 shape once. *Over the weights*: for mho, peak
less the bytes of the ONNX file; for Captum, peak less that of a process that loads PyTorch, Captum and the network and runs it once.
internal_batch_size 2 is the smallest there is for one example, None the default.
"""


def captum_peak(folder, steps, batch):
    """MiB, or None where the process died."""
    script = Path(__file__).with_name("captum_memory.py")
    done = subprocess.run([sys.executable, script, folder, str(steps), str(batch)], capture_output=True, text=True,
                          check=False)
    return float(done.stdout.split()[-1]) if done.returncode == 0 else None


def available_mib():
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) / 1024
    return 0.0


def section(bench):
    if not bench.wants(NAME):
        return []
    harness.say(f"{NAME} …")
    _, _, _, case = nig_rows.prepared(bench, nig_rows.ROWS["resnet50, 224 x 224"])
    weights = case.model.stat().st_size / 2**20
    loaded = case.run("load")["peak_mib"]
    lines = [CAPTION, f"The ONNX file has {weights:.0f} MiB; a process of mho that only loads it peaks at {loaded:.0f} MiB.", "",
             "| | peak MiB | over the weights, MiB | mho with 256 segments ÷ it |", "|---|---:|---:|---|"]
    own = {steps: case.run("secant", steps)["peak_mib"] for steps in SEGMENTS}
    most = own[SEGMENTS[-1]] - weights
    lines += [f"| mho, {steps} segments | {peak:.0f} | {peak - weights:.0f} | |" for steps, peak in own.items()]
    bare = captum_peak(bench.folder, 0, 0)
    bench.raw[NAME] = {"mho": own, "weights": weights, "captum, loaded": bare}
    for batch in (0, SMALLEST):
        over = 0.0
        for steps in STEPS:
            label = f"Captum, {steps} steps, internal_batch_size {batch or None}"
            expected = over * steps / STEPS[0] if batch == 0 else over
            if expected + bare > 0.85 * available_mib():
                lines.append(f"| {label} | not run | about {expected:.0f}, more than there is | "
                             f"1/{expected / most:.0f} of 1/20 |")
                continue
            peak = captum_peak(bench.folder, steps, batch)
            bench.raw[NAME][label] = peak
            if peak is None:
                lines.append(f"| {label} | failed | | |")
                continue
            over = peak - bare
            reached = "" if most <= MOST * over else ", not reached"
            lines.append(f"| {label} | {peak:.0f} | {over:.0f} | 1/{over / most:.1f} of 1/20{reached} |")
    grown = (own[SEGMENTS[-1]] - own[SEGMENTS[0]]) / (own[SEGMENTS[0]] - weights)
    lines += ["", f"From {SEGMENTS[0]} to {SEGMENTS[-1]} segments mho's memory over the weights changes by {grown:+.1%}."]
    for line in lines[1:]:
        harness.say(line)
    return [*lines, ""]

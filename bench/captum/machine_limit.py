"""How near an evaluation of a convolutional network comes to what the cores can do at all."""

import json
import subprocess

import harness
import nig_rows

NAME = "share of peak"
WANTED = 80
# Rows of nig_rows with a rule and a number of segments.
CASES = (("resnet50, 224 x 224", "trapezoid", 128), ("resnet50, 224 x 224", "secant", 64),
         ("resnet20, middle layer, 16 examples", "trapezoid", 64), ("resnet20, middle layer, 16 examples", "secant", 64))
CAPTION = """## The machine's limit

GFLOP/s: operations of convolutions and matrix products in all evaluations, divided by the whole time of the call, path sums included.
Convolutions count as *direct* ones: those that are made by Winograd's method multiply less than they are credited with, so that this is
how fast the answer comes and not how busy the multipliers are, and the share may exceed what the method alone could reach. The peak
is what fused multiply-adds reach register to register (bench/support/peak.h), measured before and after each row, the larger counts.
"""


def peak(bench):
    done = subprocess.run([bench.program, "peak"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def section(bench):
    if not bench.wants(NAME):
        return []
    lines = [CAPTION, "| network | path | forward, backward GFLOP | ms / evaluation | GFLOP/s, as direct | peak GFLOP/s | share, % |",
             "|---|---|---:|---:|---:|---:|---|"]
    for row, rule, segments in CASES:
        _, x, _, case = nig_rows.prepared(bench, nig_rows.ROWS[row])
        before = peak(bench)
        repeats = 3 if "resnet50" in row else 6
        answer = case.run(rule, segments, repeats=repeats, extra=["flops"])
        limit = max(before["gflops"], peak(bench)["gflops"])
        # A secant is a forward run per point and a backward one per segment; a trapezoid both per point.
        backward = segments if rule == "secant" else segments + 1
        flops = len(x) * ((segments + 1) * answer["forward_flops"] + backward * answer["backward_flops"])
        rate = flops / answer["median"] / 1e9
        bench.raw[f"{NAME}: {row}, {rule}"] = {"seconds": answer["seconds"], "peak": limit, "rate": rate}
        share = 100 * rate / limit
        if share < WANTED:
            bench.profiled.append((f"{row}, {rule}: share of peak", case, rule, segments))
        lines.append(f"| {row} | {rule} {segments} | {answer['forward_flops'] / 1e9:.3g}, "
                     f"{answer['backward_flops'] / 1e9:.3g} | {1e3 * answer['median'] / (len(x) * (segments + 1)):.2f} | "
                     f"{rate:.0f} | {limit:.0f} ({before['instructions']}) | {harness.verdict(share, WANTED)} |")
        harness.say(lines[-1])
    return [*lines, ""]

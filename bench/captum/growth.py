"""How the cost grows with the work: examples, segments, layers, depth, size of the picture; each with its slope."""

from dataclasses import dataclass

from captum.attr import LayerConductance
import numpy as np
import torch

import harness
import networks
import nig_rows

SEGMENTS = 12  # secants, where another number grows
ROUNDS = 3
CAPTION = f"""## As work grows

mho takes {SEGMENTS} secants per path where nothing else is said, Captum 50 steps and internal_batch_size 16, one call per layer. Medians of
{ROUNDS} rounds, in turn. *Slope*: of a straight line through the logarithms of both columns, by least squares; 1 is proportional.
"""


@dataclass
class Point:
    size: float  # of the work
    case: harness.Case
    steps: int
    captum: object = None  # a call, or None


def case_of(bench, kind, net, x, modules):
    path = harness.export(net, x, bench.folder / f"{kind}.onnx")
    data = bench.folder / f"{kind}_grown.npy"
    np.save(data, x.numpy())
    return harness.Case(bench.program, path, data, harness.tensor_names(net, modules, x, path))


def captum_call(net, modules, x, steps=50):
    with torch.no_grad():
        targets = net(x).argmax(1)
    explainers = [LayerConductance(net, net.get_submodule(name)) for name in modules]
    batch = max(16, 2 * len(x))
    return lambda: [e.attribute(x, baselines=0.0, target=targets, n_steps=steps, internal_batch_size=batch)
                    for e in explainers]


def with_examples(bench):
    """Files of their own: run_mho takes all examples of its input."""
    net, unseen = networks.make("cnn", bench.folder)
    modules = ["relu2"]
    for count in (1, 3, 10, 30, 100, 300, 1000):
        x = unseen.repeat(4, 1, 1, 1)[:count].contiguous()
        case = case_of(bench, "cnn", net, x, modules)
        case.data = bench.folder / f"cnn_{count}_grown.npy"
        np.save(case.data, x.numpy())
        yield Point(count, case, SEGMENTS, captum_call(net, modules, x) if count <= 100 else None)


def with_segments(bench):
    row = nig_rows.ROWS["resnet20, middle layer"]
    net, x, _, case = nig_rows.prepared(bench, row)
    for steps in (8, 16, 32, 64, 128, 256, 512):
        yield Point(steps, case, steps, captum_call(net, row.modules, x, steps))


def with_layers(bench):
    row = nig_rows.ROWS["resnet20, all cut layers"]
    net, x, _, case = nig_rows.prepared(bench, row)
    for count in (1, 2, 3, 5, 7, 10):
        # The first layers, so that the path through the network is equally long.
        part = harness.Case(case.program, case.model, case.data, case.layers[:count])
        yield Point(count, part, SEGMENTS, captum_call(net, row.modules[:count], x))


def with_depth(bench):
    for depth in (8, 14, 20, 32, 44):
        net, unseen = networks.residual(depth, 32, bench.folder)
        # The cut in the middle.
        modules = [f"blocks.{(depth - 2) // 4}.relu2"]
        x = unseen[:1].contiguous()
        yield Point(depth, case_of(bench, f"resnet_{depth}", net, x, modules), SEGMENTS, captum_call(net, modules, x))


def with_pixels(bench):
    for size in (16, 24, 32, 48, 64, 96):
        net, unseen = networks.residual(20, size, bench.folder)
        x, modules = unseen[:1].contiguous(), ["blocks.4.relu2"]
        yield Point(size * size, case_of(bench, f"resnet20_{size}px", net, x, modules), SEGMENTS,
                    captum_call(net, modules, x))


TABLES = {
    "examples": ("examples, cnn, one layer", with_examples),
    "segments": ("segments, resnet20, middle layer", with_segments),
    "layers": ("layers, resnet20", with_layers),
    "depth": ("depth, ResNets of CIFAR size, one layer", with_depth),
    "pixels": ("pixels, resnet20, middle layer", with_pixels),
}


def table(bench, title, points):
    points = list(points)
    timers = {}
    for i, point in enumerate(points):
        timers[i, "mho"] = harness.timer_of_case(point.case, "secant", point.steps)
        if point.captum:
            point.captum()
            timers[i, "captum"] = harness.timer_of_call(point.captum)
    seconds = {key: harness.median(values) for key, values in harness.in_turn(timers, ROUNDS).items()}
    bench.raw[f"growth, {title}"] = [[point.size, seconds[i, "mho"], seconds.get((i, "captum"))]
                                     for i, point in enumerate(points)]
    lines = [f"| {title} | mho ms | Captum ms | Captum ÷ mho |", "|---:|---:|---:|---:|"]
    for i, point in enumerate(points):
        own, theirs = seconds[i, "mho"], seconds.get((i, "captum"))
        told = f"{1e3 * theirs:.1f} | {theirs / own:.1f}" if theirs else " | "
        lines.append(f"| {point.size:g} | {1e3 * own:.2f} | {told} |")
    slopes = {}
    for who in ("mho", "captum"):
        known = [(point.size, seconds[i, who]) for i, point in enumerate(points) if (i, who) in seconds]
        slopes[who] = harness.slope(*zip(*known))
    lines.append(f"| slope | {slopes['mho']:.2f} | {slopes['captum']:.2f} | |")
    return [*lines, ""]


def section(bench):
    lines = []
    for name, (title, points) in TABLES.items():
        if bench.wants(f"growth, {name}"):
            harness.say(f"growth, {name} …")
            found = table(bench, title, points(bench))
            harness.say("\n".join(found))
            lines += found
    return [CAPTION, *lines] if lines else []

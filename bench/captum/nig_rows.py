"""NIG and DeepLIFT of the networks of networks.py: Captum, mho by its rules, the expert's PyTorch."""

from dataclasses import dataclass

from captum.attr import LayerConductance, LayerDeepLift
import numpy as np
import torch

import expert_run
import float64_reference
import harness
import networks

SEGMENTS = (*range(1, 17), 18, 20, 22, 24, 28, 32, 40, 48, 64, 96, 128, 192, 256)
FLOOR = 1e-6  # float32 does no better where a rule is exact


@dataclass
class Row:
    kind: str
    examples: int
    modules: list  # the layers
    segments: int  # of the float64 reference
    wanted: float  # times as fast as Captum
    expert: float  # times as fast as the expert
    power: int = 1


BLOCKS = [f"blocks.{i}.relu2" for i in range(9)]
ROWS = {
    "cnn, middle layer": Row("cnn", 1, ["relu2"], 2048, 10, 3),
    "cnn, late layer": Row("cnn", 1, ["relu3"], 2048, 15, 3),
    "cnn, all cut layers": Row("cnn", 1, ["relu1", "pool1", "relu2", "pool2", "relu3"], 2048, 50, 3),
    "resnet20, middle layer": Row("resnet20", 1, ["blocks.4.relu2"], 2048, 10, 3),
    "resnet20, late layer": Row("resnet20", 1, ["blocks.7.relu2"], 2048, 15, 3),
    "resnet20, all cut layers": Row("resnet20", 1, ["relu", *BLOCKS], 2048, 50, 3),
    "resnet20, middle layer, 16 examples": Row("resnet20", 16, ["blocks.4.relu2"], 1024, 10, 3),
    "mlp, batch 64": Row("mlp", 64, ["relu2"], 2048, 15, 3),
    "encoder, 128 tokens": Row("encoder", 1, ["layers.1"], 1024, 8, 1, power=3),
    "resnet50, 224 x 224": Row("resnet50", 1, ["blocks.8.relu3"], 256, 7, 1.3),
}
DEEPLIFT_ROWS = {"DeepLIFT, resnet50": Row("resnet50", 1, ["blocks.8.relu3"], 0, 3, 0)}

CAPTION = """## NIG at equal error

*Error*: relative L1 over all neurons, the largest of the layers, against NIG by PyTorch in float64. *Captum*: LayerConductance with
50 steps, one call per layer, at its fastest internal_batch_size and with the better of two rules. *Trapezoid*, *its choice*: mho with the
fewest segments whose error is no larger than Captum's (1e-6 where Captum is exact), by equally spaced trapezoids and by `--steps N` alone
(secants; on the transformer trapezoids; points graded). *Adaptive*: mho told Captum's error as its tolerance, finding the segments and proving the error itself. All take turns, a round each. Times are of the call alone, networks loaded
and warm.
"""
HEAD = ("| NIG | Captum ms | error | its best setting | trapezoid: segments | ms | error | ratio | its choice: segments | ms | "
        "error | ratio | adaptive: ms | error | ratio | Captum ÷ mho |\n"
        "|---|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|")
EXPERT_CAPTION = """## Against NIG hand-written in PyTorch

bench/captum/expert.py: mho's secants (the transformer: its trapezoids) at mho's points of the path, the whole path in one batch or in
parts where that is faster; nothing records a graph before the layer, and behind it the backward pass is written out; BatchNormalization
folded, channels_last, the first matrix product or convolution done once per example, and eager or compiled by torch.compile (warm,
weights frozen), whichever is faster. Timed in turn with the table above. *Agreement*: relative L1 distance of its values from mho's. Where
windows of a MaxPool hold equal values, rounding decides which of them wins: that is what is left at the layer in front of one.
"""
EXPERT_HEAD = ("| NIG | rule, segments | mho ms | expert eager ms | compiled ms | its best setting | ms | agreement | "
               "expert ÷ mho |\n|---|---|---:|---:|---:|---|---:|---:|---|")


def prepared(bench, row):
    """The network, its inputs and targets, and the case for run_mho."""
    net, examples = networks.make(row.kind, bench.folder)
    x = examples[: row.examples].contiguous()
    with torch.no_grad():
        targets = net(x).argmax(1)
    path = harness.export(net, x, bench.folder / f"{row.kind}.onnx")
    data = bench.folder / f"{row.kind}_{row.examples}.npy"
    np.save(data, x.numpy())
    layers = harness.tensor_names(net, row.modules, x, path)
    return net, x, targets, harness.Case(bench.program, path, data, layers)


class Captum:
    """LayerConductance at its best: which rule errs less, which internal_batch_size is fastest."""

    def __init__(self, net, modules, x, targets, expected):
        self.explainers = [LayerConductance(net, net.get_submodule(name)) for name in modules]
        self.x, self.targets, self.batch = x, targets, None
        errors = {}
        for self.method in ("gausslegendre", "riemann_trapezoid"):
            errors[self.method] = harness.relative_error(self(), expected)
        self.method = min(errors, key=errors.get)
        self.error = errors[self.method]
        timed = {}
        for self.batch in (None, 2 * len(x), 8 * len(x), 16 * len(x)):
            timed[self.batch] = harness.timer_of_call(self)() if len(timed) == 0 or timed[None] < 0.5 else self.once()
        self.batch = min(timed, key=timed.get)

    def once(self):
        return harness.seconds_of(self)

    def __call__(self):
        return [e.attribute(self.x, baselines=0.0, target=self.targets, n_steps=50, method=self.method,
                            internal_batch_size=self.batch).detach().numpy() for e in self.explainers]

    def setting(self):
        return f"{self.method}, internal_batch_size {self.batch}"


def fewest_segments(case, rule, expected, error):
    """The number, the error and run_mho's answer."""
    for steps in SEGMENTS:
        answer = case.run(rule, steps)
        found = harness.relative_error(answer["values"], expected)
        if found <= error:
            break
    return steps, found, answer


def nig_row(bench, name, row):
    """One line of each of the two tables."""
    net, x, targets, case = prepared(bench, row)
    reference = bench.folder / f"{name.replace(' ', '_').replace(',', '')}.reference.npz"
    part = 16 if row.kind == "resnet50" else 128
    expected = float64_reference.cached(reference, net, row.modules, x, targets, row.segments, part, row.power)
    theirs = Captum(net, row.modules, x, targets, expected)
    allowed = max(theirs.error, FLOOR)
    found = {rule: fewest_segments(case, rule, expected, allowed) for rule in ("trapezoid", "chosen")}
    own_rule = "chosen"
    segments, _, answer = found[own_rule]
    rival = expert_run.Expert(row.kind, net, row.modules, x, targets, segments, answer["grading"])
    agreement = harness.relative_error(rival(), answer["values"])
    adaptive = case.run("chosen", 0, allowed)
    timers = {"captum": harness.timer_of_call(theirs), "expert": harness.timer_of_call(rival),
              "adaptive": harness.timer_of_case(case, "chosen", 0, allowed)}
    for rule, (steps, _, _) in found.items():
        timers[rule] = harness.timer_of_case(case, rule, steps)
    seconds = harness.in_turn(timers)
    bench.raw[name] = {"seconds": seconds, "segments": {rule: f[0] for rule, f in found.items()}}
    ms = {key: 1e3 * harness.median(values) for key, values in seconds.items()}
    cells = [f"{steps} | {ms[rule]:.2f} | {error:.1e} | {ms['captum'] / ms[rule]:.1f}"
             for rule, (steps, error, _) in found.items()]
    best = min(found, key=lambda rule: ms[rule])
    own_error = harness.relative_error(adaptive["values"], expected)
    ratio, rival_ratio = ms["captum"] / ms[best], ms["expert"] / ms[own_rule]
    if ratio < row.wanted or rival_ratio < row.expert:
        bench.profiled.append((name, case, best, found[best][0]))
    line = (f"| {name} | {ms['captum']:.1f} | {theirs.error:.1e} | {theirs.setting()} | {' | '.join(cells)} | "
            f"{ms['adaptive']:.2f} | {own_error:.1e} | {ms['captum'] / ms['adaptive']:.1f} | "
            f"{harness.verdict(ratio, row.wanted)} |")
    compiled = "fails" if rival.compiled_seconds == float("inf") else f"{1e3 * rival.compiled_seconds:.2f}"
    rival_line = (f"| {name} | {own_rule}, {segments} | {ms[own_rule]:.2f} | {1e3 * rival.eager_seconds:.2f} | {compiled} | "
                  f"{rival.setting()} | {ms['expert']:.2f} | {agreement:.1e} | {harness.verdict(rival_ratio, row.expert)} |")
    return line, rival_line


def nig_section(bench):
    rows, rivals = [], []
    for name, row in ROWS.items():
        if not bench.wants(name):
            continue
        harness.say(f"{name} …")
        line, rival = nig_row(bench, name, row)
        harness.say(line)
        harness.say(rival)
        rows.append(line)
        rivals.append(rival)
    if not rows:
        return []
    return [CAPTION, HEAD, *rows, "", EXPERT_CAPTION, EXPERT_HEAD, *rivals, ""]


def deeplift_row(bench, name, row):
    net, x, targets, case = prepared(bench, row)
    with torch.no_grad():
        out, zero = net(x), net(torch.zeros_like(x))
    difference = float((out - zero)[torch.arange(len(x)), targets].sum())
    explainer = LayerDeepLift(net, net.get_submodule(row.modules[0]))

    def theirs():
        return explainer.attribute(x, baselines=0.0, target=targets)

    def residual(values):
        return abs(float(values.sum()) - difference) / float(abs(values).sum())

    seconds = harness.in_turn({"captum": harness.timer_of_call(theirs), "mho": harness.timer_of_case(case, "deeplift", 0)})
    bench.raw[name] = {"seconds": seconds}
    ms = {key: 1e3 * harness.median(values) for key, values in seconds.items()}
    ratio = ms["captum"] / ms["mho"]
    if ratio < row.wanted:
        bench.profiled.append((name, case, "deeplift", 0))
    return (f"| {name} | {ms['captum']:.1f} | {residual(theirs().detach().numpy()):.1e} | {ms['mho']:.1f} | "
            f"{residual(case.run('deeplift')['values'][0]):.1e} | {harness.verdict(ratio, row.wanted)} |")


def deeplift_section(bench):
    lines = []
    for name, row in DEEPLIFT_ROWS.items():
        if bench.wants(name):
            lines.append(deeplift_row(bench, name, row))
            harness.say(lines[-1])
    if not lines:
        return []
    return ["## DeepLIFT", "", "*Residual*: of summation-to-delta, relative to the sum of magnitudes. 0 is complete.", "",
            "| DeepLIFT | Captum ms | residual | mho ms | residual | Captum ÷ mho |", "|---|---:|---:|---:|---:|---|",
            *lines, ""]

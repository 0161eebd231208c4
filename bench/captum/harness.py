"""What every part of the comparison shares: running mho, timing in turns, exporting, errors."""

from dataclasses import dataclass, field
import json
import os
from pathlib import Path
import platform
import statistics
import subprocess
import time

import numpy as np
import torch

ROUNDS = int(os.environ.get("MHO_BENCH_ROUNDS", "5"))
ROUND_SECONDS = 0.15  # a round repeats what takes less, and its median counts


@dataclass
class Bench:
    """Where things are, and what was measured: `raw` is written beside the networks as results.json."""

    program: Path  # run_mho
    mho: Path  # the program mho
    folder: Path
    root: Path
    chosen: list = field(default_factory=list)
    raw: dict = field(default_factory=dict)
    profiled: list = field(default_factory=list)  # rows not reached: name, case, method, segments

    def wants(self, name):
        return not self.chosen or any(c in name for c in self.chosen)


def say(text):
    print(text, flush=True)


def layer_outputs(net, names, x):
    """The network's output and the values of the layers, with a graph behind them."""
    kept, hooks = {}, []
    for name in names:
        hooks.append(net.get_submodule(name).register_forward_hook(lambda _m, _i, y, name=name: kept.update({name: y})))
    try:
        out = net(x)
    finally:
        for hook in hooks:
            hook.remove()
    return out, [kept[name] for name in names]


def relative_error(values, expected):
    """The largest over layers of the relative L1 error over all examples."""
    return max(float(abs(v.reshape(e.shape) - e).sum() / abs(e).sum()) for v, e in zip(values, expected))


def export(net, x, path):
    torch.onnx.export(net, (x[:1],), str(path), dynamo=False, input_names=["x"], output_names=["y"],
                      dynamic_axes={"x": {0: "N"}, "y": {0: "N"}}, opset_version=17)
    return path


def tensor_names(net, names, x, path):
    """ONNX tensors by value: the module's output is found by running both."""
    import onnx
    import onnxruntime

    model = onnx.load(path)
    with torch.no_grad():
        _, ys = layer_outputs(net, names, x[:1])
    del model.graph.output[:]
    made = [out for node in model.graph.node if node.op_type != "Constant" for out in node.output]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(out) for out in made)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    values = dict(zip(made, session.run(made, {"x": x[:1].numpy()})))
    found = []
    for y in ys:
        y = y.numpy()
        same = [name for name, v in values.items() if getattr(v, "shape", None) == y.shape
                and v.dtype == y.dtype and abs(v - y).max() <= 1e-4 * abs(y).max()]
        found.append(same[0])
    return found


@dataclass
class Case:
    """One network, exported, with inputs and layers, for run_mho."""

    program: Path
    model: Path
    data: Path
    layers: list

    def run(self, method, steps=0, tolerance=1.0, repeats=1, extra=(), prefix=()):
        """run_mho's answer; its values, layer by layer, are under "values", the median of the warm runs under "median"."""
        result = self.data.with_suffix(".result.npz")
        command = [self.program, self.model, self.data, result, method, ",".join(self.layers), steps, tolerance, repeats]
        done = subprocess.run([str(part) for part in (*prefix, *command, *extra)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.strip() or f"run_mho: status {done.returncode}")
        answer = json.loads(done.stdout)
        warm = answer["seconds"][1:] or answer["seconds"]
        answer["median"] = statistics.median(warm) if warm else 0.0
        if method != "load":
            with np.load(result) as arrays:
                answer["values"] = [arrays[name] for name in self.layers or arrays.files]
        return answer


def repeats_for(seconds):
    return max(1, min(50, int(ROUND_SECONDS / max(seconds, 1e-5))))


def seconds_of(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def timer_of_call(call):
    """A function that times one round of `call`, which has run before, in this process and returns its median."""
    repeats = repeats_for(seconds_of(call))

    def round_():
        return statistics.median(seconds_of(call) for _ in range(repeats))

    return round_


def timer_of_case(case, method, steps, tolerance=1.0):
    """The same of run_mho: a process per round, whose first run warms up and does not count."""
    repeats = repeats_for(case.run(method, steps, tolerance, 2)["median"])
    return lambda: case.run(method, steps, tolerance, repeats + 1)["median"]


def in_turn(timers, rounds=None):
    """Runs one round of each competitor after the other, several times: what disturbs the machine disturbs all.
    Returns per competitor its rounds' seconds."""
    seconds = {name: [] for name in timers}
    for _ in range(rounds or ROUNDS):
        for name, timer in timers.items():
            seconds[name].append(timer())
    return seconds


def median(seconds):
    return statistics.median(seconds)


def slope(xs, ys):
    """Of a straight line through the logarithms, by least squares."""
    return float(np.polyfit(np.log(xs), np.log(ys), 1)[0])


def verdict(ratio, wanted):
    """A ratio for a table: what it has to be, and whether it is."""
    return f"**{ratio:.1f}** of {wanted:g}" + ("" if ratio >= wanted else ", not reached")


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return "unknown processor"


def first_line(*command):
    """Of what a command prints; nothing where it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return ""


def machine():
    import captum

    system = first_line("sh", "-c", '. /etc/os-release && echo "$PRETTY_NAME"') or platform.system()
    dnnl = first_line("dpkg-query", "-W", "-f=${Version}", "libdnnl-dev")
    return (f"{processor()}, {torch.get_num_threads()} threads, float32; {system}, {first_line('g++', '--version')}, "
            f"oneDNN {dnnl or 'of the system'}, Python {platform.python_version()}, PyTorch {torch.__version__}, Captum "
            f"{captum.__version__}")

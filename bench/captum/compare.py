"""mho against Captum on the same networks, inputs, layers and machine: compare.py RUN_MHO FOLDER OUTPUT.md [ROW...].

Both errors are measured against NIG in float64 by PyTorch with many segments. Captum's LayerConductance runs with 50
steps, by its default rule and by riemann_trapezoid, with the internal_batch_size that is fastest here, and the better of
the two errors counts. mho runs with the fewest segments whose error is no larger than Captum's, by trapezoids and by
secants, and once more with Captum's error as the tolerance, for which it must find the segments itself.
"""

import copy
import json
import os
from pathlib import Path
import platform
import statistics
import subprocess
import sys
import time
import warnings

import captum
from captum.attr import LayerConductance, LayerDeepLift
import numpy as np
import torch

import networks

REPEATS = 5
PREAMBLE = """# Against Captum

Made by `./dev bench captum` (bench/captum/compare.py), which trains or makes the networks, exports them to ONNX and runs both
sides on the same inputs, layers and threads. *Error*: relative L1 over all neurons against NIG by PyTorch in float64. *Captum*:
LayerConductance with 50 steps, one call per layer, at its fastest internal_batch_size and with the better of two rules. *Trapezoid*, *secant*: mho
with the fewest segments whose error is no larger than Captum's (1e-6 where Captum is exact). *Secant, adaptive*: mho told Captum's
error as its tolerance, finding the segments and proving the error itself. Times are of the call alone: networks are loaded and warm.
"""
SEGMENTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)

# network, examples, layers (None: all cuts that are modules), segments of the float64 reference, the ratio to reach
ROWS = {
    "cnn, middle layer": ("cnn", 1, ["relu2"], 2048, 10),
    "cnn, late layer": ("cnn", 1, ["relu3"], 2048, 15),
    "cnn, all cut layers": ("cnn", 1, ["relu1", "pool1", "relu2", "pool2", "relu3"], 2048, 50),
    "resnet20, middle layer": ("resnet20", 1, ["blocks.4.relu2"], 2048, 10),
    "resnet20, late layer": ("resnet20", 1, ["blocks.7.relu2"], 2048, 15),
    "resnet20, all cut layers": ("resnet20", 1, ["relu", *(f"blocks.{i}.relu2" for i in range(9))], 2048, 50),
    "resnet20, middle layer, 16 examples": ("resnet20", 16, ["blocks.4.relu2"], 1024, 10),
    "mlp, batch 64": ("mlp", 64, ["relu2"], 2048, 15),
    "encoder, 128 tokens": ("encoder", 1, ["layers.1"], 1024, 8),
    "resnet50, 224 x 224": ("resnet50", 1, ["blocks.8.relu3"], 256, 7),
}
DEEPLIFT_ROWS = {"DeepLIFT, resnet50": ("resnet50", 1, ["blocks.8.relu3"], 3)}


def submodule(net, name):
    return net.get_submodule(name)


def layer_outputs(net, names, x):
    """The values of the layers and the network's output, with a graph behind them."""
    kept, hooks = {}, []
    for name in names:
        hooks.append(submodule(net, name).register_forward_hook(lambda _m, _i, y, name=name: kept.update({name: y})))
    try:
        out = net(x)
    finally:
        for hook in hooks:
            hook.remove()
    return out, [kept[name] for name in names]


def reference(net, names, x, targets, segments, part, power):
    """NIG by the trapezoid rule in float64: sum of (g_k + g_{k+1})/2 * (y_{k+1} - y_k), example by example, at
    alpha = (k / segments)^power: layer normalization makes a path from zero change fastest at its very beginning."""
    net = copy.deepcopy(net).double()
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    result = [[] for _ in names]
    for n in range(len(x)):
        whole = x[n : n + 1].double()
        sums, last = [0.0] * len(names), None
        alphas = torch.linspace(0, 1, segments + 1, dtype=torch.float64) ** power
        for chunk in alphas.split(part):
            points = (chunk.view(-1, *[1] * (whole.dim() - 1)) * whole).requires_grad_(True)
            out, ys = layer_outputs(net, names, points)
            gs = torch.autograd.grad(out[:, targets[n]].sum(), ys)
            for i, (y, g) in enumerate(zip(ys, gs)):
                y, g = y.detach(), g.detach()
                if last is not None:
                    y, g = torch.cat([last[i][0], y]), torch.cat([last[i][1], g])
                sums[i] = sums[i] + ((g[1:] + g[:-1]) / 2 * (y[1:] - y[:-1])).sum(0)
            last = [(y.detach()[-1:], g.detach()[-1:]) for y, g in zip(ys, gs)]
        for i, total in enumerate(sums):
            result[i].append(total.numpy())
    return [np.stack(values) for values in result]


def relative_error(values, expected):
    """The largest over layers of the relative L1 error over all examples."""
    return max(float(abs(v.reshape(e.shape) - e).sum() / abs(e).sum()) for v, e in zip(values, expected))


def timed(run):
    """Median seconds of REPEATS runs after one to warm up, and the result."""
    result, seconds = run(), []
    for _ in range(REPEATS):
        start = time.perf_counter()
        result = run()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), result


def captum_nig(net, names, x, targets, expected):
    """One call per layer, as Captum has it; best of its settings. Seconds, error, setting."""
    explainers = [LayerConductance(net, submodule(net, name)) for name in names]

    def run(method, batch):
        return [e.attribute(x, baselines=0.0, target=targets, n_steps=50, method=method,
                            internal_batch_size=batch).detach().numpy() for e in explainers]

    errors = {method: relative_error(run(method, None), expected) for method in ("gausslegendre", "riemann_trapezoid")}
    method = min(errors, key=errors.get)
    batches, best = {}, None
    for batch in (None, 2 * len(x), 8 * len(x), 16 * len(x)):
        start = time.perf_counter()
        run(method, batch)
        batches[batch] = time.perf_counter() - start
    best = min(batches, key=batches.get)
    seconds, _ = timed(lambda: run(method, best))
    return seconds, errors[method], f"{method}, internal_batch_size {best}"


def run_mho(program, model, data, method, layers, steps, tolerance, repeats):
    result = str(data.with_suffix(".result.npz"))
    run = subprocess.run([program, model, data, result, method, ",".join(layers), str(steps), str(tolerance),
                          str(repeats)], capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(run.stderr)
    with np.load(result) as arrays:
        values = [arrays[name] for name in layers]
    answer = json.loads(run.stdout)
    answer["median"] = statistics.median(answer["seconds"][1:] or answer["seconds"])
    return answer, values


def export(net, x, folder, name):
    path = folder / f"{name}.onnx"
    torch.onnx.export(net, (x[:1],), str(path), dynamo=False, input_names=["x"], output_names=["y"],
                      dynamic_axes={"x": {0: "N"}, "y": {0: "N"}}, opset_version=17)
    return path


def captured_names(net, names, x, path):
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


def nig_row(program, folder, name, row):
    kind, count, modules, segments, wanted = row
    net, examples = networks.make(kind, folder)
    x = examples[:count].contiguous()
    with torch.no_grad():
        targets = net(x).argmax(1)
    path = export(net, x, folder, kind)
    layers = captured_names(net, modules, x, path)
    key = folder / f"{name.replace(' ', '_').replace(',', '')}.reference.npz"
    if key.exists():
        with np.load(key) as arrays:
            expected = [arrays[f"arr_{i}"] for i in range(len(modules))]
    else:
        expected = reference(net, modules, x, targets, segments, 16 if kind == "resnet50" else 128,
                             3 if kind == "encoder" else 1)
        np.savez(key, *expected)
    data = folder / f"{kind}_{count}.npy"
    np.save(data, x.numpy())
    seconds, error, setting = captum_nig(net, modules, x, targets, expected)
    cells = []
    for rule in ("trapezoid", "secant"):
        for steps in SEGMENTS:
            _, values = run_mho(program, path, data, rule, layers, steps, 1, 1)
            found = relative_error(values, expected)
            # float32 cannot do better where a layer is exact.
            if found <= max(error, 1e-6):
                break
        fixed, _ = run_mho(program, path, data, rule, layers, steps, 1, REPEATS + 1)
        cells.append(f"{steps} | {1e3 * fixed['median']:.2f} | {found:.1e} | **{seconds / fixed['median']:.1f}**")
    adaptive, values = run_mho(program, path, data, "secant", layers, 0, max(error, 1e-6), REPEATS + 1)
    own = relative_error(values, expected)
    return (f"| {name} | {1e3 * seconds:.1f} | {error:.1e} | {setting} | {' | '.join(cells)} | "
            f"{1e3 * adaptive['median']:.2f} | {own:.1e} | {seconds / adaptive['median']:.1f} | {wanted} |")


def deeplift_row(program, folder, name, row):
    kind, count, modules, wanted = row
    net, examples = networks.make(kind, folder)
    x = examples[:count].contiguous()
    with torch.no_grad():
        targets, out, zero = net(x).argmax(1), net(x), net(torch.zeros_like(x))
    path = export(net, x, folder, kind)
    layers = captured_names(net, modules, x, path)
    data = folder / f"{kind}_{count}.npy"
    np.save(data, x.numpy())
    difference = float((out - zero)[torch.arange(count), targets].sum())
    explainer = LayerDeepLift(net, submodule(net, modules[0]))
    seconds, values = timed(lambda: explainer.attribute(x, baselines=0.0, target=targets))
    own, arrays = run_mho(program, path, data, "deeplift", layers, 0, 1, REPEATS + 1)
    lost = abs(float(values.sum()) - difference) / float(values.abs().sum())
    mine = abs(float(arrays[0].sum()) - difference) / float(abs(arrays[0]).sum())
    return (f"| {name} | {1e3 * seconds:.1f} | {lost:.1e} | {1e3 * own['median']:.1f} | {mine:.1e} | "
            f"**{seconds / own['median']:.1f}** | {wanted} |")


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return "unknown processor"


def main():
    program, folder, output = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    chosen = sys.argv[4:]
    warnings.simplefilter("ignore")
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    lines = [PREAMBLE, f"{processor()}, {torch.get_num_threads()} threads, float32; Python {platform.python_version()}, "
             f"PyTorch {torch.__version__}, Captum {captum.__version__}; medians of {REPEATS} runs after one to warm up.\n",
             "| NIG | Captum ms | error | its best setting | trapezoid: segments | ms | error | ratio | "
             "secant: segments | ms | error | ratio | secant, adaptive: ms | error | ratio | to reach |",
             "|---|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"]
    print("\n".join(lines), flush=True)
    for name, row in ROWS.items():
        if chosen and not any(c in name for c in chosen):
            continue
        lines.append(nig_row(program, folder, name, row))
        print(lines[-1], flush=True)
    lines += ["", "| DeepLIFT | Captum ms | residual | mho ms | residual | ratio | to reach |", "|---|---:|---:|---:|---:|---:|---:|"]
    for name, row in DEEPLIFT_ROWS.items():
        if chosen and not any(c in name for c in chosen):
            continue
        lines.append(deeplift_row(program, folder, name, row))
        print(lines[-1], flush=True)
    if not chosen:
        output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

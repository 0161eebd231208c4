"""Golden DeepLIFT values in float64: data/deeplift_<network>.{onnx,npz}. README.md names the arrays.

    python3 -m venv .venv && .venv/bin/pip install -r tests/golden/requirements.txt
    .venv/bin/python tests/golden/make_deeplift.py

Rescale comes from Captum. RevealCancel and the genomics default come from the formulas of Shrikumar, Greenside and
Kundaje (arXiv 1704.02685, sections 3.5.1 and 3.5.3) with what kundajelab/deeplift adds to them, written out in
class Multipliers; the same class with the Rescale rule must agree with Captum, or the script stops.
"""

from pathlib import Path

from captum.attr import DeepLift, LayerDeepLift, NeuronDeepLift
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
import onnxruntime
import torch
from torch import nn

DATA = Path(__file__).resolve().parent / "data"
EXAMPLES = 3
NEAR_ZERO = 0.5e-7  # kundajelab/deeplift: smaller parts become the pseudocount
PSEUDOCOUNT = 1e-7


def is_linear(module):
    return isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d))


def linear_map(module, weight, x):
    """The module's linear map with another weight and without its bias."""
    if isinstance(module, nn.Linear):
        return nn.functional.linear(x, weight)
    convolve = nn.functional.conv1d if isinstance(module, nn.Conv1d) else nn.functional.conv2d
    return convolve(x, weight, None, module.stride, module.padding, module.dilation, module.groups)


def transposed(module, weight, m, like):
    x = torch.zeros_like(like, requires_grad=True)
    (g,) = torch.autograd.grad(linear_map(module, weight, x), x, m)
    return g


def derivative(module, x):
    leaf = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(module(leaf).sum(), leaf)
    return slope


class Multipliers:
    """Multipliers of every module's input, from a seed at the last module's output.

    A linear module y = W x + b: positive changes of y are dy+ = W+ max(dx, 0) + W- min(dx, 0), negative ones
    dy- = W+ min(dx, 0) + W- max(dx, 0); the multiplier of x is W+^T m+ + W-^T m- where dx > 0, W+^T m- + W-^T m+ where
    dx < 0, and the mean of both where dx = 0.
    Rescale: m+ = m- = m df/dx, or f'(x') where |dx| < 1e-7. RevealCancel: m+ = m df+/dx+ and m- = m df-/dx- with
    df+ = ((f(x' + dx+) - f(x')) + (f(x' + dx- + dx+) - f(x' + dx-))) / 2 and df- with the signs exchanged.
    """

    def __init__(self, modules, x, reference, rule):
        self.modules, self.rule = modules, rule
        self.x, self.reference = [x], [reference]
        for module in modules:
            self.x.append(module(self.x[-1]))
            self.reference.append(module(self.reference[-1]))

    def reveals(self, i):
        behind_dense = isinstance(self.modules[i - 1], nn.Linear)
        return self.rule == "reveal_cancel" or (self.rule == "genomics" and behind_dense)

    def run(self, seed):
        plus = minus = seed
        at = [None] * (len(self.modules) + 1)
        at[-1] = seed
        for i in reversed(range(len(self.modules))):
            module, x, reference = self.modules[i], self.x[i], self.reference[i]
            if is_linear(module):
                w_plus, w_minus = module.weight.clamp(min=0), module.weight.clamp(max=0)
                up = transposed(module, w_plus, plus, x) + transposed(module, w_minus, minus, x)
                down = transposed(module, w_plus, minus, x) + transposed(module, w_minus, plus, x)
                dx = x - reference
                plus = minus = torch.where(dx > 0, up, torch.where(dx < 0, down, (up + down) / 2))
            elif isinstance(module, (nn.Flatten, nn.AvgPool2d)):
                assert torch.equal(plus, minus)
                leaf = torch.zeros_like(x, requires_grad=True)
                (plus,) = torch.autograd.grad(module(leaf), leaf, plus)
                minus = plus
            elif self.reveals(i):
                plus, minus = self.reveal_cancel(i, plus)
            else:
                dx, dy = x - reference, self.x[i + 1] - self.reference[i + 1]
                plus = minus = plus * torch.where(dx.abs() < 1e-7, derivative(module, reference), dy / dx)
            at[i] = plus if torch.equal(plus, minus) else None  # a pair: no single multiplier
        return at

    def reveal_cancel(self, i, m):
        f, before, reference = self.modules[i], self.modules[i - 1], self.reference[i]
        dx = self.x[i - 1] - self.reference[i - 1]
        w_plus, w_minus = before.weight.clamp(min=0), before.weight.clamp(max=0)
        up = linear_map(before, w_plus, dx.clamp(min=0)) + linear_map(before, w_minus, dx.clamp(max=0))
        down = linear_map(before, w_plus, dx.clamp(max=0)) + linear_map(before, w_minus, dx.clamp(min=0))
        up = torch.where(up < NEAR_ZERO, PSEUDOCOUNT, up)
        down = torch.where(down > -NEAR_ZERO, -PSEUDOCOUNT, down)
        f_up = ((f(reference + up) - f(reference)) + (f(reference + down + up) - f(reference + down))) / 2
        f_down = ((f(reference + down) - f(reference)) + (f(reference + up + down) - f(reference + up))) / 2
        return m * f_up / up, m * f_down / down


def networks():
    torch.manual_seed(7)
    return {
        "dense": ((10,), [nn.Linear(10, 9), nn.ReLU(), nn.Linear(9, 8), nn.Sigmoid(), nn.Linear(8, 7), nn.Tanh(),
                          nn.Linear(7, 3)]),
        "cnn": ((2, 8, 8), [nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(4, 5, 3), nn.Tanh(),
                            nn.Flatten(), nn.Linear(20, 6), nn.ReLU(), nn.Linear(6, 3)]),
        "genomics": ((4, 20), [nn.Conv1d(4, 6, 5), nn.ReLU(), nn.Conv1d(6, 5, 3, stride=2), nn.ReLU(), nn.Flatten(),
                               nn.Linear(35, 8), nn.ReLU(), nn.Linear(8, 2), nn.Sigmoid()]),
    }


def export(name, shape, modules):
    """ONNX with float32 weights; tensor t<i> is the output of module i."""
    nodes, weights = [], []
    source = "x"
    for i, module in enumerate(modules):
        to, inputs, attributes = f"t{i}", [source], {}
        if is_linear(module):
            for what in ("weight", "bias"):
                value = getattr(module, what).detach().numpy().astype(np.float32)
                weights.append(numpy_helper.from_array(value, f"{what}{i}"))
                inputs.append(f"{what}{i}")
        if isinstance(module, nn.Linear):
            kind, attributes = "Gemm", {"transB": 1}
        elif isinstance(module, (nn.Conv1d, nn.Conv2d)):
            kind = "Conv"
            attributes = {"strides": list(module.stride), "pads": list(module.padding) * 2}
        elif isinstance(module, nn.AvgPool2d):
            size = [module.kernel_size] * 2
            kind, attributes = "AveragePool", {"kernel_shape": size, "strides": size}
        else:
            kind = {nn.ReLU: "Relu", nn.Sigmoid: "Sigmoid", nn.Tanh: "Tanh", nn.Flatten: "Flatten"}[type(module)]
        nodes.append(helper.make_node(kind, inputs, [to], to, **attributes))
        source = to
    graph = helper.make_graph(nodes, f"deeplift_{name}",
                              [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *shape])],
                              [helper.make_tensor_value_info(source, TensorProto.FLOAT, ["N", None])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, DATA / f"deeplift_{name}.onnx")


def inputs_of(name, shape, rng):
    if name != "genomics":
        return rng.normal(size=(EXAMPLES, *shape)), 0.5 * rng.normal(size=(1, *shape))
    one_hot = np.eye(4)[rng.integers(4, size=(EXAMPLES, shape[1]))].transpose(0, 2, 1)
    return one_hot, np.zeros((1, *shape))


def make(name, shape, modules):
    for module in modules:  # the values of the file, exactly
        for p in module.parameters():
            p.data = p.data.float().double()
    rng = np.random.default_rng(11)
    x, reference = (torch.from_numpy(v.astype(np.float32)).double() for v in inputs_of(name, shape, rng))
    export(name, shape, modules)
    session = onnxruntime.InferenceSession(str(DATA / f"deeplift_{name}.onnx"))
    whole = nn.Sequential(*modules)
    np.testing.assert_allclose(session.run(None, {"x": x.numpy().astype(np.float32)})[0], whole(x).detach(), rtol=1e-4,
                               atol=1e-6)
    if isinstance(modules[-1], nn.Sigmoid):
        modules = modules[:-1]  # F is the logit
    logits = nn.Sequential(*modules)
    target = torch.from_numpy(rng.integers(logits(x).shape[1], size=EXAMPLES))
    f, f_reference = logits(x)[range(EXAMPLES), target], logits(reference)[0, target]
    arrays = {"input/x": x.numpy().astype(np.float32), "baseline/x": reference.numpy().astype(np.float32),
              "target": target.numpy(), "f_input": f, "f_baseline": f_reference}

    references = reference.expand_as(x)
    seed = torch.nn.functional.one_hot(target, logits(x).shape[1]).double()
    tensors = ["x", *(f"t{i}" for i in range(len(modules)))]
    for rule in ("rescale", "reveal_cancel", "genomics"):
        walk = Multipliers(modules, x, references, rule)
        at = walk.run(seed)
        for i, m in enumerate(at[:-1]):
            if m is None:
                continue
            contributions = m * (walk.x[i] - walk.reference[i])
            total = contributions.flatten(1).sum(1)
            np.testing.assert_allclose(total.detach(), (f - f_reference).detach(), rtol=1e-6, atol=1e-6)
            arrays[f"{rule}_multipliers/{tensors[i]}"] = m
            arrays[f"{rule}/{tensors[i]}"] = contributions

    captum_x = DeepLift(logits).attribute(x, references, target)
    np.testing.assert_allclose(captum_x.detach(), arrays["rescale/x"].detach(), rtol=1e-9, atol=1e-12)
    arrays["captum/x"] = captum_x
    for i, module in enumerate(modules[:-1]):
        theirs = LayerDeepLift(logits, module).attribute(x, references, target)
        np.testing.assert_allclose(theirs.detach(), arrays[f"rescale/t{i}"].detach(), rtol=1e-9, atol=1e-12)
        arrays[f"captum/t{i}"] = theirs
    layer = len(modules) - 2  # the last nonlinearity
    neuron = int(arrays[f"captum/t{layer}"].abs().sum(0).argmax())  # one that is not dead
    arrays["captum_neuron/x"] = NeuronDeepLift(logits, modules[layer]).attribute(x, neuron, references)
    arrays["neuron"] = np.array([neuron])
    np.savez_compressed(DATA / f"deeplift_{name}.npz",
                        **{k: v.detach().numpy() if torch.is_tensor(v) else v for k, v in arrays.items()})
    print(f"deeplift_{name}: {len(arrays)} arrays; the neuron is t{layer}[{neuron}]")


if __name__ == "__main__":
    for name, (shape, modules) in networks().items():
        make(name, shape, modules)

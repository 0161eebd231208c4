"""Golden relevance (LRP) in float64: data/lrp_<network>.{onnx,npz}. README.md names the arrays.

    python3 -m venv .venv && .venv/bin/pip install -r tests/golden/requirements.txt
    .venv/bin/python tests/golden/make_lrp.py

The rules are the formulas of Bach et al. 2015 (equations 58 to 60) and Montavon et al. 2019 (table 10.1), written out
in class Relevance with weights and inputs split by sign; a bias is one more input of 1. Captum's LRP must agree where
its rules are these, or the script stops: epsilon everywhere, gamma and alpha 1 beta 0 on the network without biases
and inputs of one sign (Captum takes no other part of biases, and the sign of weights for that of contributions), and
rules of every module's own.
"""

from pathlib import Path

from captum.attr import LRP, LayerLRP
from captum.attr._utils.lrp_rules import Alpha1_Beta0_Rule, EpsilonRule, GammaRule
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
import onnxruntime
import torch
from torch import nn

from make_deeplift import is_linear, linear_map

DATA = Path(__file__).resolve().parent / "data"
EXAMPLES = 3
STABILISER = 1e-9

RULES = {  # name: (kind, parameter) of convolutions, of dense modules
    "epsilon": (("epsilon", 1e-9), ("epsilon", 1e-9)),
    "epsilon_large": (("epsilon", 0.25), ("epsilon", 0.25)),
    "gamma": (("gamma", 0.25), ("gamma", 0.25)),
    "alpha1_beta0": (("alphabeta", 1.0), ("alphabeta", 1.0)),
    "alpha2_beta1": (("alphabeta", 2.0), ("alphabeta", 2.0)),
    "mixed": (("gamma", 0.5), ("epsilon", 0.1)),
}


def sign(z):
    return torch.where(z < 0, -torch.ones_like(z), torch.ones_like(z))


def pulled_back(f, x, cotangent):
    leaf = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(f(leaf), leaf, cotangent)
    return g


class Relevance:
    """R at the output of every module of a chain, from R = F at the last one's."""

    def __init__(self, modules, x, rule):
        self.modules, self.rule = modules, RULES[rule]
        self.x = [x]
        for module in modules:
            self.x.append(module(self.x[-1]).detach())

    def run(self, seed):
        at = [None] * (len(self.modules) + 1)
        at[-1] = seed * self.x[-1]
        for i in reversed(range(len(self.modules))):
            at[i] = self.pass_back(self.modules[i], self.x[i], self.x[i + 1], at[i + 1])
        return at

    def pass_back(self, module, x, y, r):
        kind, parameter = self.rule[0 if isinstance(module, nn.Conv2d) else 1]
        if is_linear(module):
            return {"epsilon": self.epsilon, "gamma": self.gamma, "alphabeta": self.alpha_beta}[kind](
                module, x, y, r, parameter)
        if isinstance(module, nn.BatchNorm2d):  # R of factor * x, which is that of x
            factor = module.weight / (module.running_var + module.eps).sqrt()
            shift = (module.bias - factor * module.running_mean).detach().reshape(-1, 1, 1)
            return self.offset(factor.detach().reshape(-1, 1, 1) * x, shift, r, kind, parameter)
        if isinstance(module, nn.AvgPool2d):  # x >= 0 here: all rules are one, but for what stabilises
            factor = 1 + parameter if kind == "gamma" else 1
            share = factor * r / (factor * y + sign(y) * (parameter if kind == "epsilon" else STABILISER))
            return x * pulled_back(module, x, share)
        if isinstance(module, (nn.MaxPool2d, nn.Flatten)):
            return x * pulled_back(module, x, torch.where(y == 0, 0, r / torch.where(y == 0, 1, y)))
        return r  # an activation

    @staticmethod
    def offset(x, b, r, kind, parameter):
        if kind == "epsilon":
            return x * r / (x + b + parameter * sign(x + b))
        if kind == "gamma":
            d = (1 + parameter) * x + b + parameter * b.clamp(min=0)
            return (1 + parameter) * x * r / (d + STABILISER * sign(d))
        plus, minus = x.clamp(min=0) + b.clamp(min=0), x.clamp(max=0) + b.clamp(max=0)
        p = r * torch.where(minus < 0, parameter, 1.0).double() / (plus + STABILISER)
        return x.clamp(min=0) * p - x.clamp(max=0) * (parameter - 1) * r / (minus - STABILISER)

    @staticmethod
    def bias(module):
        b = torch.zeros((), dtype=torch.float64) if module.bias is None else module.bias.detach()
        return b.reshape(-1, 1, 1) if isinstance(module, nn.Conv2d) else b

    def epsilon(self, module, x, y, r, epsilon):
        share = r / (y + epsilon * sign(y))
        return x * pulled_back(lambda v: linear_map(module, module.weight, v), x, share)

    def gamma(self, module, x, y, r, gamma):
        weight = module.weight + gamma * module.weight.clamp(min=0)
        b = self.bias(module)
        z = linear_map(module, weight, x) + b + gamma * b.clamp(min=0)
        share = r / (z + STABILISER * sign(z))
        return x * pulled_back(lambda v: linear_map(module, weight, v), x, share)

    def alpha_beta(self, module, x, y, r, alpha):
        up, down = module.weight.clamp(min=0).detach(), module.weight.clamp(max=0).detach()
        above, below = x.clamp(min=0), x.clamp(max=0)
        b = self.bias(module)
        plus = linear_map(module, up, above) + linear_map(module, down, below) + b.clamp(min=0)
        minus = linear_map(module, up, below) + linear_map(module, down, above) + b.clamp(max=0)
        p = r * torch.where(minus < 0, alpha, 1.0).double() / (plus + STABILISER)
        n = (alpha - 1) * r / (minus - STABILISER)
        back = lambda weight, at, cotangent: at * pulled_back(lambda v: linear_map(module, weight, v), at, cotangent)
        return back(up, above, p) + back(down, below, p) - back(up, below, n) - back(down, above, n)


def networks():
    torch.manual_seed(5)
    def cnn(bias):
        normalization = [nn.BatchNorm2d(6).eval()] if bias else []
        for module in normalization:
            for parameter, low in ((module.weight, -1), (module.bias, -1), (module.running_mean, -1), (module.running_var, 0.5)):
                parameter.data = low + 2 * torch.rand(6)
        return [nn.Conv2d(2, 6, 3, padding=1, bias=bias), *normalization, nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 5, 3, bias=bias), nn.ReLU(),
                nn.AvgPool2d(2), nn.Flatten(), nn.Linear(20, 8, bias=bias), nn.ReLU(), nn.Linear(8, 4, bias=bias)]
    return {"cnn": cnn(True), "no_bias": cnn(False)}


def export(name, modules):
    """ONNX with float32 weights; tensor t<i> is the output of module i."""
    nodes, weights = [], []
    source = "x"
    for i, module in enumerate(modules):
        to, inputs, attributes = f"t{i}", [source], {}
        for what in ("weight", "bias", "running_mean", "running_var"):
            if getattr(module, what, None) is not None:
                weights.append(numpy_helper.from_array(getattr(module, what).detach().numpy().astype(np.float32),
                                                       f"{what}{i}"))
                inputs.append(f"{what}{i}")
        if isinstance(module, nn.Linear):
            kind, attributes = "Gemm", {"transB": 1}
        elif isinstance(module, nn.BatchNorm2d):
            kind, attributes = "BatchNormalization", {"epsilon": module.eps}
        elif isinstance(module, nn.Conv2d):
            kind, attributes = "Conv", {"pads": list(module.padding) * 2}
        elif isinstance(module, (nn.AvgPool2d, nn.MaxPool2d)):
            size = [module.kernel_size] * 2
            kind, attributes = type(module).__name__[:3], {"kernel_shape": size, "strides": size}
            kind = {"Avg": "AveragePool", "Max": "MaxPool"}[kind]
        else:
            kind = {nn.ReLU: "Relu", nn.Flatten: "Flatten"}[type(module)]
        nodes.append(helper.make_node(kind, inputs, [to], to, **attributes))
        source = to
    graph = helper.make_graph(nodes, f"lrp_{name}",
                              [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2, 12, 12])],
                              [helper.make_tensor_value_info(source, TensorProto.FLOAT, ["N", 4])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, DATA / f"lrp_{name}.onnx")


def captum_rule(kind, parameter):
    if kind == "epsilon":
        return EpsilonRule(parameter)
    return GammaRule(parameter) if kind == "gamma" else Alpha1_Beta0_Rule()


def attach(modules, rule):
    """Captum forgets rules after every call."""
    for module in modules:
        if is_linear(module):
            module.rule = captum_rule(*RULES[rule][0 if isinstance(module, nn.Conv2d) else 1])
        elif isinstance(module, (nn.AvgPool2d, nn.BatchNorm2d)):
            kind, parameter = RULES[rule][1]
            module.rule = EpsilonRule(parameter if kind == "epsilon" else STABILISER)
        elif isinstance(module, (nn.Flatten, nn.MaxPool2d)):  # nothing to stabilise
            module.rule = EpsilonRule(1e-30)


def make(name, modules):
    for module in modules:  # the values of the file, exactly
        for p in (*module.parameters(), *module.buffers()):
            if p.is_floating_point():
                p.data = p.data.float().double()
    export(name, modules)
    rng = np.random.default_rng(3)
    x = torch.from_numpy(rng.normal(size=(EXAMPLES, 2, 12, 12)).astype(np.float32)).double()
    if name == "no_bias":
        x = x.abs()
    model = nn.Sequential(*modules)
    session = onnxruntime.InferenceSession(str(DATA / f"lrp_{name}.onnx"))
    output = model(x).detach()
    np.testing.assert_allclose(session.run(None, {"x": x.numpy().astype(np.float32)})[0], output, rtol=1e-4, atol=1e-6)
    target = torch.from_numpy(rng.integers(4, size=EXAMPLES))
    seed = nn.functional.one_hot(target, 4).double()
    arrays = {"input/x": x.numpy().astype(np.float32), "target": target.numpy(), "f_input": output[range(EXAMPLES), target]}
    tensors = ["x", *(f"t{i}" for i in range(len(modules)))]
    checked = []
    for rule, (first, second) in RULES.items():
        at = Relevance(modules, x, rule).run(seed)
        for tensor, r in zip(tensors, at):
            arrays[f"{rule}/{tensor}"] = r
        no_bias = all(getattr(m, "bias", None) is None for m in modules)
        same = {first[0], second[0]} == {"epsilon"} or (no_bias and rule != "alpha2_beta1")
        if not same:
            continue
        attach(modules, rule)
        theirs = LRP(model).attribute(x, target)
        np.testing.assert_allclose(theirs.detach(), at[0].detach(), rtol=1e-6, atol=1e-9 * float(at[0].abs().sum()))
        for i, module in enumerate(modules):
            if not is_linear(module):
                continue
            attach(modules, rule)
            layer = LayerLRP(model, module).attribute(x, target)
            np.testing.assert_allclose(layer.detach(), at[i + 1].detach(), rtol=1e-6, atol=1e-9 * float(at[i + 1].abs().sum()))
        arrays[f"captum_{rule}/x"] = theirs
        checked.append(rule)
    np.savez_compressed(DATA / f"lrp_{name}.npz",
                        **{k: v.detach().numpy() if torch.is_tensor(v) else v for k, v in arrays.items()})
    print(f"lrp_{name}: {len(arrays)} arrays; Captum agrees under {', '.join(checked)}")


if __name__ == "__main__":
    for name, modules in networks().items():
        make(name, modules)

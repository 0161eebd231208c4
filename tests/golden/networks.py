"""Small networks with fixed random weights, each one list of ONNX nodes that is both exported and run by PyTorch."""

from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
import torch
import torch.nn.functional as F

OPSET = 17


@dataclass
class Network:
    name: str
    inputs: dict  # name -> shape of one example
    output: str
    target_tensor: str  # the tensor that F is taken from
    layers: list  # (tensor, "cut" or "partial")
    smooth: bool = False  # no kinks: the trapezoid rule is second order
    random_baseline: bool = False
    nodes: list = field(default_factory=list)
    weights: dict = field(default_factory=dict)

    def __post_init__(self):
        self.rng = np.random.default_rng(sum(map(ord, self.name)))

    def weight(self, name, *shape, scale=None, low=None):
        """A float32 weight: normal with variance 1/fan-in, or uniform from `low` to `low` + 1."""
        if low is not None:
            values = low + self.rng.random(shape)
        else:
            fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 1
            values = self.rng.normal(size=shape) * (scale if scale is not None else (1.5 / fan_in) ** 0.5)
        self.weights[name] = values.astype(np.float32)
        return name

    def node(self, op, name, *sources, **attributes):
        self.nodes.append(helper.make_node(op, list(sources), [name], name, **attributes))
        return name

    def conv(self, name, source, out, into, *kernel, **attributes):
        w = self.weight(f"{name}.weight", out, into // attributes.get("group", 1), *kernel)
        b = self.weight(f"{name}.bias", out, scale=0.3)
        return self.node("Conv", name, source, w, b, kernel_shape=list(kernel), **attributes)

    def gemm(self, name, source, out, into):
        w = self.weight(f"{name}.weight", out, into)
        b = self.weight(f"{name}.bias", out, scale=0.3)
        return self.node("Gemm", name, source, w, b, transB=1)

    def constant(self, name, value):
        self.weights[name] = np.array(value, np.float32)
        return name

    def save(self, path):
        outputs = {n.output[0] for n in self.nodes}
        assert self.output in outputs and self.target_tensor in outputs
        output_shape = ["N", *self.run({k: torch.zeros(1, *v, dtype=torch.float64) for k, v in self.inputs.items()})[
            self.output].shape[1:]]
        graph = helper.make_graph(
            self.nodes,
            self.name,
            [helper.make_tensor_value_info(k, TensorProto.FLOAT, ["N", *v]) for k, v in self.inputs.items()],
            [helper.make_tensor_value_info(self.output, TensorProto.FLOAT, output_shape)],
            [numpy_helper.from_array(v, k) for k, v in self.weights.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="mho tests/golden")
        model.ir_version = 8
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, path)

    def run(self, inputs, tap=lambda name, value: value):
        """All tensors by name, computed by PyTorch in float64 with exactly the exported float32 weights."""
        values = {k: torch.from_numpy(v).double() for k, v in self.weights.items()}
        for name, value in inputs.items():
            values[name] = tap(name, value)
        for node in self.nodes:
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            result = OPERATORS[node.op_type](attributes, *[values[i] for i in node.input])
            values[node.output[0]] = tap(node.output[0], result)
        return values


def _pads(a, rank):
    pads = a.get("pads", [0] * 2 * rank)
    assert pads[:rank] == pads[rank:], "PyTorch pads both ends alike"
    return pads[:rank]


def _conv(a, x, w, b):
    rank = w.dim() - 2
    convolve = {1: F.conv1d, 2: F.conv2d}[rank]
    return convolve(x, w, b, stride=a.get("strides", 1), padding=_pads(a, rank), dilation=a.get("dilations", 1),
                    groups=a.get("group", 1))


def _max_pool(a, x):
    rank = x.dim() - 2
    pool = {1: F.max_pool1d, 2: F.max_pool2d}[rank]
    return pool(x, a["kernel_shape"], stride=a["strides"], padding=_pads(a, rank))


def _average_pool(a, x):
    return F.avg_pool2d(x, a["kernel_shape"], stride=a["strides"], padding=_pads(a, 2),
                        count_include_pad=bool(a.get("count_include_pad", 0)))


OPERATORS = {
    "Add": lambda a, x, y: x + y,
    "AveragePool": _average_pool,
    "BatchNormalization": lambda a, x, s, b, m, v: F.batch_norm(x, m, v, s, b, eps=a["epsilon"]),
    "Concat": lambda a, *x: torch.cat(x, dim=a["axis"]),
    "Conv": _conv,
    "Div": lambda a, x, y: x / y,
    "Erf": lambda a, x: torch.erf(x),
    "Flatten": lambda a, x: x.flatten(1),
    "Gemm": lambda a, x, w, b: F.linear(x, w, b),
    "GlobalAveragePool": lambda a, x: x.mean(dim=tuple(range(2, x.dim())), keepdim=True),
    "MaxPool": _max_pool,
    "Mul": lambda a, x, y: x * y,
    "Relu": lambda a, x: F.relu(x),
    "Sigmoid": lambda a, x: torch.sigmoid(x),
    "Tanh": lambda a, x: torch.tanh(x),
}


def plain_cnn():
    n = Network("plain_cnn", {"x": (1, 6, 6)}, "logits", "logits", [("conv1", "cut"), ("relu2", "cut"), ("fc1", "cut")])
    n.conv("conv1", "x", 3, 1, 3, 3, pads=[1, 1, 1, 1])
    n.node("Relu", "relu1", "conv1")
    n.conv("conv2", "relu1", 5, 3, 3, 3, strides=[2, 2])
    n.node("Relu", "relu2", "conv2")
    n.node("Flatten", "flatten", "relu2", axis=1)
    n.gemm("fc1", "flatten", 12, 20)
    n.node("Relu", "relu3", "fc1")
    n.gemm("logits", "relu3", 5, 12)
    return n


def residual_reused_relu():
    """`ReusedReluModule` below is the same network as PyTorch users write it."""
    n = Network("residual_reused_relu", {"x": (2, 5, 5)}, "logits", "logits",
                [("relu1", "cut"), ("conv2", "partial"), ("relu2", "cut"), ("pool", "cut")])
    same = {"pads": [1, 1, 1, 1]}
    n.conv("conv1", "x", 4, 2, 3, 3, **same)
    n.node("Relu", "relu1", "conv1")
    n.conv("conv2", "relu1", 4, 4, 3, 3, **same)
    n.node("Add", "add1", "conv2", "relu1")
    n.node("Relu", "relu2", "add1")
    n.conv("conv3", "relu2", 4, 4, 3, 3, **same)
    n.node("Add", "add2", "conv3", "relu2")
    n.node("Relu", "relu3", "add2")
    n.node("GlobalAveragePool", "pool", "relu3")
    n.node("Flatten", "flatten", "pool", axis=1)
    n.gemm("logits", "flatten", 4, 4)
    return n


class ReusedReluModule(torch.nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(2, 4, 3, padding=1)
        self.conv2 = torch.nn.Conv2d(4, 4, 3, padding=1)
        self.conv3 = torch.nn.Conv2d(4, 4, 3, padding=1)
        self.logits = torch.nn.Linear(4, 4)
        self.relu = torch.nn.ReLU()
        self.double().load_state_dict({k: torch.from_numpy(v).double() for k, v in weights.items()})

    def forward(self, x):
        x = self.relu(self.conv1(x))
        x = self.relu(self.conv2(x) + x)
        x = self.relu(self.conv3(x) + x)
        return self.logits(x.mean(dim=(2, 3)))


def smooth_mlp():
    n = Network("smooth_mlp", {"x": (6,)}, "y", "y", [("fc1", "cut"), ("tanh1", "cut"), ("gelu2", "cut")], smooth=True,
                random_baseline=True)
    n.gemm("fc1", "x", 10, 6)
    n.node("Tanh", "tanh1", "fc1")
    n.gemm("fc2", "tanh1", 8, 10)
    n.node("Div", "gelu2_scaled", "fc2", n.constant("sqrt2", 2**0.5))
    n.node("Erf", "gelu2_erf", "gelu2_scaled")
    n.node("Add", "gelu2_one", "gelu2_erf", n.constant("one", 1))
    n.node("Mul", "gelu2_product", "fc2", "gelu2_one")
    n.node("Mul", "gelu2", "gelu2_product", n.constant("half", 0.5))
    n.gemm("y", "gelu2", 3, 8)
    return n


def two_inputs():
    n = Network("two_inputs", {"a": (4,), "b": (2, 5)}, "logits", "logits",
                [("relu_a", "partial"), ("gate", "partial"), ("join", "cut"), ("relu1", "cut")], random_baseline=True)
    n.gemm("fc_a", "a", 6, 4)
    n.node("Relu", "relu_a", "fc_a")
    n.node("Flatten", "flat_b", "b", axis=1)
    n.gemm("fc_b", "flat_b", 6, 10)
    n.node("Sigmoid", "sigmoid_b", "fc_b")
    n.node("Mul", "gate", "sigmoid_b", "fc_a")
    n.node("Concat", "join", "relu_a", "gate", axis=1)
    n.gemm("fc1", "join", 8, 12)
    n.node("Relu", "relu1", "fc1")
    n.gemm("logits", "relu1", 3, 8)
    return n


def branches():
    n = Network("branches", {"x": (2, 6, 6)}, "logits", "logits",
                [("conv1", "cut"), ("bn1", "cut"), ("max1", "partial"), ("join", "cut"), ("fc1", "cut")])
    n.conv("conv1", "x", 4, 2, 3, 3, pads=[1, 1, 1, 1])
    n.node("BatchNormalization", "bn1", "conv1", n.weight("bn1.weight", 4, low=0.5), n.weight("bn1.bias", 4, scale=0.3),
           n.weight("bn1.mean", 4, scale=0.3), n.weight("bn1.variance", 4, low=0.5), epsilon=1e-3)
    n.node("Relu", "relu1", "bn1")
    n.node("MaxPool", "max1", "relu1", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    n.node("AveragePool", "average1", "relu1", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    n.node("Concat", "join", "max1", "average1", axis=1)
    n.node("Flatten", "flatten", "join", axis=1)
    n.gemm("fc1", "flatten", 8, 72)
    n.node("Relu", "relu2", "fc1")
    n.gemm("logits", "relu2", 4, 8)
    return n


def conv1d():
    """Ends in a Sigmoid; F is taken from its input, the logit."""
    n = Network("conv1d", {"x": (4, 16)}, "probability", "logit", [("conv1", "cut"), ("pool1", "cut"), ("relu2", "cut")])
    n.conv("conv1", "x", 6, 4, 5, dilations=[2], pads=[4, 4])
    n.node("Relu", "relu1", "conv1")
    n.node("MaxPool", "pool1", "relu1", kernel_shape=[2], strides=[2], pads=[0, 0])
    n.conv("conv2", "pool1", 4, 6, 3, group=2)
    n.node("Relu", "relu2", "conv2")
    n.node("Flatten", "flatten", "relu2", axis=1)
    n.gemm("logit", "flatten", 2, 24)
    n.node("Sigmoid", "probability", "logit")
    return n


ALL = [plain_cnn, residual_reused_relu, smooth_mlp, two_inputs, branches, conv1d]

"""Models of realistic shape with random weights, for timing: make_models.py FOLDER writes
resnet50.onnx, vgg16.onnx, mnist_cnn.onnx and mlp.onnx there, unless they are there already."""

from pathlib import Path
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Builder:
    """Appends nodes to one graph; every tensor is named after its node."""

    def __init__(self, name, input_shape, seed):
        self.name, self.input_shape = name, input_shape
        self.rng = np.random.default_rng(seed)
        self.nodes, self.weights = [], []
        self.output = None

    def weight(self, name, shape, scale):
        values = self.rng.standard_normal(shape, dtype=np.float32) * np.float32(scale)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def node(self, op, name, *sources, **attributes):
        self.nodes.append(helper.make_node(op, list(sources), [name], name, **attributes))
        self.output = name
        return name

    def relu(self, name, source):
        return self.node("Relu", name, source)

    def conv(self, name, source, out, into, kernel, stride=1, gain=2.0):
        """Gaussian weights that keep the size of activations (He et al. 2015), zero-padded to the same extent."""
        w = self.weight(f"{name}.weight", (out, into, kernel, kernel), (gain / (into * kernel * kernel)) ** 0.5)
        b = self.weight(f"{name}.bias", (out,), 0.1)
        return self.node("Conv", name, source, w, b, kernel_shape=[kernel] * 2, strides=[stride] * 2,
                         pads=[kernel // 2] * 4)

    def gemm(self, name, source, out, into):
        w = self.weight(f"{name}.weight", (out, into), (2.0 / into) ** 0.5)
        b = self.weight(f"{name}.bias", (out,), 0.1)
        return self.node("Gemm", name, source, w, b, transB=1)

    def max_pool(self, name, source, kernel, stride, pad=0):
        return self.node("MaxPool", name, source, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)

    def save(self, path, outputs):
        graph = helper.make_graph(
            self.nodes,
            self.name,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *self.input_shape])],
            [helper.make_tensor_value_info(self.output, TensorProto.FLOAT, ["N", outputs])],
            self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="mho bench")
        model.ir_version = 8
        onnx.checker.check_model(model)
        partial = path.with_suffix(".partial")
        onnx.save(model, partial)
        partial.rename(path)


def resnet50(b):
    """He et al. 2015 (arXiv 1512.03385), stride in the 3×3 convolution; BatchNormalization already folded, as exported."""
    x = b.relu("relu1", b.conv("conv1", "x", 64, 3, 7, stride=2))
    x = b.max_pool("pool1", x, 3, 2, pad=1)
    into = 64
    for stage, (width, blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)], start=1):
        for block in range(blocks):
            name = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            y = b.relu(f"{name}.relu1", b.conv(f"{name}.conv1", x, width, into, 1))
            y = b.relu(f"{name}.relu2", b.conv(f"{name}.conv2", y, width, width, 3, stride))
            y = b.conv(f"{name}.conv3", y, 4 * width, width, 1, gain=0.2)
            shortcut = b.conv(f"{name}.downsample", x, 4 * width, into, 1, stride, gain=1.0) if block == 0 else x
            x = b.relu(f"{name}.relu3", b.node("Add", f"{name}.add", y, shortcut))
            into = 4 * width
    x = b.node("Flatten", "flatten", b.node("GlobalAveragePool", "pool5", x), axis=1)
    b.gemm("logits", x, 1000, into)


def vgg16(b):
    """Simonyan and Zisserman 2014 (arXiv 1409.1556), configuration D."""
    x, into = "x", 3
    for stage, (width, convolutions) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], start=1):
        for i in range(1, convolutions + 1):
            x, into = b.relu(f"relu{stage}_{i}", b.conv(f"conv{stage}_{i}", x, width, into, 3)), width
        x = b.max_pool(f"pool{stage}", x, 2, 2)
    x = b.node("Flatten", "flatten", x, axis=1)
    x = b.relu("relu6", b.gemm("fc6", x, 4096, 512 * 7 * 7))
    x = b.relu("relu7", b.gemm("fc7", x, 4096, 4096))
    b.gemm("logits", x, 1000, 4096)


def mnist_cnn(b):
    x = b.max_pool("pool1", b.relu("relu1", b.conv("conv1", "x", 32, 1, 3)), 2, 2)
    x = b.max_pool("pool2", b.relu("relu2", b.conv("conv2", x, 64, 32, 3)), 2, 2)
    x = b.node("Flatten", "flatten", x, axis=1)
    x = b.relu("relu3", b.gemm("fc1", x, 128, 64 * 7 * 7))
    b.gemm("logits", x, 10, 128)


def mlp(b):
    x, into = "x", 784
    for i, width in enumerate([1024, 1024, 512], start=1):
        x, into = b.relu(f"relu{i}", b.gemm(f"fc{i}", x, width, into)), width
    b.gemm("logits", x, 10, into)


MODELS = [
    ("resnet50", resnet50, (3, 224, 224), 1000),
    ("vgg16", vgg16, (3, 224, 224), 1000),
    ("mnist_cnn", mnist_cnn, (1, 28, 28), 10),
    ("mlp", mlp, (784,), 10),
]


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: make_models.py FOLDER")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (name, build, input_shape, outputs) in enumerate(MODELS, start=1):
        path = folder / f"{name}.onnx"
        if path.exists():
            continue
        builder = Builder(name, input_shape, seed)
        build(builder)
        builder.save(path, outputs)
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()

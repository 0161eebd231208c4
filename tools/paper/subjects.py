"""The networks that the comparison is made on, with examples, baselines and the layers that are looked at."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mho
import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "examples"


@dataclass(frozen=True)
class Subject:
    """A trained network and what is asked of it."""

    name: str
    about: str
    model: mho.Model
    x: Any
    layers: tuple[str, ...]  #: whose neurons are compared
    small_layer: str  #: few neurons, where naive conductance is cheap
    growing: tuple[str, ...] = ()  #: layers of more and more neurons
    baselines: Any = 0.0
    target: Any = None
    double: mho.Model = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "double", self.model.with_options(precision="double"))

    def first(self, count: int) -> Any:
        """The first examples."""
        return self.x[:count]


def digits() -> Subject:
    return Subject(
        name="digits", about="CNN on 8 × 8 handwritten digits, 36 test images, baseline 0, target the predicted digit",
        model=mho.load(EXAMPLES / "digits" / "cnn.onnx"), x=np.load(EXAMPLES / "digits" / "digits.npz")["images"],
        layers=("relu1", "relu2", "relu3", "relu4"), small_layer="relu4",
        growing=("relu4", "relu3", "relu1", "relu2"))


def motifs() -> Subject:
    """Positive sequences of the task that needs both motifs; the reference is the background frequency of letters."""
    folder = EXAMPLES / "motifs"
    data = np.load(folder / "motifs.npz")
    positive = data["labels"][:, 0] == 1
    x = data["sequences"][positive].astype(np.float32)[:24]
    background = np.broadcast_to(np.array([0.3, 0.2, 0.2, 0.3], np.float32)[:, None], x.shape[1:])
    model = mho.load(folder / "motifs.onnx")
    relus = tuple(layer.name for layer in model.layers if layer.op == "Relu")
    return Subject(
        name="motifs", about=f"CNN on simulated DNA with planted GATA1 and TAL1 motifs, {len(x)} sequences that hold both, "
        "baseline the background frequencies, target the logit of the task that asks for both",
        model=model, x=x, layers=relus, small_layer=relus[-1], baselines=np.array(background), target=0)


def reviews(data: Path) -> Subject | None:
    """Sentences of the test split; None where the data is not there."""
    if not (data / "datasets" / "rt-polarity.pos").exists():
        return None
    sys.path.insert(0, str(EXAMPLES / "reviews"))
    import train

    sentences, _ = train.read_sentences(data / "datasets")
    vocabulary = (EXAMPLES / "reviews" / "vocabulary.txt").read_text(encoding="utf-8").split("\n")[:-1]
    ids = train.encode(sentences[train.split(len(sentences))[1]], vocabulary)[:32]
    return Subject(
        name="reviews", about="text CNN on sentences from film reviews, 32 test sentences, baseline the embedding of padding, "
        "target the logit of praise", model=mho.load(EXAMPLES / "reviews" / "cnn.onnx"), x=ids,
        layers=("embedding", "relu3", "relu5", "features"), small_layer="features", target=0)

"""What the tests share: the digit classifiers of the demo, and their images."""

from pathlib import Path

import mho
import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DIGITS = REPOSITORY / "examples" / "digits"


@pytest.fixture(scope="session")
def images() -> np.ndarray:
    return np.load(DIGITS / "digits.npz")["images"]


@pytest.fixture(scope="session")
def labels() -> np.ndarray:
    return np.load(DIGITS / "digits.npz")["labels"]


@pytest.fixture(scope="session")
def cnn() -> mho.Model:
    return mho.load(DIGITS / "cnn.onnx")


@pytest.fixture(scope="session")
def mlp() -> mho.Model:
    return mho.load(DIGITS / "mlp.onnx")

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


@pytest.fixture(scope="session")
def networks():
    """Networks by name, or by (name, 64) in float64, made when asked for; exported by the faster of the exporters."""
    import captum_networks
    import mho.captum

    class Networks(dict):
        def __missing__(self, name):
            self[name] = captum_networks.make(name) if isinstance(name, str) else self[name[0]].in_double()
            return self[name]

    before = mho.captum.configure(exporter="torchscript")
    yield Networks()
    mho.captum.configure(**before)

"""Invariant: a Keras 3 model, exported by its PyTorch backend, predicts the same, and NIG of its layers is complete."""

import os

import mho
import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnxscript")


@pytest.fixture(scope="module")
def keras():
    before = os.environ.get("KERAS_BACKEND")
    os.environ["KERAS_BACKEND"] = "torch"  # read when it is imported
    try:
        yield pytest.importorskip("keras")
    finally:
        if before is None:
            del os.environ["KERAS_BACKEND"]
        else:
            os.environ["KERAS_BACKEND"] = before


@pytest.mark.filterwarnings("ignore")  # of the tracer
def test_keras_models_come_by_their_own_export(keras, tmp_path):
    module = keras.Sequential([
        keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Flatten(),
        keras.layers.Dense(5),
    ])
    x = np.random.default_rng(0).random((3, 8, 8, 1), np.float32)
    expected = np.asarray(module.predict(x, verbose=0))
    module.export(str(tmp_path / "model.onnx"), format="onnx", verbose=False)
    model = mho.load(tmp_path / "model.onnx")
    (output,) = model.run(x).values()
    np.testing.assert_allclose(output, expected, atol=1e-5)
    result = model.attribute(x, tolerance=1e-3)
    assert any(layer.op == "Relu" for layer in result.layers)
    assert max(np.abs(delta).max() for delta in result.delta.values()) < 1e-4

"""Invariant: models load from whatever holds one, take whatever holds numbers without copying, and say no in Python."""

import io
import pickle
import threading

import mho
import numpy as np
import pytest
from conftest import DIGITS

onnx = pytest.importorskip("onnx")


def test_loads_paths_bytes_files_and_protos(images):
    path = DIGITS / "mlp.onnx"
    expected = mho.load(path).run(images)["probabilities"]
    for source in (str(path), path.read_bytes(), bytearray(path.read_bytes()), io.BytesIO(path.read_bytes()),
                   onnx.load(path)):
        np.testing.assert_array_equal(mho.load(source).run(images)["probabilities"], expected)
    with path.open("rb") as file:
        mho.load(file)
    with pytest.raises(ValueError, match="closed file"):
        mho.load(file)


def test_refuses_what_is_no_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing.onnx"):
        mho.load(tmp_path / "missing.onnx")
    with pytest.raises(mho.InvalidModelError) as caught:
        mho.load(b"not a model")
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, mho.MhoError)
    with pytest.raises(TypeError, match="int"):
        mho.load(3)
    with pytest.raises(ValueError, match="precision 'half'"):
        mho.load(DIGITS / "mlp.onnx", precision="half")
    with pytest.raises(mho.IoError):
        mho.load(tmp_path)


def test_run_agrees_with_onnx(cnn, images):
    from onnx.reference import ReferenceEvaluator

    expected = ReferenceEvaluator(onnx.load(DIGITS / "cnn.onnx")).run(None, {cnn.inputs[0].name: images})[0]
    np.testing.assert_allclose(cnn.run(images)["logits"], expected, rtol=1e-4, atol=1e-5)


def test_tells_layers_inputs_and_cuts(cnn):
    assert [port.name for port in cnn.outputs] == ["logits"]
    assert cnn.inputs[0].shape[1:] == [1, 8, 8]
    layers = {layer.name: layer for layer in cnn.layers}
    assert layers["relu4"].shape == [1, 64] and layers["relu4"].cut and layers["relu4"].affine_to_target
    assert cnn.inspect().target == "logits"
    assert "logits" in repr(cnn) and "<table>" in cnn._repr_html_()


@pytest.mark.parametrize("convert", [
    lambda x: x.astype(np.float64), lambda x: x[..., ::-1][..., ::-1], np.asfortranarray, lambda x: x.tolist(),
    lambda x: {"image": x}, lambda x: (x,), lambda x: [x], lambda x: x.astype(">f4"),
    lambda x: memoryview(np.ascontiguousarray(x)),
], ids=["float64", "strided", "fortran", "list", "mapping", "tuple", "sequence", "big-endian", "buffer"])
def test_takes_whatever_holds_numbers(mlp, images, convert):
    x = images[:3]
    expected = mlp.run(x)["probabilities"]
    given = convert(x)
    if isinstance(given, dict):
        given = {mlp.inputs[0].name: x}
    np.testing.assert_array_equal(mlp.run(given)["probabilities"], expected)


def test_takes_dlpack(mlp, images):
    class OnlyDlpack:
        def __init__(self, array):
            self.array = array

        def __dlpack__(self, **arguments):
            return self.array.__dlpack__(**arguments)

        def __dlpack_device__(self):
            return self.array.__dlpack_device__()

    np.testing.assert_array_equal(mlp.run(OnlyDlpack(images))["probabilities"], mlp.run(images)["probabilities"])


def test_takes_torch_tensors(mlp, images):
    torch = pytest.importorskip("torch")
    expected = mlp.run(images)["probabilities"]
    tensor = torch.from_numpy(images).requires_grad_()
    np.testing.assert_array_equal(mlp.run(tensor)["probabilities"], expected)
    rounded = tensor.detach().bfloat16()
    np.testing.assert_array_equal(mlp.run(rounded)["probabilities"], mlp.run(rounded.float())["probabilities"])


def test_inputs_are_not_copied(images):
    from mho._arrays import to_numpy

    assert to_numpy(images, "x") is images


def test_one_example_may_lack_its_axis(mlp, images):
    np.testing.assert_array_equal(mlp.run(images[0])["probabilities"], mlp.run(images[:1])["probabilities"])


def test_wrong_inputs_are_errors_of_the_right_type(mlp, images):
    with pytest.raises(mho.InvalidArgumentError, match=r"has shape \[1, 1, 9, 9\]"):
        mlp.run(np.zeros((1, 1, 9, 9), np.float32))
    with pytest.raises(TypeError, match="no real numbers|not real numbers"):
        mlp.run(np.array([["a"]]))
    with pytest.raises(TypeError, match="not real numbers"):
        mlp.run(images.astype(complex))
    with pytest.raises(ValueError, match="no input 'y'"):
        mlp.run({"y": images})
    broken = images.copy()
    broken[2, 0, 3, 3] = np.nan
    with pytest.raises(mho.NumericError, match="NaN") as caught:
        mlp.run(broken)
    assert isinstance(caught.value, ValueError)


def test_threads_share_a_model(cnn, images):
    expected = [cnn.attribute(images[i:i + 4], layers="relu3", steps=8)["relu3"] for i in range(0, 16, 4)]
    results: list = [None] * 4
    errors = []

    def work(k):
        try:
            for _ in range(5):
                results[k] = cnn.attribute(images[4 * k:4 * k + 4], layers="relu3", steps=8)["relu3"].copy()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    for result, wanted in zip(results, expected):
        np.testing.assert_allclose(result, wanted, rtol=1e-6, atol=1e-9)


def test_other_options_share_the_model(mlp, images):
    double = mlp.with_options(precision="double")
    assert double.options["precision"] == "double" and mlp.options["precision"] == "single"
    np.testing.assert_allclose(double.run(images)["probabilities"], mlp.run(images)["probabilities"], atol=1e-6)
    with pytest.raises(TypeError, match="speed"):
        mlp.with_options(speed=2)


def test_limits_are_obeyed_and_kept(images):
    path = DIGITS / "cnn.onnx"
    bounded = {"memory": "1G", "nodes": 100, "tensor_elements": 100_000, "unrolled_nodes": 100, "primitives": 100,
               "nesting": 2, "constant_elements": 1000, "work": 100_000}
    assert mho.load(path, limits=bounded).run(images)["logits"].shape == (len(images), 10)
    for limits, named in [({"memory": "100K"}, "memory"), ({"nodes": 3}, "nodes")]:
        for source in (path, path.read_bytes()):
            with pytest.raises(mho.LimitError, match=rf"limits: {named}"):
                mho.load(source, limits=limits)
    small = mho.load(path, limits={"primitives": 3})
    for model in (small, small.with_options(threads=1), pickle.loads(pickle.dumps(small))):
        with pytest.raises(mho.LimitError, match="limits: primitives"):
            model.run(images)
    with pytest.raises(ValueError, match="no limit 'speed'"):
        mho.load(path, limits={"speed": 1})
    with pytest.raises(ValueError, match="nesting"):
        mho.load(path, limits={"nesting": 0})

"""Invariant: whatever submodules take and return is a layer under the submodule's name, with its very values."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

import mho  # noqa: E402
import mho.torch  # noqa: E402
import numpy as np  # noqa: E402
from captum_networks import Functional, Residual, TwoInputs  # noqa: E402
from torch import nn  # noqa: E402

EXPORTERS = ["dynamo", "torchscript"]


def values_of(module, args):
    """What every submodule took and returned when it was first called."""
    found = {}
    handles = []
    for name, part in module.named_modules():
        def after(m, taken, output, name=name):
            for key, value in ((f"{name}:input", taken[0] if taken else None), (name, output)):
                if isinstance(value, torch.Tensor):
                    found.setdefault(key, value.detach().clone())
        handles.append(part.register_forward_hook(after))
    with torch.no_grad():
        module(*args)
    for handle in handles:
        handle.remove()
    return {key: value for key, value in found.items() if key not in ("", ":input")}


def check(model, module, args, least):
    """Every named tensor has the submodule's values; the names include at least these."""
    found = values_of(module, args)
    names = {port.name: value for port, value in zip(model.inputs, args)}
    assert set(least) <= set(model.tensors)
    for name, value in found.items():
        tensor = model.tensors[name]
        if tensor in names:
            assert torch.equal(value, names[tensor])
            continue
        result = model.attribute(args, layers=name, output=name, target=0, method="activation")
        np.testing.assert_allclose(result[name].reshape(value.shape), value.numpy(), rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_submodules_become_layers(exporter):
    torch.manual_seed(0)
    module = Residual().train()
    module.norm2.eval()
    module(torch.randn(8, 1, 6, 6))
    before = {key: value.clone() for key, value in module.state_dict().items()}
    hooks = [len(part._forward_hooks) for part in module.modules()]
    model = mho.torch.load(module, torch.randn(1, 1, 6, 6), exporter=exporter)
    assert model.exporter == exporter and model.dynamic_batch
    # The module is as it was.
    assert module.training and not module.norm2.training and module.relu1.inplace
    assert hooks == [len(part._forward_hooks) for part in module.modules()]
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())

    module.eval()
    x = torch.randn(5, 1, 6, 6)
    np.testing.assert_allclose(model.run(x)[model.outputs[0].name], module(x).detach().numpy(), rtol=1e-4, atol=1e-5)
    for part in (module.relu1, module.relu2):
        part.inplace = False  # or what hooks see changes under them
    layers = ["conv1", "norm1", "relu1", "conv2", "norm2", "relu2", "relu2:input", "pool", "flatten", "hidden", "relu3"]
    check(model, module, (x,), layers)
    # The addition is between them, so that no BatchNorm was folded and nothing written over.
    assert len({model.tensors[name] for name in layers}) == len(layers)
    assert model.tensors["relu1:input"] == model.tensors["norm1"] and model.tensors["output"] == model.tensors["out"]
    names = {layer.name for layer in model.layers}
    assert {model.tensors[name] for name in layers} <= names

    result = model.attribute(x, layers=["relu*", "norm1"], target=1)
    assert list(result) == ["norm1", "relu1", "relu2", "relu3"]
    assert result["relu2"].shape == (5, 4, 6, 6) and "relu1:input" in result
    assert max(np.abs(d).max() for d in result.delta.values()) < 1e-4


class Everything(nn.Module):
    """A shared module, one that is called twice, several results, a keyword argument and one that is no tensor."""

    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(nn.Linear(6, 6), nn.Tanh())
        self.again = self.block[1]
        self.scale = Scale()
        self.split = Split()

    def forward(self, x, other, mode="add"):
        y = self.again(self.block(x)) if mode == "add" else x
        y = self.scale(y, factor=other)
        low, high = self.split(y)
        return {"sum": low + high, "low": low}


class Scale(nn.Module):
    def forward(self, x, factor):
        return x * factor


class Split(nn.Module):
    def forward(self, x):
        return x[:, :3], 2 * x[:, 3:]


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_calls_and_results_that_are_several(exporter):
    torch.manual_seed(1)
    module = Everything()
    args = (torch.randn(4, 6), torch.randn(4, 6))
    model = mho.torch.load(module, (args[0],), kwargs={"other": args[1], "mode": "add"}, exporter=exporter)
    tensors = model.tensors
    assert [port.name for port in model.inputs] == ["x", "other"]
    assert tensors["block"] == tensors["block.1"] == tensors["again"] == tensors["again:1:input"]
    assert tensors["block.1:1"] == tensors["scale:input"] != tensors["block.1"]
    assert tensors["scale:input[factor]"] == "other"
    assert tensors["split"] == tensors["split[0]"] != tensors["split[1]"]
    assert tensors["output[1]"] == tensors["split[0]"]
    check(model, module, args, ["again:1", "split[1]", "output"])
    with torch.no_grad():
        outer = torch.tanh(module.block(args[0]))
        high = 2 * (outer * args[1])[:, 3:]
    for name, value in (("again:1", outer), ("split[1]", high)):
        result = model.attribute(args, layers=name, output=name, target=0, method="activation")
        np.testing.assert_allclose(result[name], value.numpy(), rtol=1e-5, atol=1e-6)
    gradient = model.attribute(args, layers="again:1", output="split[1]", target=1, method="gradient")["block.1:1"]
    np.testing.assert_allclose(gradient[:, 4], 2 * args[1][:, 4], rtol=1e-5)


def test_recurrent_modules_return_several_tensors():
    torch.manual_seed(2)

    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.out = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 2)

        def forward(self, x):
            return self.out(self.lstm(x)[0][:, -1])

    module = Recurrent()
    x = torch.randn(3, 5, 3)
    model = mho.torch.load(module, x, exporter="torchscript")
    result = model.attribute(x, layers=["lstm[0]", "out:input"], target=1)
    assert result["lstm"].shape == (3, 5, 4) and result["out:input"].shape == (3, 4)
    assert max(np.abs(d).max() for d in result.delta.values()) < 1e-4


def test_double_modules_are_computed_in_double():
    module = Functional().double()
    x = torch.randn(3, 7, dtype=torch.float64)
    model = mho.torch.load(module, x, exporter="torchscript")
    assert model.options["precision"] == "double"
    np.testing.assert_allclose(model.run(x)["out"], module(x).detach().numpy(), rtol=1e-12, atol=1e-13)
    single = model.with_options(precision="single")
    assert isinstance(single, mho.torch.TorchModel) and "second:input" in single.tensors
    assert mho.torch.load(Functional(), torch.randn(1, 7), exporter="torchscript").options["precision"] == "single"


def test_arguments_have_the_names_of_parameters():
    module = TwoInputs()
    args = (torch.randn(3, 6), torch.randn(3, 4))
    model = mho.torch.load(module, args, exporter="torchscript")
    result = model.attribute({"b": args[1], "a": args[0]}, layers=["a", "b", "join"], target=0, tolerance=1e-5)
    total = result["a"].sum(1) + result["b"].sum(1)
    np.testing.assert_allclose(total, result.f_input - result.f_baseline, rtol=1e-4, atol=1e-4)
    assert model.inspect(at="left").path == ["left"]
    neuron = model.attribute(args, layers="a", output="join", target=4, method="gradient")["a"]
    assert np.abs(neuron).max() > 0


class Branches(nn.Module):
    def forward(self, x):
        return x * 2 if x.sum() > 0 else x - 1


class OneExample(nn.Module):
    """Good for a single example only."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(6, 2)

    def forward(self, x):
        return self.linear(x.reshape(1, 6))


def test_batches_of_one_where_the_module_takes_no_others():
    model = mho.torch.load(OneExample(), torch.randn(1, 2, 3), exporter="torchscript")
    assert not model.dynamic_batch
    x = torch.randn(4, 2, 3)
    result = model.attribute(x, layers="linear:input", target=1)
    assert result["linear:input"].shape == (4, 6)


def test_what_cannot_be_exported_is_refused_with_every_reason():
    with pytest.raises(mho.UnsupportedError) as caught:
        mho.torch.load(Branches(), torch.ones(1, 3))
    assert isinstance(caught.value, NotImplementedError)
    for part in ("Branches", "dynamo, any batch size", "torchscript, batches of 1", "took something"):
        assert part in str(caught.value)


def test_large_modules_go_through_a_file(monkeypatch):
    monkeypatch.setattr("mho.torch._export._IN_MEMORY", 0)
    module, x = Functional(), torch.randn(3, 7)
    model = mho.torch.load(module, x, exporter="dynamo")
    np.testing.assert_allclose(model.run(x)["out"], module(x).detach().numpy(), rtol=1e-5, atol=1e-6)
    assert "second" in {layer.name for layer in model.layers}


def test_wrong_arguments():
    with pytest.raises(TypeError, match="Module"):
        mho.torch.load(torch.relu, torch.ones(1))
    with pytest.raises(TypeError, match="no tensor"):
        mho.torch.load(nn.Identity(), (3,))
    with pytest.raises(ValueError, match="exporter"):
        mho.torch.load(nn.Identity(), torch.ones(1), exporter="tflite")
    model = mho.torch.load(Functional(), torch.randn(1, 7), exporter="torchscript")
    with pytest.raises(KeyError, match="second"):
        model.attribute(torch.randn(1, 7), layers="secnd")
    with pytest.raises(RuntimeError):  # the module's own complaint about its example
        mho.torch.load(Functional(), torch.randn(1, 8))


def test_evaluate_knows_submodules_by_all_their_names():
    torch.manual_seed(3)
    module = nn.Sequential(nn.Sequential(nn.Linear(4, 6), nn.Tanh()), nn.Linear(6, 3))
    x = torch.randn(5, 4)
    model = mho.torch.load(module, x[:1], exporter="torchscript")
    names = [name for name in ("0", "0.1") if model.tensors[name] != name]
    assert names, "one of the two is another name of the tensor"
    options = {"layers": "0.0", "target": 2, "methods": ["gradient"], "subsets": 0, "noises": 0, "resamples": 0}
    found = model.evaluate(x, output=names[0], **options)
    np.testing.assert_equal(found["layers"], model.evaluate(x, output=model.tensors[names[0]], **options)["layers"])

"""Invariant: mho.captum takes what Captum takes, in every form, and refuses the rest with Python's usual exceptions."""

import inspect

import pytest

torch = pytest.importorskip("torch")
attr = pytest.importorskip("captum.attr")
pytest.importorskip("onnx")

from captum_networks import Functional, Residual, distance, same_form  # noqa: E402
from torch import nn  # noqa: E402

import mho.captum as ours  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # Captum tells of its hooks

CLASSES = [name for name in ours.__all__ if inspect.isclass(getattr(ours, name))]


@pytest.mark.parametrize("name", CLASSES)
def test_signatures_are_captums(name):
    for method in ("__init__", "attribute"):
        theirs = inspect.signature(getattr(getattr(attr, name), method)).parameters
        mine = inspect.signature(getattr(getattr(ours, name), method)).parameters
        positional = [p for p in mine.values() if p.kind is not p.KEYWORD_ONLY]
        assert [(p.name, p.default) for p in positional] == [(p.name, p.default) for p in theirs.values()]
    assert getattr(ours, name).has_convergence_delta is not None
    assert {"get_name", "has_convergence_delta", "multiplies_by_inputs"} <= set(dir(getattr(ours, name)))


def test_answers_about_themselves_are_captums(networks):
    network = networks["mlp"]
    for name in CLASSES:
        parts = (network.layer("1"),) if name.startswith(("Layer", "Neuron", "Internal")) else ()
        mine, theirs = getattr(ours, name)(network.module, *parts), getattr(attr, name)(network.module, *parts)
        assert mine.has_convergence_delta() == theirs.has_convergence_delta(), name
        assert mine.multiplies_by_inputs == theirs.multiplies_by_inputs, name
        assert mine.get_name() == theirs.get_name(), name


class Grid(nn.Module):
    """One example's output is a table."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(5, 12)

    def forward(self, x):
        return torch.tanh(self.linear(x)).reshape(-1, 3, 4)


class Scalar(nn.Module):
    """One number per example, without an axis of its own."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(5, 4)

    def forward(self, x):
        return torch.tanh(self.linear(x)).sum(1)


@pytest.mark.parametrize("target", [2, torch.tensor(1), torch.tensor([0, 3, 2, 1, 0]), [0, 3, 2, 1, 0], (2,),
                                    torch.tensor([3])])
def test_targets(networks, target):
    network = networks["mlp"]
    mine = ours.LayerGradientXActivation(network.module, network.layer("1"))
    theirs = attr.LayerGradientXActivation(network.module, network.layer("1"))
    assert distance(mine.attribute(network.x, target), theirs.attribute(network.x, target)) < 1e-5


@pytest.mark.parametrize("module, target", [
    (Grid, (1, 3)), (Grid, [(0, 0), (2, 3), (1, 1)]), (Scalar, None),
])
def test_targets_of_other_outputs(networks, module, target):
    torch.manual_seed(3)
    module, x = module(), torch.randn(3, 5)
    mine = ours.LayerGradientXActivation(module, module.linear).attribute(x, target)
    theirs = attr.LayerGradientXActivation(module, module.linear).attribute(x, target)
    same_form(mine, theirs)
    assert distance(mine, theirs) < 1e-5


def test_baselines(networks):
    network = networks["two_inputs"]
    a, b = network.inputs
    for baselines in (None, 0.5, (0.5, -1), (torch.ones(1, 6), 0), (torch.randn(4, 6), torch.randn(1, 4))):
        given = (baselines, baselines) if isinstance(baselines, float) else baselines
        mine, delta = ours.DeepLift(network.module).attribute((a, b), given, 1, return_convergence_delta=True)
        theirs, other = attr.DeepLift(network.module).attribute((a, b), given, 1, return_convergence_delta=True)
        same_form((mine, delta), (theirs, other))
        assert distance(mine, theirs) < 1e-5
    (part,) = ours.DeepLift(networks["mlp"].module).attribute(networks["mlp"].inputs, 0.25, 1)
    same_form(part, networks["mlp"].x)


class WithArguments(nn.Module):
    """An input, a tensor and something else besides."""

    def __init__(self):
        super().__init__()
        self.linear, self.tanh, self.out = nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2)

    def forward(self, x, weights, power=1, flip=False):
        y = self.tanh(self.linear(x)) * weights
        return self.out(-y if flip else y) * power


def test_additional_forward_args(networks):
    torch.manual_seed(4)
    module, x, weights = WithArguments(), torch.randn(3, 4), torch.rand(3, 6) + 0.5
    for arguments in (weights, (weights,), (weights, 2), (weights, 3, True)):
        mine = ours.DeepLift(module).attribute(x, target=1, additional_forward_args=arguments)
        # Captum's DeepLift takes the product's gradient, which is right since weights stay as they are.
        theirs = attr.DeepLift(module).attribute(x, target=1, additional_forward_args=arguments)
        same_form(mine, theirs)
        assert distance(mine, theirs) < 1e-5
        mine = ours.IntegratedGradients(module).attribute(x, target=1, additional_forward_args=arguments)
        theirs = attr.IntegratedGradients(module).attribute(x, target=1, additional_forward_args=arguments)
        assert distance(mine, theirs) < 1e-5
        mine, delta = ours.LayerConductance(module, module.linear).attribute(
            x, target=1, additional_forward_args=arguments, return_convergence_delta=True)
        assert mine.shape == (3, 6) and delta.abs().max() < 5e-3 * mine.abs().sum(1).max()


def test_lists_of_layers_and_tuples_of_tensors(networks):
    network = networks["residual"]
    layers = [network.layer("conv1"), network.layer("hidden")]
    for name, arguments in (("LayerActivation", {}), ("LayerGradientXActivation", {"target": 1})):
        mine = getattr(ours, name)(network.module, layers).attribute(network.x, **arguments)
        theirs = getattr(attr, name)(network.module, layers).attribute(network.x, **arguments)
        same_form(mine, theirs)
        assert all(distance(m, t) < 1e-5 for m, t in zip(mine, theirs))

    class Pair(nn.Module):
        def forward(self, x):
            return x.sin(), x.cos()

    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.pair, self.out = Pair(), nn.Linear(5, 2)

        def forward(self, x):
            a, b = self.pair(x)
            return self.out(a * b)

    torch.manual_seed(5)
    module, x = Sum(), torch.randn(3, 5)
    for name, arguments in (("LayerActivation", {}), ("LayerGradientXActivation", {"target": 1}),
                            ("LayerIntegratedGradients", {"target": 1})):
        mine = getattr(ours, name)(module, module.pair).attribute(x, **arguments)
        theirs = getattr(attr, name)(module, module.pair).attribute(x, **arguments)
        same_form(mine, theirs)
        assert distance(mine, theirs) < 1e-5
    values, delta = ours.LayerConductance(module, module.pair).attribute(x, target=1, return_convergence_delta=True)
    assert isinstance(values, tuple) and delta.abs().max() < 1e-2 * sum(v.abs().sum() for v in values)


@pytest.mark.parametrize("selector", [(1, 0, 3), (0, slice(1, 3), slice(None)), (slice(None), 2, 2),
                                      lambda y: y[:, 1, 0, 3], lambda y: y.flatten(1)[:, 2:9].mean(1)])
def test_neuron_selectors(networks, selector):
    network = networks["residual"]
    part = network.layer("norm1")
    for name, arguments in (("NeuronGradient", {}), ("NeuronDeepLift", {"baselines": network.start}),
                            ("NeuronIntegratedGradients", {"baselines": network.start})):
        mine = getattr(ours, name)(network.module, part).attribute(network.x, selector, **arguments)
        theirs = getattr(attr, name)(network.module, part).attribute(network.x, selector, **arguments)
        same_form(mine, theirs)
        assert distance(mine, theirs) < 1e-5  # norm1 is affine in the input


def test_neurons_at_a_layers_input(networks):
    network = networks["mlp"]
    part = network.layer("3")
    mine = ours.NeuronGradient(network.module, part).attribute(network.x, 2, attribute_to_neuron_input=True)
    theirs = attr.NeuronGradient(network.module, part).attribute(network.x, 2, attribute_to_neuron_input=True)
    assert distance(mine, theirs) < 1e-5


def test_inputs_that_do_not_reach_a_neuron_get_zeros(networks):
    network = networks["two_inputs"]
    values = ours.NeuronGradient(network.module, network.layer("left")).attribute(network.x, 2)
    assert values[0].abs().max() > 0 and torch.equal(values[1], torch.zeros_like(network.inputs[1]))
    for name in ("NeuronDeepLift", "NeuronIntegratedGradients"):
        values = getattr(ours, name)(network.module, network.layer("left")).attribute(network.x, 2, network.start)
        assert values[0].abs().max() > 0 and torch.equal(values[1], torch.zeros_like(network.inputs[1]))


class Tokens(nn.Module):
    """Integer inputs."""

    def __init__(self):
        super().__init__()
        self.embedding, self.linear, self.out = nn.Embedding(11, 6), nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, ids):
        return self.out(torch.tanh(self.linear(self.embedding(ids))).mean(1))


def test_token_models_begin_at_their_embedding(networks):
    torch.manual_seed(6)
    module = Tokens()
    ids, start = torch.randint(1, 11, (3, 5)), torch.zeros(1, 5, dtype=torch.long)
    arguments = {"baselines": start, "target": 2, "return_convergence_delta": True}
    mine, delta = ours.LayerIntegratedGradients(module, module.embedding).attribute(ids, **arguments)
    theirs, other = attr.LayerIntegratedGradients(module, module.embedding).attribute(ids, start.expand(3, 5), **{
        key: value for key, value in arguments.items() if key != "baselines"})
    same_form((mine, delta), (theirs, other))
    assert distance(mine, theirs) < 1e-5
    mine = ours.LayerGradientXActivation(module, module.linear).attribute(ids, 1)
    assert distance(mine, attr.LayerGradientXActivation(module, module.linear).attribute(ids, 1)) < 1e-5
    with pytest.raises(TypeError, match="embeds"):
        ours.IntegratedGradients(module).attribute(ids, target=1)


def test_modules_called_twice_are_taken_at_their_last_call(networks):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.out = nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x):
            return self.out(torch.tanh(self.linear(torch.tanh(self.linear(x)))))

    torch.manual_seed(7)
    module, x = Twice(), torch.randn(3, 4)
    for name in ("LayerActivation", "LayerGradientXActivation"):
        arguments = () if name == "LayerActivation" else (1,)
        mine = getattr(ours, name)(module, module.linear).attribute(x, *arguments)
        assert distance(mine, getattr(attr, name)(module, module.linear).attribute(x, *arguments)) < 1e-5


def test_exports_are_kept_until_the_module_changes(networks, monkeypatch):
    from mho.captum import _exports

    loads = []
    original = _exports.load
    monkeypatch.setattr(_exports, "load", lambda *a, **k: loads.append(1) or original(*a, **k))
    torch.manual_seed(8)
    module, x = Functional(), torch.randn(3, 7)
    layer = ours.LayerActivation(module, module.first)

    def agrees(count):
        assert distance(layer.attribute(x), module.first(x)) < 1e-5
        assert len(loads) == count

    agrees(1)
    ours.LayerActivation(module, module.second).attribute(torch.randn(6, 7))
    agrees(1)
    with torch.no_grad():
        module.first.weight[0, 0] += 1
    agrees(2)
    module.first.weight.data[1] = 0  # leaves no trace in the version
    agrees(3)
    module.first.bias = nn.Parameter(torch.ones(9))
    agrees(4)
    module.train()
    agrees(4)
    ours.forget(module)
    agrees(5)


def test_modules_in_training_are_explained_in_evaluation_mode_and_left_alone(networks):
    torch.manual_seed(9)
    module = Residual().train()
    x = torch.randn(4, 1, 6, 6)
    statistics = module.norm1.running_mean.clone()
    values, delta = ours.LayerDeepLift(module, module.norm1).attribute(x, target=1, return_convergence_delta=True)
    assert module.training and torch.equal(module.norm1.running_mean, statistics)
    assert delta.abs().max() < 1e-5 * (1 + values.abs().sum())


def test_wrong_arguments(networks):
    network = networks["mlp"]
    module, layer, x = network.module, network.layer("1"), network.x
    conductance = ours.LayerConductance(module, layer)
    with pytest.raises(TypeError, match="Module"):
        ours.IntegratedGradients(lambda x: module(x))
    with pytest.raises(TypeError, match="layer"):
        ours.LayerConductance(module, "1")
    with pytest.raises(ValueError, match="no submodule"):
        ours.LayerConductance(module, nn.ReLU()).attribute(x, target=1)
    with pytest.raises(TypeError, match="Tensor"):
        conductance.attribute(x.numpy(), target=1)
    with pytest.raises(IndexError):
        conductance.attribute(x, target=9)
    for target in (1.5, "cat", True, torch.tensor([0.5])):
        with pytest.raises(TypeError):
            conductance.attribute(x, target=target)
    for arguments in ({"target": None}, {"target": [1, 2]}, {"target": 1, "baselines": torch.zeros(2, 12)},
                      {"target": 1, "n_steps": 0}, {"target": 1, "method": "simpson"}, {"target": 1, "tolerance": 2.0},
                      {"target": (1, 1)}, {"target": 1, "baselines": (0, 0)}):
        with pytest.raises(ValueError):
            conductance.attribute(x, **arguments)
    with pytest.raises(TypeError, match="baseline"):
        conductance.attribute(x, "black", 1)
    with pytest.raises(NotImplementedError, match="grad_kwargs"):
        conductance.attribute(x, target=1, grad_kwargs={"create_graph": True})
    with pytest.raises(ValueError, match="NaN"):
        conductance.attribute(torch.full_like(x, float("nan")), target=1)
    neuron = ours.NeuronGradient(networks["residual"].module, networks["residual"].layer("relu2"))
    with pytest.raises(ValueError, match="must be one"):
        neuron.attribute(networks["residual"].x, 2)
    with pytest.raises(IndexError):
        neuron.attribute(networks["residual"].x, (9, 0, 0))
    with pytest.raises(NotImplementedError, match="weighted sum"):
        neuron.attribute(networks["residual"].x, lambda y: y.flatten(1).pow(2).sum(1))
    with pytest.raises(NotImplementedError, match="one neuron"):
        ours.NeuronConductance(module, layer).attribute(x, (slice(0, 3),), target=1)
    with pytest.raises(TypeError, match="unknown options"):
        ours.configure(speed=2)

"""Invariant: path methods of mho.captum are within their tolerance of the converged integral, and never farther from it
than Captum with its default arguments.
"""

import functools

import pytest

torch = pytest.importorskip("torch")
attr = pytest.importorskip("captum.attr")
pytest.importorskip("onnx")

import captum_networks  # noqa: E402
from captum_networks import NAMES, converged, distance, same_form  # noqa: E402

import mho  # noqa: E402
import mho.captum as ours  # noqa: E402
import mho.torch  # noqa: E402
from mho.captum._path import TOLERANCE  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # Captum tells of its hooks
CASES = [(name, layer) for name in NAMES for layer in captum_networks.make(name).layers]
NEURONS = [case for case in CASES if case not in (("two_inputs", "left"), ("two_inputs", "elu"))]  # Captum refuses them
ROUNDING = 2e-6  # of float32, relative L1


@functools.lru_cache(maxsize=None)
def exact_model(name):
    network = captum_networks.make(name).in_double()
    return network, mho.torch.load(network.module, network.inputs, exporter="torchscript")


def exact(name, layers, **arguments):
    """mho's exact sums over the linear pieces of the path, in float64."""
    network, model = exact_model(name)
    target = network.target.tolist() if isinstance(network.target, torch.Tensor) else network.target
    arguments = {"target": target, "baselines": network.baselines, **arguments}
    result = model.attribute(network.inputs, layers=layers, exact=True, probability=True, **arguments)
    return tuple(torch.from_numpy(result[layer].copy()) for layer in model._layer_names(layers))


def expected(network, kind, layer=None, neuron=None):
    """The converged integral: exact on piecewise linear networks, by many midpoints on others."""
    name = network.name
    if not network.piecewise_linear or kind == "neuron_conductance":
        return converged(network, kind, layer, neuron)
    _, model = exact_model(name)
    inputs = [port.name for port in model.inputs]
    if kind == "conductance":
        return exact(name, layer)
    if kind == "influence":
        return exact(name, layer, method="internal_influence")
    if kind == "layer_ig":
        network, model = exact_model(name)
        starts = tuple(b.expand_as(x) for b, x in zip(network.baselines, network.inputs))
        begins = model.attribute(starts, layers=layer, output=layer, target=0, method="activation")[layer]
        tensor = model.tensors[layer]
        return exact(name, layer, at=layer, baselines={tensor: begins})
    if neuron is None:
        return exact(name, inputs)
    return exact(name, inputs, output=layer, target=neuron)


def hold(values, captums, true, reference_error=0.0):
    """Within the tolerance, and no farther than Captum; both up to rounding and to what the reference is good for."""
    mine = distance(values, true)
    assert mine <= TOLERANCE + reference_error
    if captums is not None:
        same_form(values, captums)
        assert mine <= distance(captums, true) + ROUNDING + reference_error


@pytest.mark.parametrize("name, layer", [("functional", "first"), ("mlp", "1")])
def test_exact_sums_are_what_midpoints_converge_to(networks, name, layer):
    for kind in ("conductance", "influence", "layer_ig"):
        near = converged(networks[name], kind, layer, steps=4096)
        assert distance(near, expected(networks[name], kind, layer)) < 1e-3
    assert distance(converged(networks[name], "ig", steps=4096), expected(networks[name], "ig")) < 1e-3


@pytest.mark.parametrize("name, layer", CASES)
def test_layer_conductance(networks, name, layer):
    network = networks[name]
    part = network.layer(layer)
    arguments = {"baselines": network.start, "target": network.target}
    captums = attr.LayerConductance(network.module, part).attribute(network.x, **arguments)
    values, delta = ours.LayerConductance(network.module, part).attribute(network.x, **arguments,
                                                                          return_convergence_delta=True)
    hold(values, captums, expected(network, "conductance", layer))
    if layer not in ("left", "elu"):
        assert delta.abs().max() < TOLERANCE * values.flatten(1).abs().sum(1).max()


@pytest.mark.parametrize("name, layer", CASES)
def test_internal_influence(networks, name, layer):
    network = networks[name]
    arguments = {"baselines": network.start, "target": network.target}
    captums = attr.InternalInfluence(network.module, network.layer(layer)).attribute(network.x, **arguments)
    values = ours.InternalInfluence(network.module, network.layer(layer)).attribute(network.x, **arguments)
    hold(values, captums, expected(network, "influence", layer))


@pytest.mark.parametrize("name, layer", CASES)
def test_layer_integrated_gradients(networks, name, layer):
    network = networks[name]
    arguments = {"baselines": network.start, "target": network.target}
    peer = attr.LayerIntegratedGradients(network.module, network.layer(layer))
    if (name, layer) == ("residual", "norm1"):
        with pytest.raises(RuntimeError, match="in-place"):
            peer.attribute(network.x, **arguments)
        captums = None
    else:
        captums = peer.attribute(network.x, **arguments)
    values = ours.LayerIntegratedGradients(network.module, network.layer(layer)).attribute(network.x, **arguments)
    hold(values, captums, expected(network, "layer_ig", layer))


@pytest.mark.parametrize("name", NAMES)
def test_integrated_gradients(networks, name):
    network = networks[name]
    arguments = {"baselines": network.start, "target": network.target, "return_convergence_delta": True}
    captums, theirs = attr.IntegratedGradients(network.module).attribute(network.x, **arguments)
    values, delta = ours.IntegratedGradients(network.module).attribute(network.x, **arguments)
    same_form(delta, theirs)
    hold(values, captums, expected(network, "ig"))
    assert delta.abs().max() <= theirs.abs().max() + 1e-5


@pytest.mark.parametrize("name, layer", NEURONS)
def test_neuron_integrated_gradients(networks, name, layer):
    network = networks[name]
    neuron, part = network.layers[layer], network.layer(layer)
    captums = attr.NeuronIntegratedGradients(network.module, part).attribute(network.x, neuron, network.start)
    values = ours.NeuronIntegratedGradients(network.module, part).attribute(network.x, neuron, network.start)
    hold(values, captums, expected(network, "ig", layer, neuron))


@pytest.mark.parametrize("name, layer", NEURONS)
def test_neuron_conductance(networks, name, layer):
    network = networks[name]
    neuron, part = network.layers[layer], network.layer(layer)
    arguments = {"baselines": network.start, "target": network.target}
    captums = attr.NeuronConductance(network.module, part).attribute(network.x, neuron, **arguments)
    values = ours.NeuronConductance(network.module, part).attribute(network.x, neuron, **arguments)
    # Where the gradient jumps, midpoints are off by the jump times half a step.
    hold(values, captums, expected(network, "neuron_conductance", layer, neuron), 0 if network.smooth else 1e-3)


@pytest.mark.parametrize("name", ["residual", "smooth", "two_inputs"])
def test_without_multiplying_by_inputs(networks, name):
    network = networks[name]
    layer = list(network.layers)[-1]
    neuron, part = network.layers[layer], network.layer(layer)
    differences = tuple(x - b for x, b in zip(network.inputs, network.baselines))
    for cls, arguments in ((ours.IntegratedGradients, {"target": network.target}),
                           (ours.NeuronIntegratedGradients, {"neuron_selector": neuron}),
                           (ours.NeuronConductance, {"neuron_selector": neuron, "target": network.target})):
        parts = () if cls is ours.IntegratedGradients else (part,)
        plain = cls(network.module, *parts, multiply_by_inputs=False).attribute(network.x, baselines=network.start,
                                                                                **arguments)
        times = cls(network.module, *parts).attribute(network.x, baselines=network.start, **arguments)
        plain = plain if isinstance(plain, tuple) else (plain,)
        assert distance(tuple(p * d for p, d in zip(plain, differences)), times) < 2 * TOLERANCE
    cls = ours.LayerIntegratedGradients
    plain = cls(network.module, part, multiply_by_inputs=False).attribute(network.x, network.start, network.target)
    times = cls(network.module, part).attribute(network.x, network.start, network.target)
    activation = ours.LayerActivation(network.module, part)
    starts = tuple(b.expand_as(x) for b, x in zip(network.baselines, network.inputs))
    moved = activation.attribute(network.x) - activation.attribute(starts if len(starts) > 1 else starts[0])
    assert distance(plain * moved, times) < 2 * TOLERANCE


def test_without_a_tolerance_the_rule_and_the_number_of_steps_are_captums(networks):
    network = networks["smooth"]
    for method in ("gausslegendre", "riemann_left", "riemann_right", "riemann_middle"):
        arguments = {"baselines": network.start, "target": 1, "n_steps": 7, "method": method}
        captums = attr.IntegratedGradients(network.module).attribute(network.x, **arguments)
        values = ours.IntegratedGradients(network.module).attribute(network.x, **arguments, tolerance=None)
        assert distance(values, captums) < 1e-5
        captums = attr.NeuronConductance(network.module, network.layer("2")).attribute(network.x, 3, **arguments)
        values = ours.NeuronConductance(network.module, network.layer("2")).attribute(network.x, 3, **arguments,
                                                                                      tolerance=None)
        assert distance(values, captums) < 1e-5


def test_a_smaller_tolerance_is_kept(networks):
    network = networks["mlp"]
    true = expected(network, "conductance", "1")
    values = ours.LayerConductance(network.module, network.layer("1")).attribute(
        network.x, network.start, network.target, tolerance=1e-4)
    assert distance(values, true) < 1e-4

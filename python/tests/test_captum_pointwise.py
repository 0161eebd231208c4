"""Invariant: gradients, activations and DeepLIFT of mho.captum are Captum's, wherever both have the same rule.

In float64, where both agree to 1e-9; in float32 both are off by up to 1e-4 where differences cancel. Where Captum has
another rule (maximum pooling, functional activations in DeepLIFT), mho's sums are held to be complete.
"""

import pytest

torch = pytest.importorskip("torch")
attr = pytest.importorskip("captum.attr")
pytest.importorskip("onnx")

import captum_networks  # noqa: E402
from captum_networks import NAMES, distance, same_form, selected  # noqa: E402

import mho.captum as ours  # noqa: E402

BOUND = 1e-9
CASES = [(name, layer) for name in NAMES for layer in captum_networks.make(name).layers]
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def both(name, network, *constructor, layer=None, **arguments):
    """mho's and Captum's values."""
    parts = (network.layer(layer),) if layer else ()
    expected = getattr(attr, name)(network.module, *parts, *constructor).attribute(network.x, **arguments)
    values = getattr(ours, name)(network.module, *parts, *constructor).attribute(network.x, **arguments)
    same_form(values, expected)
    return values, expected


@pytest.mark.parametrize("taken", [False, True])
@pytest.mark.parametrize("name, layer", CASES)
def test_activations_and_gradients(networks, name, layer, taken):
    network = networks[name, 64]
    values, expected = both("LayerActivation", network, layer=layer, attribute_to_layer_input=taken)
    assert distance(values, expected) < BOUND
    for multiply in (True, False):
        values, expected = both("LayerGradientXActivation", network, None, multiply, layer=layer, target=network.target,
                                attribute_to_layer_input=taken)
        assert distance(values, expected) < BOUND


@pytest.mark.parametrize("name, layer", CASES)
def test_gradients_of_neurons(networks, name, layer):
    network = networks[name, 64]
    if name == "two_inputs" and layer in ("left", "elu"):
        pytest.skip("Captum refuses a neuron that one input does not reach")
    values, expected = both("NeuronGradient", network, layer=layer, neuron_selector=network.layers[layer])
    assert distance(values, expected) < BOUND


@pytest.mark.parametrize("multiply", [True, False])
@pytest.mark.parametrize("name, layer", CASES)
def test_deeplift_of_layers(networks, name, layer, multiply):
    network = networks[name, 64]
    values, expected = both("LayerDeepLift", network, multiply, layer=layer, target=network.target,
                            baselines=network.start)
    if layer in network.rescale_agrees:
        assert distance(values, expected) < BOUND
    if multiply and layer not in ("left", "elu"):  # cuts: sums are complete whatever the rule
        difference = difference_of(network)
        assert torch.allclose(values.flatten(1).sum(1), difference, atol=BOUND)


def difference_of(network):
    with torch.no_grad():
        starts = [b.expand_as(x) for b, x in zip(network.baselines, network.inputs)]
        return (selected(network.module(*network.inputs), network.target)
                - selected(network.module(*starts), network.target))


@pytest.mark.parametrize("name", NAMES)
def test_deeplift_of_inputs(networks, name):
    network = networks[name, 64]
    arguments = {"target": network.target, "baselines": network.start, "return_convergence_delta": True}
    (values, delta), (expected, theirs) = both("DeepLift", network, **arguments)
    assert delta.abs().max() < BOUND * (1 + difference_of(network).abs().max())
    if name not in ("cnn", "functional"):
        assert distance(values, expected) < BOUND
        multipliers, expected = both("DeepLift", network, False, target=network.target, baselines=network.start)
        assert distance(multipliers, expected) < BOUND
    elif name == "functional":  # Captum takes functions for linear
        assert theirs.abs().max() > 1e-3


@pytest.mark.parametrize("name, layer", CASES)
def test_deeplift_of_neurons(networks, name, layer):
    network = networks[name, 64]
    if layer not in network.neuron_agrees or name == "two_inputs" and layer in ("left", "elu"):
        pytest.skip("Captum has another rule, or refuses a neuron that one input does not reach")
    values, expected = both("NeuronDeepLift", network, layer=layer, neuron_selector=network.layers[layer],
                            baselines=network.start)
    assert distance(values, expected) < BOUND


def test_custom_attribution_functions(networks):
    network = networks["residual", 64]

    def halves(multipliers, inputs, baselines):
        return tuple(m * (x - b) / 2 for m, x, b in zip(multipliers, inputs, baselines))

    arguments = {"target": 1, "baselines": network.start, "custom_attribution_func": halves}
    values, expected = both("DeepLift", network, **arguments)
    assert distance(values, expected) < BOUND
    values, expected = both("LayerDeepLift", network, layer="relu2", **arguments)
    assert distance(values, expected) < BOUND
    values, expected = both("NeuronDeepLift", network, layer="hidden", neuron_selector=3, baselines=network.start,
                            custom_attribution_func=lambda multipliers: tuple(2 * m for m in multipliers))
    assert distance(values, expected) < BOUND


@pytest.mark.parametrize("name", NAMES)
def test_single_precision(networks, name):
    network = networks[name]
    layer = list(network.layers)[-1]
    for cls, arguments in (("LayerActivation", {}), ("LayerGradientXActivation", {"target": network.target}),
                           ("NeuronGradient", {"neuron_selector": network.layers[layer]})):
        values, expected = both(cls, network, layer=layer, **arguments)
        assert distance(values, expected) < 1e-5
    arguments = {"layer": layer, "target": network.target, "baselines": network.start}
    values, expected = both("LayerDeepLift", network, **arguments)
    if layer in network.rescale_agrees:
        assert distance(values, expected) < 1e-5

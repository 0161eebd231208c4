"""Invariant: with the same seeds GradientShap draws Captum's points and gives its values; DeepLiftShap is the mean over
all pairs.
"""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
attr = pytest.importorskip("captum.attr")
pytest.importorskip("onnx")

from captum_networks import distance, same_form  # noqa: E402

import mho.captum as ours  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # Captum tells of its hooks


def drawn(cls, network, multiply, **arguments):
    torch.manual_seed(11)
    np.random.seed(12)
    return cls(network.module, multiply).attribute(network.x, **arguments)


@pytest.mark.parametrize("multiply", [True, False])
@pytest.mark.parametrize("name", ["residual", "mlp", "two_inputs"])
def test_gradient_shap_at_the_same_points(networks, name, multiply):
    network = networks[name]
    torch.manual_seed(10)
    distribution = tuple(torch.randn(6, *x.shape[1:]) for x in network.inputs)
    arguments = {"baselines": distribution if len(distribution) > 1 else distribution[0], "n_samples": 7, "stdevs": 0.2,
                 "target": network.target, "return_convergence_delta": True}
    (mine, delta), (theirs, other) = (drawn(cls, network, multiply, **arguments)
                                      for cls in (ours.GradientShap, attr.GradientShap))
    same_form((mine, delta), (theirs, other))
    assert distance(mine, theirs) < 1e-5
    assert torch.allclose(delta, other, atol=1e-4)


def test_gradient_shap_approaches_integrated_gradients(networks):
    network = networks["smooth"]
    torch.manual_seed(13)
    np.random.seed(14)
    start = torch.cat([network.start, network.start])
    many = ours.GradientShap(network.module).attribute(network.x, start, n_samples=4000, target=0)
    few = ours.GradientShap(network.module).attribute(network.x, start, n_samples=40, target=0)
    limit = ours.IntegratedGradients(network.module).attribute(network.x, network.start, 0)
    assert distance(many, limit) < 0.05
    assert distance(many, limit) < distance(few, limit)


@pytest.mark.parametrize("multiply", [True, False])
@pytest.mark.parametrize("name", ["residual", "mlp", "two_inputs"])
def test_deeplift_shap(networks, name, multiply):
    network = networks[name]
    torch.manual_seed(15)
    distribution = tuple(torch.randn(3, *x.shape[1:]) for x in network.inputs)
    given = distribution if len(distribution) > 1 else distribution[0]
    for baselines in (given, lambda: given, lambda inputs: given):
        arguments = {"baselines": baselines, "target": network.target}
        mine = ours.DeepLiftShap(network.module, multiply).attribute(network.x, **arguments)
        theirs = attr.DeepLiftShap(network.module, multiply).attribute(network.x, **arguments)
        same_form(mine, theirs)
        assert distance(mine, theirs) < 1e-5
    pairs, delta = ours.DeepLiftShap(network.module, multiply).attribute(network.x, **arguments,
                                                                         return_convergence_delta=True)
    expected, other = attr.DeepLiftShap(network.module, multiply).attribute(network.x, **arguments,
                                                                            return_convergence_delta=True)
    same_form((pairs, delta), (expected, other))
    assert distance(pairs, mine) < 1e-5
    assert torch.allclose(delta, other, atol=1e-4)


def test_wrong_distributions(networks):
    network = networks["mlp"]
    with pytest.raises(ValueError, match="at least 2"):
        ours.DeepLiftShap(network.module).attribute(network.x, network.start, 1)
    with pytest.raises(TypeError, match="baselines"):
        ours.DeepLiftShap(network.module).attribute(network.x, 0.5, 1)
    with pytest.raises(ValueError, match="shape"):
        ours.GradientShap(network.module).attribute(network.x, torch.randn(3, 5), target=1)
    with pytest.raises(TypeError, match="stdevs"):
        ours.GradientShap(network.module).attribute(network.x, torch.randn(3, 12), stdevs="much", target=1)
    with pytest.raises(ValueError, match="n_samples"):
        ours.GradientShap(network.module).attribute(network.x, torch.randn(3, 12), n_samples=0, target=1)

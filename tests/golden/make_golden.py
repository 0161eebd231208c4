"""Golden values of every measure, by PyTorch in float64: data/<network>.{onnx,npz,txt}. README.md names the arrays.

    python3 -m venv .venv && .venv/bin/pip install -r tests/golden/requirements.txt
    .venv/bin/python tests/golden/make_golden.py

Stops where ONNX Runtime (outputs) or Captum (rules that are the same as ours) disagree.
"""

from pathlib import Path

from captum.attr import IntegratedGradients, LayerConductance
import numpy as np
import onnxruntime
import torch

import networks

DATA = Path(__file__).resolve().parent / "data"
EXAMPLES = 3
SEGMENTS = 32
REFERENCE_SEGMENTS = 16384
LARGEST_SPLIT = 12  # neurons of a layer whose conductance is also kept split by input


class Points:
    """Tensors and gradients of one example at the points `alpha` of its straight path."""

    def __init__(self, network, x, baseline, target, alpha):
        a = {k: torch.as_tensor(alpha).reshape(-1, *[1] * (v.dim())) for k, v in x.items()}
        self.inputs = {k: (baseline[k] + a[k] * (x[k] - baseline[k])).requires_grad_() for k in x}
        self.values = network.run(self.inputs)
        self.f = self.values[network.target_tensor].flatten(1)[:, target]

    def y(self, tensor):
        return self.values[tensor].detach()

    def g(self, tensor):
        """dF/dtensor at every point."""
        (gradient,) = torch.autograd.grad(self.f.sum(), self.values[tensor], retain_graph=True)
        return gradient

    def neuron_gradients(self, tensor):
        """d tensor_j / d inputs at every point: [points, neurons, elements of all inputs]."""
        y = self.values[tensor].flatten(1)
        rows = []
        for j in range(y.shape[1]):
            parts = torch.autograd.grad(y[:, j].sum(), list(self.inputs.values()), retain_graph=True, allow_unused=True)
            rows.append(torch.cat([torch.zeros_like(i).flatten(1) if p is None else p.flatten(1)
                                   for p, i in zip(parts, self.inputs.values())], 1))
        return torch.stack(rows, 1)


def equal(segments):
    return torch.linspace(0, 1, segments + 1, dtype=torch.float64)


def trapezoid_weights(segments):
    w = torch.full((segments + 1,), 1 / segments, dtype=torch.float64)
    w[0] = w[-1] = 0.5 / segments
    return w


def integrate(weights, g):
    return torch.einsum("k,k...->...", weights, g)


def along(g, y):
    """Sum over segments of g dy."""
    return (g * (y[1:] - y[:-1])).sum(0)


def measures(network, x, baseline, target):
    """All golden arrays of one example by key, without the example axis."""
    at = lambda alpha: Points(network, x, baseline, target, alpha)
    K = SEGMENTS
    ends, path, half = at(equal(1)), at(equal(K)), at((equal(K)[:-1] + equal(K)[1:]) / 2)
    nodes, weights = np.polynomial.legendre.leggauss(K)
    gauss = at((1 + nodes) / 2)
    cells = at(np.concatenate([[0.0], np.cumsum(weights / 2)[:-1], [1.0]]))
    fine = at(equal(REFERENCE_SEGMENTS))
    delta = torch.cat([(x[k] - baseline[k]).flatten() for k in x])
    out = {"f_input": ends.f[1], "f_baseline": ends.f[0]}
    for name in (network.output,):
        out[f"output/{name}"] = ends.y(name)[1]
        out[f"output_baseline/{name}"] = ends.y(name)[0]
    for tensor in [name for name, _ in network.layers] + list(network.inputs):
        y, g = path.y(tensor), path.g(tensor)
        w = trapezoid_weights(K)
        fine_y, fine_g = fine.y(tensor), fine.g(tensor)
        values = {
            "activation": y[-1],
            "gradient": g[-1],
            f"nig_left_{K}": along(g[:-1], y),
            f"nig_right_{K}": along(g[1:], y),
            f"nig_trapezoid_{K}": along((g[:-1] + g[1:]) / 2, y),
            f"nig_midpoint_{K}": along(half.g(tensor), y),
            f"nig_gauss_legendre_{K}": along(gauss.g(tensor), cells.y(tensor)),
            "nig_reference": along((fine_g[:-1] + fine_g[1:]) / 2, fine_y),
            f"internal_influence_trapezoid_{K}": integrate(w, g),
            "internal_influence_reference": integrate(trapezoid_weights(REFERENCE_SEGMENTS), fine_g),
        }
        if tensor not in network.inputs:
            split = g.flatten(1)[:, :, None] * path.neuron_gradients(tensor) * delta
            for rule, rule_weights in (("left", torch.cat([torch.full((K,), 1 / K), torch.zeros(1)]).double()),
                                       ("trapezoid", w)):
                conductance = integrate(rule_weights, split)
                values[f"conductance_{rule}_{K}"] = conductance.sum(1).reshape(y.shape[1:])
                if len(conductance) <= LARGEST_SPLIT:
                    values[f"conductance_split_{rule}_{K}"] = conductance
        out.update({f"{key}/{tensor}": value for key, value in values.items()})
    return out


def check_against_captum(network, x, baseline, target, golden):
    """Captum's "riemann_trapezoid" nodes are ours, and LayerConductance then takes the left rule."""
    class Module(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.taps = torch.nn.ModuleDict({name: torch.nn.Identity() for name, _ in network.layers})

        def forward(self, *inputs):
            tap = lambda name, value: self.taps[name](value) if name in self.taps else value
            return network.run(dict(zip(network.inputs, inputs)), tap)[network.target_tensor]

    module = Module()
    arguments = {"inputs": tuple(x[k][None] for k in x), "baselines": tuple(baseline[k][None] for k in x),
                 "target": target}
    for name, _ in network.layers:
        layer = LayerConductance(module, module.taps[name])
        theirs = layer.attribute(**arguments, n_steps=SEGMENTS, method="riemann_trapezoid")[0]
        np.testing.assert_allclose(theirs.detach(), golden[f"nig_left_{SEGMENTS}/{name}"], rtol=1e-6, atol=1e-6)
    theirs = IntegratedGradients(module).attribute(**arguments, n_steps=2000, method="gausslegendre")
    for name, value in zip(network.inputs, theirs):
        np.testing.assert_allclose(value[0].detach(), golden[f"nig_reference/{name}"], rtol=5e-3, atol=2e-3)


def check_reused_relu(network, x):
    module = networks.ReusedReluModule(network.weights)
    np.testing.assert_allclose(module(x["x"]).detach(), network.run(x)["logits"], rtol=1e-12, atol=1e-12)


def make(network):
    x = {k: torch.from_numpy(network.rng.normal(size=(EXAMPLES, *s)).astype(np.float32)).double()
         for k, s in network.inputs.items()}
    scale = 0.5 if network.random_baseline else 0.0
    baseline = {k: torch.from_numpy((scale * network.rng.normal(size=(1, *s))).astype(np.float32)).double()
                for k, s in network.inputs.items()}
    network.save(DATA / f"{network.name}.onnx")
    classes = network.run(x)[network.target_tensor].flatten(1).shape[1]
    target = network.rng.integers(classes, size=EXAMPLES)

    feeds = {k: v.numpy().astype(np.float32) for k, v in x.items()}
    (served,) = onnxruntime.InferenceSession(str(DATA / f"{network.name}.onnx")).run(None, feeds)
    np.testing.assert_allclose(served, network.run(x)[network.output], rtol=1e-5, atol=1e-5)
    if network.name == "residual_reused_relu":
        check_reused_relu(network, x)

    rows = []
    for i in range(EXAMPLES):
        one_x, one_baseline = {k: v[i] for k, v in x.items()}, {k: v[0] for k, v in baseline.items()}
        row = {k: v.detach().numpy() for k, v in measures(network, one_x, one_baseline, int(target[i])).items()}
        check_against_captum(network, one_x, one_baseline, int(target[i]), row)
        moved = row["f_input"] - row["f_baseline"]
        for name, kind in network.layers:
            if kind == "cut":  # completeness: to second order where the network is smooth
                residual = abs(row[f"nig_reference/{name}"].sum() - moved)
                assert residual < (1e-7 if network.smooth else 1e-3), (network.name, name, residual)
        rows.append(row)
    arrays = {key: np.stack([row[key] for row in rows]) for key in rows[0]}
    arrays |= {f"input/{k}": v for k, v in feeds.items()}
    arrays |= {f"baseline/{k}": v.numpy().astype(np.float32) for k, v in baseline.items()}
    arrays["target"] = target.astype(np.int64)
    np.savez_compressed(DATA / f"{network.name}.npz", **arrays)
    lines = [f"target {network.target_tensor}", f"path {'smooth' if network.smooth else 'kinked'}"]
    lines += [f"layer {name} {kind}" for name, kind in network.layers]
    (DATA / f"{network.name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{network.name}: {len(arrays)} arrays")


if __name__ == "__main__":
    torch.use_deterministic_algorithms(True)
    DATA.mkdir(exist_ok=True)
    for make_network in networks.ALL:
        make(make_network())

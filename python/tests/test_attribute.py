"""Invariant: what the core computes arrives unchanged, with its errors, and wrong requests are refused in Python."""

import gc

import mho
import numpy as np
import pytest


@pytest.fixture(scope="module")
def result(cnn, images):
    return cnn.attribute(images[:6], tolerance=1e-2)


def test_attributions_sum_to_the_difference(cnn, result, images):
    logits = cnn.run(images[:6])["logits"]
    np.testing.assert_array_equal(result.target, logits.argmax(1))
    np.testing.assert_allclose(result.f_input, logits.max(1), rtol=1e-5)
    assert set(result.delta) == set(result) and len(result) > 5
    for name, values in result.items():
        assert values.shape[0] == 6 and values.dtype == np.float64
        sums = values.reshape(6, -1).sum(1)
        np.testing.assert_allclose(sums - (result.f_input - result.f_baseline), result.delta[name], atol=1e-9)
        assert np.abs(result.delta[name]).max() < 1e-3
        assert (result.error[name] <= 1e-2).all()
    assert result.converged.all() and (result.evaluations > 0).all()


def test_values_outlive_the_result_and_are_not_copied(cnn, images):
    result = cnn.attribute(images[:2], layers="relu1", method="gradient")
    values = result["relu1"]
    assert not values.flags.writeable
    assert values.__array_interface__["data"] == result["relu1"].__array_interface__["data"]
    before = values.copy()
    del result
    gc.collect()
    np.testing.assert_array_equal(values, before)


def test_methods_agree_where_the_theory_says_so(cnn, images):
    x = images[:4]
    exact = cnn.attribute(x, layers="relu2", exact=True)["relu2"]
    close = cnn.attribute(x, layers="relu2", tolerance=1e-4)["relu2"]
    np.testing.assert_allclose(np.abs(close - exact).sum(), 0, atol=3e-4 * np.abs(exact).sum())
    gradient = cnn.attribute(x, layers="relu2", method="gradient")["relu2"]
    activation = cnn.attribute(x, layers="relu2", method="activation")["relu2"]
    product = cnn.attribute(x, layers="relu2", method="gradient_x_activation")["relu2"]
    np.testing.assert_allclose(product, gradient * activation, rtol=1e-6, atol=1e-9)
    deeplift = cnn.attribute(x, layers=["relu2", "relu3"], method="deeplift", rules={"relu*": "reveal_cancel"})
    assert max(np.abs(d).max() for d in deeplift.delta.values()) < 1e-4


@pytest.mark.parametrize("target, expected", [
    (3, [3, 3]), ([3, 7], [3, 7]), (np.array([3, 7]), [3, 7]), ((4,), [4, 4]), ([(3,), (7,)], [3, 7]),
    (np.int64(5), [5, 5]), (np.array([[3], [7]]), [3, 7]),
])
def test_targets(cnn, images, target, expected):
    result = cnn.attribute(images[:2], layers="relu4", method="gradient", target=target)
    assert result.target.tolist() == expected


def test_targets_of_several_outputs(cnn, images):
    def gradient(target):
        return cnn.attribute(images[:2], layers="relu3", method="gradient", target=target)["relu3"]

    difference = gradient(mho.Difference(3, 5))
    np.testing.assert_allclose(difference, gradient(3) - gradient(5), atol=1e-6)
    weights = np.zeros(10)
    weights[3], weights[5] = 1, -1
    np.testing.assert_allclose(gradient(mho.Weighted(weights)), difference, atol=1e-6)


def test_baselines(cnn, images):
    x = images[:3]

    def of(baselines, method="nig", **more):
        return cnn.attribute(x, layers="relu3", method=method, baselines=baselines, **more)

    np.testing.assert_array_equal(of(0.25)["relu3"], of(np.full(x.shape[1:], 0.25, np.float32))["relu3"])
    np.testing.assert_array_equal(of({"image" if "image" in [p.name for p in cnn.inputs] else cnn.inputs[0].name: 0.25})
                                  ["relu3"], of(0.25)["relu3"])
    np.testing.assert_allclose(of("mean").f_baseline, of(x.mean(0)).f_baseline, rtol=1e-5)
    references = of(mho.References(images[10:14]), "deeplift")["relu3"]
    singles = [of(images[k], "deeplift")["relu3"] for k in range(10, 14)]
    np.testing.assert_allclose(references, np.mean(singles, axis=0), rtol=1e-5, atol=1e-7)


def test_wrong_requests_are_errors_of_the_right_type(cnn, images):
    x = images[:1]
    with pytest.raises(KeyError) as caught:
        cnn.attribute(x, layers="relu9")
    assert isinstance(caught.value, mho.NotFoundError) and str(caught.value).startswith("no layer")
    for arguments in ({"method": "lime"}, {"steps": 3, "tolerance": 0.1}, {"tolerance": 2}, {"steps": 0},
                      {"exact": True, "steps": 4}, {"quadrature": "simpson"}, {"quadrature": "left"},
                      {"method": "deeplift", "steps": 4}, {"method": "ig", "layers": "relu1"}, {"baselines": "noise"},
                      {"method": "deeplift", "rules": "lrp"}, {"target": 10}, {"memory": "much"},
                      {"baselines": np.zeros((2, 1, 8, 8))}, {"output": "nothing"}):
        with pytest.raises((ValueError, KeyError)) as caught:
            cnn.attribute(x, **arguments)
        assert isinstance(caught.value, mho.MhoError), arguments
    for arguments in ({"layers": [3]}, {"target": "seven"}, {"target": 1.5}, {"target": True}, {"stpes": 3}):
        with pytest.raises(TypeError):
            cnn.attribute(x, **arguments)


def test_progress_reports_stops_and_raises(cnn, images):
    calls = []
    cnn.attribute(images, layers="relu2", steps=32, progress=lambda *state: calls.append(state))
    assert calls and calls[-1][1] == len(images)
    assert [done for done, *_ in calls] == sorted(done for done, *_ in calls)
    with pytest.raises(mho.CancelledError):
        cnn.attribute(images, steps=32, progress=lambda *state: False)

    def fail(*state):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        cnn.attribute(images, steps=32, progress=fail)
    pytest.importorskip("tqdm")
    cnn.attribute(images[:2], layers="relu4", progress=True)


def test_ctrl_c_stops_a_run(cnn, images):
    import signal

    def interrupt(*state):
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        cnn.attribute(images, steps=64, progress=interrupt)


def test_results_are_saved_and_loaded(result, tmp_path):
    result.save(tmp_path / "r.npz")
    loaded = mho.Result.load(tmp_path / "r.npz")
    assert list(loaded) == list(result) and loaded.metadata["method"] == "nig"
    for name in result:
        np.testing.assert_array_equal(loaded[name], result[name])
        np.testing.assert_array_equal(loaded.delta[name], result.delta[name])
        np.testing.assert_array_equal(loaded.error[name], result.error[name])
    for column in ("target", "f_input", "f_baseline", "evaluations", "steps", "converged"):
        np.testing.assert_array_equal(getattr(loaded, column), getattr(result, column))
    with np.load(tmp_path / "r.npz") as archive:
        np.testing.assert_array_equal(archive["relu4"], result["relu4"])
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(OSError, match="not a result file"):
        mho.Result.load(tmp_path / "other.npz")


def test_top_ranks_neurons_and_channels(result):
    best = result.top(5, layers="relu4")
    magnitude = np.abs(result["relu4"]).mean(0)
    assert [neuron.index for neuron in best] == [(int(i),) for i in np.argsort(-magnitude)[:5]]
    assert best[0].value == pytest.approx(result["relu4"].mean(0)[best[0].index])
    channel = result.top(1, layers="relu1", example=2, by="channel")[0]
    sums = result["relu1"][2].sum(axis=(1, 2))
    assert channel.index == (int(np.abs(sums).argmax()),)
    assert channel.share == pytest.approx(np.abs(sums).max() / np.abs(sums).sum())
    with pytest.raises(ValueError, match="example 6"):
        result.top(example=6)
    with pytest.raises(ValueError, match="by="):
        result.top(by="layer")


def test_tables(result):
    pandas = pytest.importorskip("pandas")
    table = result.to_pandas(layers=["relu4", "relu1"])
    assert isinstance(table, pandas.DataFrame)
    assert len(table) == 6 * (64 + result["relu1"][0].size)
    row = table[(table.layer == "relu1") & (table.example == 3)].iloc[70]
    assert row.value == result["relu1"][3][row["index"]]
    channels = result.to_pandas(layers="relu1", by="channel")
    np.testing.assert_allclose(channels[channels.example == 1].value, result["relu1"][1].sum(axis=(1, 2)))


def test_pictures_and_notebooks(result, cnn, images):
    pytest.importorskip("matplotlib").use("Agg")
    figure = result.plot(2)
    assert len([ax for ax in figure.axes if ax.get_title()]) == len(result)
    page = result._repr_html_()
    assert "relu4" in page and page.count("<table>") == 2
    assert "6 examples" in repr(result)


def test_unknown_layers_of_a_result(result):
    with pytest.raises(KeyError, match="relu4"):
        result["relu44"]
    assert "relu44" not in result and "relu4" in result


def test_sets_of_references_are_averaged_along_paths(cnn, images):
    x, references = images[:2], images[10:13]
    for method in ("nig", "internal_influence"):
        both = cnn.attribute(x, layers="relu2", method=method, steps=8, baselines=mho.References(references))
        each = [cnn.attribute(x, layers="relu2", method=method, steps=8, baselines=r[None])["relu2"] for r in references]
        np.testing.assert_allclose(both["relu2"], np.mean(each, 0), rtol=1e-5, atol=1e-6)
    assert both.evaluations.tolist() == [27, 27]
    with pytest.raises(mho.InvalidArgumentError, match="at one point"):
        cnn.attribute(x, method="gradient", baselines=mho.References(references))


def test_grad_cam_is_a_map_of_positions(cnn, images):
    signed = cnn.attribute(images[:2], layers="relu2", method="grad_cam", signed_map=True)["relu2"]
    y = cnn.attribute(images[:2], layers="relu2", method="activation")["relu2"]
    g = cnn.attribute(images[:2], layers="relu2", method="gradient")["relu2"]
    expected = (g.mean((2, 3), keepdims=True) * y).sum(1, keepdims=True)
    np.testing.assert_allclose(signed, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(cnn.attribute(images[:2], layers="relu2", method="grad_cam")["relu2"],
                                  np.maximum(signed, 0))


def test_lrp_rules(cnn, images):
    zero = cnn.attribute(images[:2], layers="relu2", method="lrp", rules="epsilon:0")["relu2"]
    product = cnn.attribute(images[:2], layers="relu2", method="gradient_x_activation")["relu2"]
    np.testing.assert_allclose(zero, product, rtol=1e-4, atol=1e-5)
    gamma = cnn.attribute(images[:2], layers="relu2", method="lrp", rules={"*": "epsilon", "Gemm": "gamma:0.5"})["relu2"]
    assert np.abs(gamma - zero).sum() > 1e-2 * np.abs(zero).sum()
    with pytest.raises(mho.InvalidArgumentError, match="alphabeta"):
        cnn.attribute(images[:2], method="lrp", rules="rescale")


def test_aggregates_of_batches_are_those_of_all(cnn, images):
    layers = ["conv1", "relu4"]
    full = cnn.attribute(images[:12], layers=layers, method="gradient_x_activation")
    aggregate = mho.Aggregate(per_class=True)
    for first in (8, 0, 4):
        aggregate.add(cnn.attribute(images[first : first + 4], layers=layers, method="gradient_x_activation",
                                    positions="sum"))
    mean, by_class = aggregate.mean(), aggregate.classes()
    assert mean.examples == 12 and sum(means.examples for means in by_class.values()) == 12
    channels = full["conv1"].sum((2, 3))
    np.testing.assert_allclose(mean["conv1"], channels.mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(mean.magnitude["conv1"], np.abs(channels).mean(0), rtol=1e-5, atol=1e-6)
    for target, means in by_class.items():
        own = full["relu4"][full.target == target]
        np.testing.assert_allclose(means["relu4"], own.mean(0), rtol=1e-5, atol=1e-6)
    with pytest.raises(mho.InvalidArgumentError):
        aggregate.add(full)

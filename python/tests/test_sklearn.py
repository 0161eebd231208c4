"""Invariant: scikit-learn's networks, by way of skl2onnx, predict the same, and NIG of hidden layers is complete."""

import mho
import numpy as np
import pytest

skl2onnx = pytest.importorskip("skl2onnx")
pytest.importorskip("sklearn")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def converted(estimator, x) -> mho.Model:
    """As docs/python.md does it: without ZipMap, and without the label, which needs an operator of ai.onnx.ml."""
    from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs

    proto = skl2onnx.to_onnx(estimator, x[:1], options={"zipmap": False})
    return mho.load(select_model_inputs_outputs(proto, "probabilities"))


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (x / 16).astype(np.float32), y


@pytest.fixture(scope="module")
def classifier(digits):
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier((32, 16), max_iter=12, random_state=0).fit(*digits)


def hidden_values(estimator, x):
    """Values of each hidden layer and the logits, as scikit-learn's weights make them (ReLU)."""
    values = []
    for k, (weights, bias) in enumerate(zip(estimator.coefs_, estimator.intercepts_)):
        x = x @ weights + bias
        x = x if k == len(estimator.coefs_) - 1 else np.maximum(x, 0)
        values.append(x)
    return values


def test_classifier_predicts_the_same(classifier, digits):
    x, _ = digits
    model = converted(classifier, x)
    probabilities = model.run(x)["probabilities"]
    np.testing.assert_allclose(probabilities, classifier.predict_proba(x), atol=1e-5)
    np.testing.assert_array_equal(classifier.classes_[probabilities.argmax(1)], classifier.predict(x))


def test_hidden_layers_are_complete_and_the_logit_is_attributed(classifier, digits):
    x, _ = digits
    x = x[:8]
    model = converted(classifier, x)
    assert "logits" in model.inspect().target_note
    result = model.attribute(x, layers=["next_activations", "next_activations1"], tolerance=1e-3)
    first, second, logits = hidden_values(classifier, x)
    _, _, at_zero = hidden_values(classifier, np.zeros_like(x[:1]))
    rows = np.arange(len(x))
    np.testing.assert_array_equal(result.target, logits.argmax(1))
    np.testing.assert_allclose(result.f_input, logits.max(1), rtol=1e-5)
    difference = logits[rows, result.target] - at_zero[0, result.target]
    for name, values in (("next_activations", first), ("next_activations1", second)):
        assert result[name].shape == values.shape
        np.testing.assert_allclose(result[name].sum(1), difference, atol=1e-4)
    # The last hidden layer is affine to the logit: NIG is the weight times the difference to the baseline.
    resting = hidden_values(classifier, np.zeros_like(x[:1]))[1]
    expected = (second - resting) * classifier.coefs_[-1].T[result.target]
    np.testing.assert_allclose(result["next_activations1"], expected, atol=1e-4)


def test_binary_classifier_has_its_logit_before_the_sigmoid(digits):
    from sklearn.neural_network import MLPClassifier

    x, y = digits
    estimator = MLPClassifier((16,), max_iter=12, random_state=0).fit(x, y > 4)
    model = converted(estimator, x)
    np.testing.assert_allclose(model.run(x)["probabilities"], estimator.predict_proba(x), atol=1e-5)
    # Two probabilities are concatenated: no final Sigmoid to leave out, so that the logit is asked for by name.
    result = model.attribute(x[:8], layers="next_activations", output="add_result1", target=0)
    np.testing.assert_allclose(result.f_input, hidden_values(estimator, x[:8])[-1][:, 0], atol=1e-4)
    np.testing.assert_allclose(result["next_activations"].sum(1), result.f_input - result.f_baseline, atol=1e-4)


def test_regressor(digits):
    from sklearn.neural_network import MLPRegressor

    x, y = digits
    estimator = MLPRegressor(hidden_layer_sizes=(16,), max_iter=12, random_state=0).fit(x, y)
    model = mho.load(skl2onnx.to_onnx(estimator, x[:1]))
    np.testing.assert_allclose(model.run(x)["variable"][:, 0], estimator.predict(x), atol=1e-4)
    result = model.attribute(x[:8], layers="next_activations")
    np.testing.assert_allclose(result["next_activations"].sum(1), result.f_input - result.f_baseline, atol=1e-4)


def test_what_is_not_supported_is_named(classifier, digits):
    x, _ = digits
    with pytest.raises(NotImplementedError, match="ArrayFeatureExtractor"):
        mho.load(skl2onnx.to_onnx(classifier, x[:1], options={"zipmap": False}))
    with pytest.raises(NotImplementedError, match="maps"):
        mho.load(skl2onnx.to_onnx(classifier, x[:1]))

"""Invariant: ablation and evaluation arrive from the core as they are, and the document survives a file."""

import json

import mho
import numpy as np
import pytest


@pytest.fixture(scope="module")
def evaluation(cnn, images):
    return cnn.evaluate(images[:3], layers="relu4", methods=["nig", "deeplift", "activation"], subsets=20, noises=1)


def test_ablation_of_the_last_layer_is_deeplift(cnn, images):
    ablation = cnn.attribute(images[:3], layers="relu4", method="ablation")["relu4"]
    deeplift = cnn.attribute(images[:3], layers="relu4", method="deeplift")["relu4"]
    np.testing.assert_allclose(ablation, deeplift, atol=1e-4)


def test_ablation_takes_channels_and_groups(cnn, images):
    channels = cnn.attribute(images[:2], layers="pool", method="ablation", units="channel", replace="zero")["pool"]
    groups = cnn.attribute(images[:2], layers="pool", method="ablation", replace="zero",
                           units=[list(range(16)), list(range(16, 32))])["pool"]
    assert channels.shape == (2, 32) and groups.shape == (2, 2)
    np.testing.assert_allclose(groups, channels[:, :2], atol=1e-5)  # 4 × 4 positions
    with pytest.raises(mho.InvalidArgumentError, match="for method 'ablation'"):
        cnn.attribute(images[:2], layers="pool", units="channel")
    with pytest.raises(mho.InvalidArgumentError, match="replace 'one'"):
        cnn.attribute(images[:2], layers="pool", method="ablation", replace="one")


def test_scores_are_those_of_the_document(evaluation):
    assert evaluation.score("relu4", "nig", "spearman") == pytest.approx(1, abs=1e-3)
    assert evaluation.score("relu4", "nig", "deletion_area") < evaluation.score("relu4", "random", "deletion_area")
    assert [method["name"] for method in evaluation["methods"]] == ["nig", "deeplift", "activation"]
    assert evaluation.layer("relu4")["removed"][-1] == 64
    with pytest.raises(mho.NotFoundError, match="relu4"):
        evaluation.layer("relu5")
    with pytest.raises(mho.NotFoundError, match="kendall"):
        evaluation.score("relu4", "nig", "pearson")


def test_tables_have_a_row_per_layer_method_and_metric(evaluation):
    pandas = pytest.importorskip("pandas")
    table = evaluation.to_pandas()
    assert isinstance(table, pandas.DataFrame) and len(table) == 6 * 8
    assert set(table["method"]) == {"nig", "deeplift", "activation", "random", "reversed", "ablation"}
    assert "spearman" in evaluation._repr_html_() and "nig" in repr(evaluation)


def test_files_hold_everything(evaluation, tmp_path):
    path = tmp_path / "evaluation.json"
    evaluation.save(path)
    again = mho.Evaluation.load(path)
    assert again.score("relu4", "deeplift", "kendall") == evaluation.score("relu4", "deeplift", "kendall")
    assert np.isnan(again.score("relu4", "random", "max_sensitivity"))
    assert json.loads(path.read_text())["format"] == "mho evaluation 1"
    assert [file.name for file in tmp_path.iterdir()] == ["evaluation.json"]
    path.write_text("{}")
    with pytest.raises(mho.IoError):
        mho.Evaluation.load(path)


def test_the_same_seed_gives_the_same(cnn, images, evaluation):
    options = dict(layers="relu4", methods=["nig", "deeplift", "activation"], subsets=20, noises=1)
    again = cnn.evaluate(images[:3], **options)
    np.testing.assert_array_equal(again.to_pandas()["value"], evaluation.to_pandas()["value"])
    with pytest.raises(mho.InvalidArgumentError, match="no method 'nigg'"):
        cnn.evaluate(images[:3], methods="nigg")
    with pytest.raises(mho.InvalidArgumentError, match="statistic"):
        cnn.evaluate(images[:3], statistic="mode")

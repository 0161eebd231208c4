"""Result.report: the page of `mho report`, from Python."""

import json
import re

import mho
import numpy as np
import pytest


def data_of(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_report_writes_one_page(cnn, images, tmp_path):
    result = cnn.attribute(images[:3], layers=["relu1", "relu4"])
    path = tmp_path / "page.html"
    result.report(path, images[:3], labels=[f"digit {i}" for i in range(10)], title="Three <digits>")
    data = data_of(path.read_text())
    assert data["title"] == "Three <digits>"
    assert [layer["name"] for layer in data["layers"]] == ["relu1", "relu4"]
    assert data["inputs"][0]["kind"] == "image"
    assert set(data["labels"].values()) == {f"digit {i}" for i in result.target}
    for layer in data["layers"]:
        total = np.array(layer["positive"]) + np.array(layer["negative"])
        np.testing.assert_allclose(total, result[layer["name"]].reshape(3, -1).sum(1), rtol=1e-12)


def test_report_refuses_other_inputs_and_too_small_pages(cnn, images, tmp_path):
    result = cnn.attribute(images[:3], layers=["relu4"])
    with pytest.raises(mho.InvalidArgumentError, match="2 examples, the result 3"):
        result.report(tmp_path / "page.html", images[:2])
    with pytest.raises(mho.MhoError, match="--max-size|max_size|fit"):
        result.report(tmp_path / "page.html", max_size=1000)
    assert list(tmp_path.iterdir()) == []

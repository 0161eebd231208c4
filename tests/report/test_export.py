"""Saving figures: every one as a PNG and as an SVG that other programs read."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from models import save_evaluation
from conftest import DIGITS, mho
from playwright.sync_api import Page


@pytest.fixture(scope="module")
def full(digits: Path, folder: Path) -> Path:
    """The digits with an evaluation: all figures but sequences."""
    page, evaluation = folder / "full.html", folder / "evaluation.json"
    save_evaluation(evaluation, {"relu2": 2048, "relu4": 64})
    mho("report", folder / "digits.npz", "-i", DIGITS / "digits.npz", "--evaluation", evaluation, "-o", page)
    return page


def check_png(data: bytes) -> tuple[int, int]:
    """Width and height; the chunks' sums and the pixels must be whole."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, pixels = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0]
        if kind == b"IHDR":
            extent = struct.unpack(">II", body[:8])
        pixels += body if kind == b"IDAT" else b""
        at += 12 + size
    lines = zlib.decompress(pixels)
    assert len(set(lines)) > 3, "one colour only"
    return extent


def test_every_figure_is_saved(full: Path, open_page: Callable[..., Page], tmp_path: Path) -> None:
    page = open_page(full, accept_downloads=True)
    names = [figure.get_attribute("data-figure") for figure in page.locator("figure:visible").all()]
    assert names == ["layers", "largest", "maps", "evaluation", "convergence"]
    for name in names:
        for kind in ("png", "svg"):
            with page.expect_download() as download:
                page.locator(f"[data-figure={name}] [data-save={kind}]").click()
            assert download.value.suggested_filename == f"{name}.{kind}"
            path = tmp_path / f"{name}.{kind}"
            download.value.save_as(path)
            if kind == "png":
                width, height = check_png(path.read_bytes())
                assert width > 400 and height > 100
                continue
            root = ElementTree.fromstring(path.read_text())
            assert root.tag == "{http://www.w3.org/2000/svg}svg"
            assert len(list(root.iter())) > 20
            if name == "maps":
                assert len(list(root.iter("{http://www.w3.org/2000/svg}image"))) == 8

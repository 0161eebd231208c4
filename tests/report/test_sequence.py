"""One-hot DNA: logos of letters, zoomed and moved by buttons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import SCREENSHOTS, mho, settle
from models import MOTIF, dna_sequences, one_hot, save_dna_model
from playwright.sync_api import Page, expect

LENGTH = 200


@pytest.fixture(scope="module")
def dna(folder: Path) -> Path:
    """Six sequences, five with the motif; every layer attributed."""
    model, inputs, result, page = (folder / f"dna.{end}" for end in ("onnx", "npy", "npz", "html"))
    save_dna_model(model, LENGTH)
    np.save(inputs, one_hot(dna_sequences(6, LENGTH)))
    mho("attribute", model, "-i", inputs, "-l", "sequence", "conv", "relu", "pool", "-b", "0.25", "-o", result, "--quiet")
    mho("report", result, "-i", inputs, "-o", page)
    return page


def test_the_motif_is_what_the_logo_shows(dna: Path, open_page: Callable[..., Page]) -> None:
    page = open_page(dna)
    at = dna_sequences(6, LENGTH)[0].index(MOTIF)
    words = page.locator("[data-figure=sequence] .words").inner_text()
    largest = words.split("largest: ")[1].split(". Together")[0].split(", ")
    for text in largest:
        letter, _, position = text.split(" ")[:3]
        assert at <= int(position) < at + len(MOTIF)
        assert MOTIF[int(position) - at] == letter
    page.locator("#sequence").screenshot(path=SCREENSHOTS / "sequence.png")


def test_the_range_is_zoomed_and_moved(dna: Path, open_page: Callable[..., Page]) -> None:
    page = open_page(dna)
    position = page.locator("#sequence .position")
    letters = page.locator("#sequence svg .mark-path path")

    def shown() -> tuple[int, int]:
        first, last = position.inner_text().split(" of ")[0].split("–")
        return int(first), int(last)

    first, last = shown()
    settle(page)
    assert letters.count() == last - first + 1
    page.get_by_role("button", name="Zoom in").click()
    assert shown()[1] - shown()[0] + 1 in ((last - first + 1) // 2, (last - first + 2) // 2)
    before = shown()[0]
    page.get_by_role("button", name="Move right").click()
    assert shown()[0] > before
    page.get_by_role("button", name="Whole").click()
    assert shown() == (0, LENGTH - 1)
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Strongest").click()
    at = dna_sequences(6, LENGTH)[0].index(MOTIF)
    assert shown()[0] <= at <= shown()[1]
    slider = page.get_by_label("First position shown")
    slider.focus()
    before = shown()[0]
    page.keyboard.press("ArrowRight")
    assert shown()[0] == before + 1


def test_layers_lie_below_the_letters(dna: Path, open_page: Callable[..., Page]) -> None:
    page = open_page(dna)
    page.get_by_label("Layer", exact=True).select_option("3")
    settle(page)
    expect(page.locator("[data-figure=sequence] .words")).to_contain_text("pool, its 97 positions")
    page.locator("#neurons .pick").first.click()
    settle(page)
    expect(page.locator("#sequence svg")).to_contain_text("pool, channel 0")
    page.get_by_label("Example", exact=True).select_option("-1")
    settle(page)
    expect(page.locator("[data-figure=sequence] .words")).to_contain_text("mean of all examples")


def test_without_inputs_tracks_remain(dna: Path, folder: Path, open_page: Callable[..., Page]) -> None:
    path = folder / "tracks.html"
    mho("report", folder / "dna.npz", "-o", path)
    page = open_page(path, width=400)
    expect(page.locator("#sequence figcaption")).to_contain_text("Contributions along the sequence")
    assert page.locator("#sequence svg .mark-rect path").count() > 20

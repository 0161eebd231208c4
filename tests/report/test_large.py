"""10,000 neurons by 36 examples: drawn within a second, sorted within a tenth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import SCREENSHOTS, mho
from models import save_result
from playwright.sync_api import Page, expect


@pytest.fixture(scope="module")
def wide(folder: Path) -> Path:
    result, page = folder / "wide.npz", folder / "wide.html"
    random = np.random.default_rng(3)
    save_result(result, {"wide": random.normal(size=(36, 10_000)), "conv": random.normal(size=(36, 64, 12, 12))})
    mho("report", result, "-o", page)
    return page


def test_the_first_paint_comes_within_a_second(wide: Path, open_page: Callable[..., Page]) -> None:
    times = []
    for _ in range(2):  # the machine may be busy: the better of two tells what the page needs
        page = open_page(wide)
        times.append(page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0].startTime"))
    assert min(times) < 1000, times
    page.screenshot(path=SCREENSHOTS / "wide.png", full_page=True)


def test_sorting_takes_a_tenth_of_a_second(wide: Path, open_page: Callable[..., Page]) -> None:
    page = open_page(wide)
    expect(page.locator("#neurons .position")).to_have_text("1–20 of 10\u2009000")
    times = page.evaluate("""() => [1, 2, 3, 4, 5, 1, 2, 3].map((column) => {
        const start = performance.now();
        document.querySelectorAll('#neurons thead button')[column].click();
        return performance.now() - start;
    })""")
    assert sorted(times)[len(times) // 2] < 100, times
    page.get_by_label("Find index").fill("99")
    expect(page.locator("#neurons .position")).to_have_text("1–20 of 111")
    page.get_by_role("button", name="Last page").first.click()
    expect(page.locator("#neurons .position")).to_have_text("101–111 of 111")


def test_what_was_left_out_is_said(wide: Path, folder: Path, open_page: Callable[..., Page]) -> None:
    path = folder / "small.html"
    mho("report", folder / "wide.npz", "--max-size", "1200K", "-o", path)
    assert path.stat().st_size <= 1200 * 1024
    page = open_page(path)
    expect(page.locator("#notes")).to_contain_text("2 parts left out")
    page.locator("#notes summary").click()
    expect(page.locator("#notes")).to_contain_text("wide: the 1024 neurons of largest mean magnitude, of 10000")
    expect(page.locator("#neurons caption")).to_have_text("wide: 1\u2009024 neurons")
    page.get_by_label("Layer", exact=True).select_option("1")
    expect(page.locator("#neurons caption")).to_have_text("conv: 64 channels")

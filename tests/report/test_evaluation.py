"""What `mho evaluate` found, on the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from conftest import SCREENSHOTS, mho, settle
from models import save_evaluation
from playwright.sync_api import Page, expect


def test_curves_and_scores_follow_the_layer(digits: Path, folder: Path, open_page: Callable[..., Page]) -> None:
    path, evaluation = folder / "evaluated.html", folder / "of-layers.json"
    save_evaluation(evaluation, {"relu2": 2048, "relu4": 64})
    mho("report", folder / "digits.npz", "--evaluation", evaluation, "-o", path)
    page = open_page(path)
    section = page.locator("#evaluation")
    expect(section.locator("caption")).to_contain_text("relu2: scores with their intervals over 8 examples")
    expect(section.locator("tbody tr")).to_have_count(4)
    expect(section.locator("thead th")).to_have_count(6)  # measure, three metrics, seconds, evaluations
    expect(section.locator("td.best")).to_have_count(3)
    expect(section.locator("tbody tr").first.locator(".best")).to_have_count(3)
    page.get_by_label("Layer", exact=True).select_option("9")
    settle(page)
    expect(section.locator("caption")).to_contain_text("relu4")
    section.get_by_label("Evaluated layer").select_option("relu2")
    settle(page)
    expect(section.locator("figcaption")).to_contain_text("relu2")
    section.screenshot(path=SCREENSHOTS / "evaluation.png")

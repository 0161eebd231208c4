"""The digits CNN: every part of the page, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from conftest import SCREENSHOTS, settle
from playwright.sync_api import Page, expect


def first_cells(page: Page, column: int) -> list[str]:
    return page.locator(f"#neurons tbody tr > :nth-child({column})").all_inner_texts()


def number(text: str) -> float:
    return float(text.replace("\u2212", "-").replace("%", "").strip())


def test_the_page_says_what_was_attributed(digits: Path, open_page: Callable[..., Page]) -> None:
    page = open_page(digits)
    expect(page.locator("h1")).to_have_text("cnn.onnx: nig of logits")
    expect(page.locator("#facts")).to_contain_text("Neuron Integrated Gradients")
    expect(page.locator("#example-summary")).to_contain_text("F(x) 18.39")
    page.screenshot(path=SCREENSHOTS / "digits.png", full_page=True)


def test_every_column_sorts_both_ways(digits: Path, open_page: Callable[..., Page]) -> None:
    page = open_page(digits)
    for column in range(1, 7):
        header = page.locator("#neurons thead th").nth(column - 1)
        header.get_by_role("button").click()
        first = header.get_attribute("aria-sort")
        down = [number(text) for text in first_cells(page, column)]
        header.get_by_role("button").click()
        assert {first, header.get_attribute("aria-sort")} == {"ascending", "descending"}
        up = [number(text) for text in first_cells(page, column)]
        assert sorted(down, reverse=first == "descending") == down
        assert sorted(up, reverse=first != "descending") == up


def test_search_finds_indices(digits: Path, open_page: Callable[..., Page]) -> None:
    page = open_page(digits)
    page.get_by_label("Find index").fill("12")
    assert first_cells(page, 1) == ["12"]
    page.get_by_label("Find index").fill("77")
    expect(page.locator("#neurons tbody")).to_have_text("Nothing matches")
    page.get_by_label("Find index").fill("")
    assert len(first_cells(page, 1)) == 16


def test_examples_and_layers_change_what_is_shown(digits: Path, open_page: Callable[..., Page]) -> None:
    page = open_page(digits)
    before = page.locator("#example-summary").inner_text()
    page.get_by_role("button", name="Next example").click()
    assert page.get_by_label("Example", exact=True).input_value() == "1"
    assert page.locator("#example-summary").inner_text() != before
    page.get_by_label("Layer", exact=True).select_option(label=page.locator("#layer option").nth(9).inner_text())
    settle(page)
    expect(page.locator("#neurons caption")).to_have_text("relu4: 64 neurons")
    expect(page.locator("[data-figure=largest] .figure-title")).to_contain_text("relu4")
    page.get_by_label("Example", exact=True).select_option("-1")
    settle(page)
    expect(page.locator("[data-figure=layers] .figure-title")).to_contain_text("mean of all")

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


def test_a_map_and_a_table_row_agree_on_the_channel(digits: Path, open_page: Callable[..., Page]) -> None:
    page = open_page(digits)
    page.locator("#neurons tbody .pick").nth(3).click()
    settle(page)
    chosen = page.locator("#neurons tr.chosen .pick").inner_text()
    expect(page.locator("#neurons .pick[aria-pressed=true]")).to_have_count(1)
    expect(page.locator("[data-figure=maps] .words")).to_contain_text(f"channels {chosen},")
    page.get_by_label("Draw over the input").uncheck()
    page.get_by_label("Neurons", exact=True).check()
    settle(page)
    expect(page.locator("#neurons caption")).to_have_text("conv1: 1\u2009024 neurons")
    page.get_by_label("Find index").fill("3, 7")
    assert sorted(first_cells(page, 1)) == [f"3, 7, {i}" for i in range(8)]


def test_layers_without_positions_say_so(digits: Path, open_page: Callable[..., Page]) -> None:
    page = open_page(digits)
    page.get_by_label("Layer", exact=True).select_option("9")
    settle(page)
    expect(page.locator("#maps")).to_contain_text("relu4 [64] has no positions in two dimensions")
    expect(page.locator("[data-figure=maps]")).to_be_hidden()
    page.get_by_label("Layer", exact=True).select_option("0")
    settle(page)
    expect(page.locator("[data-figure=maps] svg")).to_be_visible()


def test_everything_is_reached_by_keyboard(digits: Path, open_page: Callable[..., Page]) -> None:
    page = open_page(digits)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the figures")
    page.keyboard.press("n")
    page.keyboard.press("n")
    page.keyboard.press("p")
    page.keyboard.press("j")
    assert page.locator("#example").input_value() == "1"
    assert page.locator("#layer").input_value() == "1"
    page.get_by_label("Keys: n and p").uncheck()
    page.keyboard.press("n")
    assert page.locator("#example").input_value() == "1"
    page.locator("body").evaluate("body => document.activeElement.blur()")
    reached = set()
    for _ in range(70):
        page.keyboard.press("Tab")
        name, visible = page.evaluate("""() => {
            const e = document.activeElement;
            return [e.id || e.className || e.tagName, e === document.body || getComputedStyle(e).outlineStyle !== 'none'];
        }""")
        assert visible, f"no outline around {name}"
        reached.add(name)
    assert {"theme", "example", "layer", "sort", "pick", "quiet small", "step"} <= reached
    page.locator("#neurons thead button").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#neurons thead th").first.get_attribute("aria-sort") == "descending"
    page.locator("#neurons .pick").first.focus()
    page.keyboard.press("Space")
    expect(page.locator("#neurons tr.chosen")).to_have_count(1)
    page.locator("#flow summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#flow table")).to_be_visible()


def test_the_theme_follows_the_system_until_told(digits: Path, open_page: Callable[..., Page]) -> None:
    page = open_page(digits, scheme="dark")
    background = "() => getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.screenshot(path=SCREENSHOTS / "digits-dark.png", full_page=True)
    page.get_by_role("button", name="Light theme").click()
    settle(page)
    light = page.evaluate(background)
    assert dark != light
    assert page.evaluate("() => getComputedStyle(document.querySelector('.chart svg')).backgroundColor") != dark
    page.get_by_role("button", name="Dark theme").click()
    assert page.evaluate(background) == dark


def test_figures_say_in_words_what_they_show(digits: Path, open_page: Callable[..., Page]) -> None:
    page = open_page(digits)
    for figure in page.locator("figure:visible").all():
        words = figure.locator(".words").inner_text()
        assert any(character.isdigit() for character in words)
        assert figure.locator("[role=graphics-document]").first.get_attribute("aria-label") == words


def test_a_phone_shows_it_all(digits: Path, open_page: Callable[..., Page]) -> None:
    page = open_page(digits, width=400, scheme="dark")
    assert page.evaluate("() => document.documentElement.scrollWidth") == 400
    page.screenshot(path=SCREENSHOTS / "digits-400.png", full_page=True)

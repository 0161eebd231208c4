"""Names that want to be markup or code stay names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from conftest import mho, settle
from models import save_result
from playwright.sync_api import Page, expect

ATTACKS = ["</script><script>alert(1)</script>", "<img src=x onerror=alert(2)>", "'];alert(3);//", "\"+alert(4)+\"",
           "datum.constructor.constructor('alert(5)')()", "<!--<script>", "\u202egnorw", "${alert(6)}", "a" * 300]


def test_hostile_names_are_shown_and_never_run(folder: Path, open_page: Callable[..., Page]) -> None:
    result, path, labels = folder / "hostile.npz", folder / "hostile.html", folder / "hostile.txt"
    random = np.random.default_rng(5)
    layers = {name: random.normal(size=(3, 4, 6, 6) if i % 2 else (3, 5)) for i, name in enumerate(ATTACKS)}
    save_result(result, layers, {"command": ATTACKS[0], "model": f"/tmp/{ATTACKS[1]}", "tolerance": ATTACKS[2], ATTACKS[0]: ATTACKS[1]})
    labels.write_text("\n".join(ATTACKS) + "\n")
    mho("report", result, "--labels", labels, "--title", ATTACKS[0], "-o", path)
    page = open_page(path)
    expect(page.locator("h1")).to_have_text(ATTACKS[0])
    for i, name in enumerate(ATTACKS):
        page.get_by_label("Layer", exact=True).select_option(str(i))
        settle(page)
        expect(page.locator("#neurons caption")).to_contain_text(name)
    page.locator("#reproduce summary").click()
    expect(page.locator("#reproduce")).to_contain_text(ATTACKS[1])
    assert page.locator("img, script[src], iframe").count() == 0
    assert page.evaluate("() => document.documentElement.scrollWidth") == 1280


def test_numbers_that_are_none_do_not_break_the_page(folder: Path, open_page: Callable[..., Page]) -> None:
    result, path = folder / "nan.npz", folder / "nan.html"
    values = np.ones((2, 3, 4, 4))
    values[0, 0, 0, 0] = np.nan
    values[1] = 0
    save_result(result, {"nan": values, "none": np.zeros((2, 0)), "scalar": np.ones(2), "huge": np.full((2, 3), 1e300)})
    mho("report", result, "-o", path)
    page = open_page(path)
    for layer in range(4):
        for example in (-1, 0, 1):
            page.get_by_label("Layer", exact=True).select_option(str(layer))
            page.get_by_label("Example", exact=True).select_option(str(example))
            settle(page)

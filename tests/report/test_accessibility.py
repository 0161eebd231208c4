"""axe-core finds nothing to object to, in both themes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Page

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (400, "light")])
def test_axe_finds_nothing(digits: Path, open_page: Callable[..., Page], width: int, scheme: str) -> None:
    page = open_page(digits, width=width, scheme=scheme)
    page.locator("#flow summary").click()
    page.locator("#reproduce summary").click()
    page.locator("#neurons .pick").first.click()
    page.evaluate(AXE.read_text())  # by the debugger, which the page's policy does not bind
    found = page.evaluate("() => axe.run()")
    wrong = [(rule["id"], rule["help"], [node["target"] for node in rule["nodes"]][:4]) for rule in found["violations"]]
    assert wrong == []
    assert len(found["passes"]) > 20

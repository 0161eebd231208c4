"""Pages that the program wrote, in a real browser: `./dev test` runs these with MHO_PROGRAM set."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "build" / "report"
DIGITS = ROOT / "examples" / "digits"
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync"]


def mho(*arguments: str | Path) -> None:
    """Runs the program; what it says is shown where it fails."""
    program = os.environ.get("MHO_PROGRAM", str(ROOT / "build" / "release" / "cli" / "mho"))
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = os.environ.get("MHO_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "no chromium is installed"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """open_page(path, **viewport and theme): the page, drawn. Errors and requests of any page fail the test."""
    wrong: list[str] = []
    pages: list[Page] = []

    def open_(path: Path, width: int = 1280, scheme: str = "light", **options: object) -> Page:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
        pages.append(page)
        page.set_default_timeout(60_000)  # the machine may be busy
        page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url)
                if request.url != path.as_uri() and not request.url.startswith(("data:", "blob:")) else None)
        page.on("dialog", lambda dialog: wrong.append(f"dialog {dialog.message}"))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        return page

    yield open_
    for page in pages:
        page.close()
    assert wrong == []


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="session")
def digits(folder: Path) -> Path:
    """36 digits, all cuts of the CNN, with pictures and labels."""
    result, page, labels = folder / "digits.npz", folder / "digits.html", folder / "labels.txt"
    labels.write_text("zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n")
    mho("attribute", DIGITS / "cnn.onnx", "-i", DIGITS / "digits.npz", "-o", result, "--quiet")
    mho("report", result, "-i", DIGITS / "digits.npz", "--labels", labels, "-o", page)
    return page


def settle(page: Page) -> None:
    """Waits until every chart shows what was asked for last."""
    page.evaluate("() => window.mhoSettled()")

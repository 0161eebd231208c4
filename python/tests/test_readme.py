"""Invariant: the Python of README.md and docs/python.md works as a newcomer would type it, and prints what is shown.

The ```python blocks of a page are typed line by line into one fresh interpreter, in a folder that holds the
repository's examples. A line that ends in `# → something` must show just that. A block that imports what is not
installed is left out.
"""

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from conftest import REPOSITORY

PAGES = {"README.md": "## From Python", "docs/python.md": None, "docs/scale.md": "## Dask"}

# Types a page's lines into an interactive interpreter; stops at the first that fails or shows something else.
TYPIST = r"""
import code, json, sys

class Typist(code.InteractiveConsole):
    def fail(self, *arguments, **more):
        super().showtraceback() if sys.exc_info()[0] is not SyntaxError else super().showsyntaxerror()
        sys.exit(f"line {self.line}: {self.text}")
    showtraceback = showsyntaxerror = fail

shown = []
sys.displayhook = lambda value: value is None or shown.append(repr(value))
typist = Typist()
for typist.line, typist.text in json.load(sys.stdin):
    shown.clear()
    typist.push(typist.text)
    _, arrow, wanted = typist.text.partition("# → ")
    if arrow and shown != [wanted]:
        sys.exit(f"line {typist.line}: {typist.text}\nshows {shown}")
"""


def blocks(page: str, heading: str | None) -> list[tuple[int, str]]:
    """(number of the first line, text) of each block, in the section of that heading or in the whole page."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    if heading is not None:
        start = text.index(heading + "\n")
        end = text.find("\n## ", start)
        text = "\n" * text.count("\n", 0, start) + text[start:end]
    return [(text.count("\n", 0, match.start(1)) + 1, match[1])
            for match in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]


def missing_modules(block: str) -> list[str]:
    """Modules that the block imports and that cannot be found."""
    names = []
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(str(node.module))
    missing = []
    for name in names:
        parents = [name.rsplit(".", k)[0] for k in range(name.count("."), 0, -1)]
        if any(importlib.util.find_spec(part) is None for part in [*parents, name]):
            missing.append(name)
    # Modules of mho that need torch.
    if any(name in ("mho.torch", "mho.captum") for name in names) and importlib.util.find_spec("torch") is None:
        missing.append("torch")
    return missing


def typed(lines: list[tuple[int, str]], folder: Path) -> subprocess.CompletedProcess:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment |= {"MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"}
    return subprocess.run([sys.executable, "-c", TYPIST], input=json.dumps(lines), cwd=folder, env=environment,
                          capture_output=True, text=True, encoding="utf-8", timeout=300)


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(REPOSITORY / "examples" / "digits", tmp_path / "examples" / "digits")
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_pages_work_as_typed(page, folder):
    found = blocks(page, PAGES[page])
    assert found
    lines = []
    for first, block in found:
        missing = missing_modules(block)
        if missing:
            warnings.warn(f"{page}:{first}: left out, since {', '.join(missing)} is not installed", stacklevel=1)
            continue
        lines += [(first + k, line) for k, line in enumerate([*block.splitlines(), ""])]
    assert lines, "every block needs something that is not installed"
    run = typed(lines, folder)
    assert run.returncode == 0, f"{page}: {run.stderr}"


def test_what_is_wrong_on_a_page_is_found(folder):
    assert "ZeroDivisionError" in typed([(7, "1 / 0")], folder).stderr
    assert "line 8" in typed([(7, "x = 1"), (8, "x + 1  # → 3")], folder).stderr
    assert "SyntaxError" in typed([(7, "for")], folder).stderr
    assert typed([(7, "x = 1"), (8, "x + 1  # → 2")], folder).returncode == 0
    assert missing_modules("import mho.nothing, numpy") == ["mho.nothing"]
    assert missing_modules("from nothing.at.all import x") == ["nothing.at.all"]

"""Invariant: the notebooks run from first cell to last, within a minute's work, and their claims (asserts) hold.

With MHO_RENEW=1 the executed notebooks, with the figures of this run, take the place of the committed ones.
"""

import json
import os
import sys

import pytest
from conftest import REPOSITORY

NOTEBOOKS = REPOSITORY / "examples" / "notebooks"
NEEDED = {"digits": ["matplotlib", "onnx", "scipy", "sklearn"], "motifs": ["matplotlib", "onnx", "sklearn"],
          "pruning": ["matplotlib", "onnx", "scipy", "sklearn"]}
LARGEST = 600_000  # bytes


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """A kernel of this very interpreter, whatever kernels are installed."""
    folder = tmp_path / "kernels" / "mho_test"
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (folder / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "mho", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    return "mho_test"


def test_every_notebook_is_tested():
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == sorted(NEEDED)


@pytest.mark.parametrize("name", NEEDED)
def test_notebook_runs_and_its_claims_hold(name, kernel):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    for module in NEEDED[name]:
        pytest.importorskip(module)
    path = NOTEBOOKS / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code[-1].source.count("assert ") >= 2, "the last cell asserts the conclusions"
    client = nbclient.NotebookClient(notebook, kernel_name=kernel, timeout=900, record_timing=False,
                                     resources={"metadata": {"path": str(NOTEBOOKS)}})
    client.execute()  # raises CellExecutionError with the cell and its traceback
    assert all(cell.execution_count for cell in code)
    assert figures(notebook) >= 1
    if os.environ.get("MHO_RENEW"):
        notebook.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
        notebook.metadata.language_info = {"name": "python"}
        nbformat.write(notebook, path)


@pytest.mark.parametrize("name", NEEDED)
def test_committed_notebook_was_run_and_is_small(name):
    path = NOTEBOOKS / f"{name}.ipynb"
    assert path.stat().st_size < LARGEST
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]
    assert any("image/png" in output.get("data", {}) for output in outputs)


def figures(notebook) -> int:
    return sum("image/png" in output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", []))

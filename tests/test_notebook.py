"""The notebook runs from top to bottom, and what it shows is what it says."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "examples" / "prm_from_scratch.ipynb"

# What the text around the cells claims, asked of the same kernel at the end.
CLAIMS = """
def signs(scored):
    return "".join("+" if p > 0.5 else "-" for p in scored.probabilities)

assert [p.step for p in step_positions(untrained, candidate)] == [0, 1, 2, 3]
assert [s.labels for s in four_samples][3] == (1.0, 0.0, 1.0, 1.0)
by_text = [Candidate(problem, tuple(s)) for s in (solution_a, solution_b, solution_c)]
assert [signs(one) for one in prm.score(by_text)] == ["+++", "+--", "+-++"]
first = {rule: [name for name, _ in order] for rule, order in orders.items()}
assert first["min"][0] == first["prod"][0] == "A"
assert first["last"][-1] == first["mean"][-1] == "B"
assert {k: (o > 0.5, signs(p)) for k, (o, p) in compared.items()} == {
    "mended": (True, "++-++"),
    "lucky": (True, "++-+"),
    "carried": (False, "++--"),
}
"""


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(CLAIMS))
    folder = tmp_path_factory.mktemp("notebook")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder)}
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env=environment)  # an exception in a cell is raised here
    return notebook


def test_it_runs_and_its_claims_hold(executed: nbformat.NotebookNode) -> None:
    assert all(cell.execution_count for cell in executed.cells if cell.cell_type == "code")


def test_it_has_pictures(executed: nbformat.NotebookNode) -> None:
    pictures = [
        output.data["application/vnd.plotly.v1+json"]
        for cell in executed.cells
        for output in cell.get("outputs", [])
        if "application/vnd.plotly.v1+json" in output.get("data", {})
    ]
    assert len(pictures) == 4
    for picture in pictures:
        assert picture["layout"]["xaxis"]["title"]["text"] == "P(step is correct)"
        assert picture["layout"]["title"]["text"]


def test_what_is_stored_shows_the_same_cells_without_paths() -> None:
    stored = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert "/tmp/" not in text
    assert not [o for cell in code for o in cell.outputs if o.output_type == "error"]

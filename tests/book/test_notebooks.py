"""Committed notebooks are clean, short of cell and described; and the tool that keeps them so works."""

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from genlab import notebooks

ROOT = Path(__file__).parents[2]
COMMITTED = sorted(notebooks.find([ROOT / "book", ROOT / "solutions"]))
PAGES = [path for path in COMMITTED if path.is_relative_to(ROOT / "book")]
DRAWING = {"subplots", "figure"}

each_committed = pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
each_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


def code_cells(path: Path) -> Iterator[NotebookNode]:
    yield from (cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")


def draws(source: str) -> bool:
    """Say whether running a cell, not merely calling what it defines, makes a figure."""
    statements = [s for s in ast.parse(source).body if not isinstance(s, ast.FunctionDef)]
    calls = [node for s in statements for node in ast.walk(s) if isinstance(node, ast.Call)]
    return any(isinstance(call.func, ast.Attribute) and call.func.attr in DRAWING for call in calls)


def test_there_are_pages():
    assert {"gaussian", "mixture", "em", "em-in-code", "results", "old-faithful"} <= {p.stem for p in PAGES}


@each_committed
def test_a_committed_notebook_is_clean(path, capsys):
    assert notebooks.main(["check", str(path)]) == 0, capsys.readouterr().err


@each_committed
def test_a_committed_notebook_is_valid_and_its_cells_have_names(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


@each_committed
def test_every_checked_cell_has_its_output(path):
    assert [cell.id for cell in code_cells(path) if notebooks.is_checked(cell) and not cell.outputs] == []


@each_page
def test_cells_fit_the_page(path):
    for cell in code_cells(path):
        lines = cell.source.splitlines()
        assert len(lines) < 25, cell.id
        assert max(map(len, lines)) < 80, cell.id


@each_page
def test_every_figure_is_described_and_captioned(path):
    figures = [cell for cell in code_cells(path) if draws(cell.source)]
    assert figures
    for cell in figures:
        settings = cell.metadata.get("mystnb", {})
        assert len(settings.get("image", {}).get("alt", "")) > 80, cell.id
        assert settings.get("figure", {}).get("caption"), cell.id
        assert re.fullmatch(r"fig-[a-z-]+", settings["figure"].get("name", "")), cell.id


def test_figure_names_differ():
    cells = [cell for path in PAGES for cell in code_cells(path) if "mystnb" in cell.metadata]
    names = [cell.metadata.mystnb.figure.name for cell in cells]
    assert len(set(names)) == len(names)


@each_page
def test_a_widget_is_not_made_where_no_kernel_will_run(path):
    for cell in code_cells(path):
        if "ipywidgets" in cell.source:  # the site's build skips it, nbval runs it
            assert "skip-execution" in cell.metadata.tags, cell.id


def prose(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def sections(path: Path) -> dict[str, str]:
    """The text below each heading of the second level, in order."""
    parts = re.split(r"^## (.*)\n", prose(path), flags=re.MULTILINE)
    assert len(set(parts[1::2])) == len(parts[1::2]), "two headings are the same"
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@each_page
def test_a_page_opens_with_its_aims_and_ends_with_a_check_and_exercises(path):
    assert "**After this page you can**" in prose(path).partition("\n## ")[0]
    assert list(sections(path))[-3:] == ["Remember", "Check yourself", "Exercises"]


@each_page
def test_a_page_and_its_chapters_table_agree_on_the_time_it_takes(path):
    said = re.findall(r"Reading takes\s+about\s+(\d+)\s+minutes", prose(path))
    table = (path.parent / "index.md").read_text(encoding="utf-8")
    assert said == re.findall(rf"\({path.name}\) \|.*\| (\d+) \|", table)
    assert len(said) == 1


@each_page
def test_a_page_asks_at_least_three_questions(path):
    assert len(re.findall(r"^:{3,}\{quiz\} \S", sections(path)["Check yourself"], re.MULTILINE)) >= 3


@each_page
def test_exercises_have_folded_solutions_and_lead_to_the_graded_assignment(path):
    exercises = sections(path)["Exercises"]
    numbers = re.findall(r"^\*\*(\d+)\.\*\*", exercises, re.MULTILINE)
    assert numbers == [str(i + 1) for i in range(len(numbers))]
    assert len(numbers) >= 2
    assert len(re.findall(r"^:{3,}\{dropdown\} Solution$", exercises, re.MULTILINE)) == len(numbers)
    assert "](../students.md)" in exercises


# The tool itself.


def dirty_notebook() -> NotebookNode:
    """Everything that running and editing leave behind, in three cells."""
    v4 = nbformat.v4
    checked = v4.new_code_cell(
        "print(1)",
        id="checked",
        execution_count=7,
        metadata={
            "tags": ["nbval-check-output"],
            "execution": {"iopub.status.busy": "2026-01-01"},
            "collapsed": False,
        },
    )
    checked.outputs = [
        v4.new_output("stream", name="stdout", text="1\n"),
        v4.new_output("stream", name="stderr", text="a warning\n"),
    ]
    plain = v4.new_code_cell("2", id="plain", execution_count=8, metadata={"mystnb": {"image": {"alt": "a"}}})
    plain.outputs = [v4.new_output("execute_result", data={"text/plain": "2"}, execution_count=8)]
    prose = v4.new_markdown_cell("text", id="prose", metadata={"nbgrader": {"grade": False}, "trusted": True})
    return v4.new_notebook(
        cells=[checked, plain, prose],
        metadata={
            "kernelspec": {"name": "elsewhere", "display_name": "Mine", "language": "python"},
            "language_info": {"name": "python", "version": "3.12.1"},
            "widgets": {"state": {}},
        },
    )


def test_strip_keeps_what_was_written_and_what_is_checked():
    dirty = dirty_notebook()
    checked, plain, prose = notebooks.strip(dirty).cells
    assert [dict(output) for output in checked.outputs] == [
        {"output_type": "stream", "name": "stdout", "text": "1\n"}
    ]
    assert checked.execution_count == 1
    assert checked.metadata == {"tags": ["nbval-check-output"]}
    assert plain.outputs == [] and plain.execution_count is None
    assert plain.metadata == {"mystnb": {"image": {"alt": "a"}}}
    assert prose.metadata == {"nbgrader": {"grade": False}}
    assert notebooks.strip(dirty).metadata == notebooks.METADATA
    assert dirty == dirty_notebook(), "the argument was changed"


def test_strip_twice_is_strip_once():
    once = notebooks.strip(dirty_notebook())
    assert notebooks.strip(once) == once


def test_check_names_a_dirty_notebook_and_strip_cleans_it(tmp_path, capsys):
    shutil.copy(PAGES[0], tmp_path / "clean.ipynb")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    for path in (tmp_path / "dirty.ipynb", tmp_path / ".ipynb_checkpoints" / "old.ipynb"):
        nbformat.write(dirty_notebook(), path)

    assert notebooks.main(["check", str(tmp_path)]) == 1
    complaint = capsys.readouterr().err
    assert "dirty.ipynb" in complaint
    assert "clean.ipynb" not in complaint and "old.ipynb" not in complaint

    assert notebooks.main(["strip", str(tmp_path)]) == 0
    assert notebooks.main(["check", str(tmp_path)]) == 0


@pytest.mark.parametrize("dirt", ["count", "output", "metadata"])
def test_the_least_dirt_on_a_page_is_found(tmp_path, dirt):
    copy = tmp_path / "page.ipynb"
    notebook = nbformat.read(PAGES[0], as_version=4)
    cell = next(c for c in notebook.cells if c.cell_type == "code" and not c.outputs)
    if dirt == "count":
        cell.execution_count = 3
    elif dirt == "output":
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="1\n")]
    else:
        cell.metadata["collapsed"] = True
    nbformat.write(notebook, copy)
    assert notebooks.main(["check", str(copy)]) == 1


def test_run_stores_what_checked_cells_print_and_nothing_else(tmp_path):
    v4 = nbformat.v4
    path = tmp_path / "page.ipynb"
    cells = [
        v4.new_code_cell("x = 2\nprint('unchecked')", id="a"),
        v4.new_code_cell("print(x)\nprint(x + 1)", id="b", metadata={"tags": [notebooks.CHECKED]}),
    ]
    nbformat.write(v4.new_notebook(cells=cells), path)
    assert notebooks.main(["run", str(path)]) == 0
    unchecked, checked = nbformat.read(path, as_version=4).cells
    assert unchecked.outputs == []
    assert [output.text for output in checked.outputs] == ["2\n3\n"]
    assert notebooks.main(["check", str(path)]) == 0

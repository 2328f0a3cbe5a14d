"""The table of functions: in a notebook's kernel, and by genlab check, which runs the notebook itself."""

import json
import os
import subprocess
import sys

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from typer.testing import CliRunner

from genlab import checks, cli
from genlab.checks import results, trial

FIRST = """# Doubling

| part | what you write | points | to read again, in chapter 1 |
| --- | --- | --- | --- |
| 1 | `double` | 5 | Numbers: Twice as much |
| 2 | `double_twice` | 2 | Numbers: And again |
| 3 | a written answer | 3 | |
"""
SETUP = "from genlab.checks import Answer, begin, overview\nbegin('gmm-em')"


@pytest.fixture(autouse=True)
def nothing_is_refused(monkeypatch):
    """What a notebook refuses, this process would refuse to all later tests."""
    monkeypatch.setattr("genlab.checks.notebook.refuse", lambda modules: None)


RIGHT = "def double(x):\n    return 2 * x"
TWICE = "def double_twice(x):\n    return 4 * x"


def graded(kind, source, name, **settings):
    settings = {"grade": False, "solution": False, "locked": False, "task": False, **settings}
    make = new_code_cell if kind == "code" else new_markdown_cell
    return make(source, metadata={"nbgrader": {"grade_id": name, "schema_version": 3, **settings}})


def exam(function, x, expected, name, points):
    source = f"def test():\n    Answer('{function}', {function}).gives({expected}, {x})\n\n\ntest()"
    cell = graded("code", source, name, grade=True, locked=True, points=points)
    cell.metadata.tags = ["raises-exception"]
    return cell


def assignment(double=RIGHT, twice=TWICE, written="Because.", setup=SETUP):
    return new_notebook(
        cells=[
            new_markdown_cell(FIRST),
            graded("code", setup, "setup", locked=True),
            graded("code", double, "double", solution=True),
            exam("double", 1.0, 2.0, "test_double", 2),
            exam("double", 4.0, 8.0, "test_double_more", 3),
            new_code_cell(""),
            graded("code", twice, "double_twice", solution=True),
            exam("double_twice", 1.0, 4.0, "test_double_twice", 2),
            new_markdown_cell("## 3. In your own words\n\nWhy?"),
            graded("markdown", written, "why", solution=True, grade=True, points=3),
            new_code_cell("overview()", id="overview"),
        ]
    )


def test_a_test_belongs_to_the_longest_name():
    functions = ["double", "double_twice"]
    names = [
        "test_double",
        "test_double_more",
        "test_double_twice",
        "test_double_twice_more",
        "test_doubled",
        "why",
    ]
    found = [results.function_of(name, functions) for name in names]
    assert found == ["double", "double", "double_twice", "double_twice", "", ""]


def test_a_row_has_the_points_of_what_passes_and_the_first_message():
    notebook = assignment()
    _, _, _, one, more, *_ = (cell.source for cell in notebook.cells)
    passed, other = results.rows(notebook, {one: "", more: "double: no"})
    assert passed == results.Row("double", 2, 5, "double: no", "Numbers: Twice as much")
    assert other == results.Row("double_twice", 0, 2, results.NOT_RUN, "Numbers: And again")
    notebook.cells = [cell for cell in notebook.cells if "double_twice'" not in cell.source]
    assert results.rows(notebook, {})[1].says == "its tests were deleted."


@pytest.mark.parametrize(
    ("written", "blank"), [("", True), ("YOUR ANSWER HERE\n", True), ("Because.", False)]
)
def test_a_blank_answer_is_named_by_its_heading(written, blank):
    assert results.blanks(assignment(written=written)) == ["3. In your own words"] * blank


def test_the_page_is_a_table_with_headers_and_no_markup_of_the_students():
    rows = [results.Row("f", 1, 2, "f: <b>no</b>", "Page: Part"), results.Row("g", 3, 3, "", "Page: Other")]
    shown = results.page(rows, ["4. Why?"])
    assert (
        shown.count("<tr>") == 3
        and shown.count('<th scope="row"') == 2
        and shown.count('<th scope="col"') == 3
    )
    assert "✗ fails, 1 of 2" in shown and "✓ passes, 3 of 3" in shown
    assert "&lt;b&gt;no&lt;/b&gt;\nRead again: Page: Part" in shown and "Page: Other" not in shown
    assert "4. Why?" in shown and results.HIDDEN_FOLLOW in shown


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(results, "_ran", {})
    made = InteractiveShell.instance()
    yield made
    InteractiveShell.clear_instance()


def run_all(shell, notebook, capsys):
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.id != "overview":
            shell.run_cell(cell.source)
    capsys.readouterr()
    shell.run_cell("overview()")
    return " ".join(capsys.readouterr().out.split())


def test_the_last_cell_shows_the_table(shell, tmp_path, capsys):
    notebook = assignment(double="def double(x):\n    return x + 1", written="")
    nbformat.write(notebook, tmp_path / "gmm-em.ipynb")
    shown = run_all(shell, notebook, capsys)
    assert "✗ fails, 2 of 5" in shown and "✓ passes, 2 of 2" in shown
    assert "Read again: Numbers: Twice as" in shown and "And again" not in shown
    assert "Still blank" in shown and "hidden ones follow" in shown
    notebook.cells[2].source = RIGHT
    shown = run_all(shell, notebook, capsys)
    assert "✓ passes, 5 of 5" in shown and "fails" not in shown


def test_where_no_test_has_run_the_last_cell_says_so(shell, tmp_path, capsys):
    notebook = assignment()
    nbformat.write(notebook, tmp_path / "gmm-em.ipynb")
    notebook.cells = [cell for cell in notebook.cells if "def test" not in cell.source]
    assert run_all(shell, notebook, capsys) == results.NONE_RUN


@pytest.mark.parametrize("content", [None, "no notebook"])
def test_without_the_notebook_the_last_cell_says_so(shell, tmp_path, capsys, content):
    if content:
        (tmp_path / "gmm-em.ipynb").write_text(content)
    assert "on your own machine, if the notebook is gmm-em.ipynb" in run_all(shell, assignment(), capsys)


def test_without_rich_the_last_cell_says_so(shell, tmp_path, monkeypatch, capsys):
    nbformat.write(assignment(), tmp_path / "gmm-em.ipynb")
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert "appears here after this: pip install rich" in run_all(shell, assignment(), capsys)


def test_before_any_test_and_without_jupyter_the_table_is_a_sentence(tmp_path):
    program = f"{SETUP}\noverview()"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == results.NONE_RUN + "\n"


def check(path, code):
    result = CliRunner().invoke(cli.app, ["check", str(path)], env={"COLUMNS": "80"})
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


@pytest.fixture
def written(tmp_path):
    def write(**parts):
        nbformat.write(assignment(**parts), tmp_path / "mine.ipynb")
        return tmp_path / "mine.ipynb"

    return write


@pytest.mark.slow
def test_genlab_check_runs_the_notebook_and_shows_the_table(written):
    shown = check(written(), 0)
    assert "✓ passes, 5 of 5" in shown and "✓ passes, 2 of 2" in shown and "hidden ones follow" in shown
    wrong = "import os\nos.environ['MARK'] = '1'\nraise KeyError('[red]x')"
    shown = check(written(double=wrong, twice="def double_twice(x):\n    return None", written=""), 1)
    assert "NameError: name 'double' is not defined" in shown
    assert "it returns None. Is a `return` missing?" in shown and "Still blank" in shown
    assert "MARK" not in os.environ and "Traceback" not in shown


@pytest.mark.slow
def test_genlab_check_draws_no_pictures(written, tmp_path):
    picture = "from pathlib import Path\nfrom genlab.checks import picture\n"
    picture += "@picture('double')\ndef draw():\n    Path('drawn').touch()\n"
    check(written(double=f"{picture}def double(x):\n    return 2 * x"), 0)
    assert not (tmp_path / "drawn").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"double": "import os\nos._exit(1)"}, "A cell ended the kernel"),
        ({"setup": "import not_installed"}, "ModuleNotFoundError: No module named 'not_installed'"),
    ],
)
def test_a_notebook_that_cannot_run_is_a_sentence(written, parts, says):
    shown = check(written(**parts), 1)
    assert says in shown and "Traceback" not in shown


@pytest.mark.slow
def test_a_cell_without_end_is_stopped(written, monkeypatch):
    monkeypatch.setattr(trial, "CELL_SECONDS", 2)
    shown = check(written(double="def double(x):\n    while True:\n        pass"), 1)
    assert "stopped after 2 s" in shown and "✓ passes, 2 of 2" in shown


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "is not there"),
        ("not JSON", "is not a notebook"),
        ("[]", "is not a notebook"),
        ('{"cells": 3}', "is not a notebook"),
        (json.dumps(new_notebook()), "holds no tests"),
    ],
)
def test_what_is_no_assignment_is_a_sentence(tmp_path, content, says):
    if content:
        (tmp_path / "mine.ipynb").write_text(content)
    shown = check(tmp_path / "mine.ipynb", 1)
    assert says in shown and "Traceback" not in shown
    assert "is a folder" in check(tmp_path, 1)


def test_a_missing_package_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "genlab.checks.trial")
    monkeypatch.delattr(checks, "trial")
    monkeypatch.setitem(sys.modules, "nbclient", None)
    assert "pip install 'genlab[course]'" in check(tmp_path / "mine.ipynb", 1)


def test_checking_needs_nothing_of_grading():
    program = "import sys, genlab.cli, genlab.checks.trial; print([m for m in sys.modules if 'grading' in m])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

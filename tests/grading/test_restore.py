"""Restoring a notebook: the instructor's cells, and the student's own around them."""

import copy
import json
import random

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.utils import determine_grade

from genlab.grading.reading import read_notebook
from genlab.grading.restore import ReferenceCell, restore


def cell(name, kind="code", source="", grade=False, solution=False, task=False, points=0.0):
    locked = not solution
    return ReferenceCell(name, kind, source or f"# {name}", "0" * 32, locked, grade, solution, task, points)


REFERENCE = [
    cell("given", source="import math"),
    cell("answer", solution=True),
    cell("test", source="assert answer() == 42", grade=True, points=3.0),
    cell("essay", "markdown", "Write here. SCHEME", grade=True, solution=True, points=5.0),
    cell("task", "markdown", grade=False, task=True, points=2.0),
    cell("last_test", source="assert answer() < 43", grade=True, points=1.0),
]


def student_cell(name, source="", kind="code", **changes):
    """A known cell as a student might hand it in."""
    ref = next(ref for ref in REFERENCE if ref.name == name)
    tag = {"grade_id": name, "grade": ref.grade, "solution": ref.solution, "locked": ref.locked}
    tag |= {"points": ref.points, "checksum": "1" * 32, "schema_version": 3, "task": ref.task} | changes
    new = new_code_cell if kind == "code" else new_markdown_cell
    return new(source or ref.source, metadata={"nbgrader": tag})


def honest():
    return [
        student_cell("given"),
        student_cell("answer", "def answer(): return 42"),
        student_cell("test"),
        student_cell("essay", "Because.", "markdown"),
        student_cell("task", kind="markdown"),
        student_cell("last_test"),
    ]


def names(notebook):
    """The cells in order: known ones by name, others by source."""
    return [c.metadata.get("nbgrader", {}).get("grade_id") or c.source for c in notebook.cells]


def valid(notebook):
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    assert len({c.id for c in notebook.cells}) == len(notebook.cells)
    return notebook


def restored(*cells):
    """Restore what is read of a notebook of these cells."""
    content = nbformat.writes(new_notebook(cells=copy.deepcopy(list(cells)))).encode()
    notebook, notes = restore(read_notebook(content), REFERENCE)
    return valid(notebook), " ".join(notes)


def test_an_honest_notebook_stays_what_it_is():
    notebook, notes = restored(*honest())
    assert notes == ""
    assert [c.source for c in notebook.cells] == [c.source for c in honest()]
    assert [c.cell_type for c in notebook.cells] == [c.cell_type for c in honest()]


def test_own_cells_stay_after_the_cell_that_they_followed():
    cells = honest()
    cells.insert(0, new_code_cell("first", metadata={"tags": ["skip-execution"]}))
    cells.insert(3, new_code_cell("helper", metadata={"nbgrader": {"grade_id": "unknown", "grade": True}}))
    cells.append(new_markdown_cell("end"))
    notebook, notes = restored(*cells)
    assert names(notebook) == [
        "first",
        "given",
        "answer",
        "helper",
        "test",
        "essay",
        "task",
        "last_test",
        "end",
    ]
    assert all(c.metadata == {} for c in (notebook.cells[0], notebook.cells[3], notebook.cells[-1]))
    assert notes == ""


def test_what_is_missing_is_put_back_but_for_answers():
    cells = honest()
    notebook, notes = restored(new_code_cell("def answer(): return 42"), cells[4])
    assert names(notebook) == ["def answer(): return 42", "given", "test", "essay", "task", "last_test"]
    assert (
        notes == "What was missing from the submission was put back: 'given', 'test', 'essay', 'last_test'."
    )
    assert notebook.cells[2].source == "assert answer() == 42"
    assert "SCHEME" not in notebook.cells[3].source  # an answer's cell may hold what only the marker reads


def test_an_answer_that_is_missing_has_nothing_to_mark():
    notebook, _ = restored(*[c for c in honest() if c.metadata.nbgrader.grade_id != "essay"])
    essay = next(c for c in notebook.cells if c.metadata.nbgrader.grade_id == "essay")
    assert determine_grade(essay) == (0, 5.0)
    handed_in = next(c for c in restored(*honest())[0].cells if c.metadata.nbgrader.grade_id == "essay")
    assert determine_grade(handed_in) == (None, 5.0)


def test_of_two_copies_the_last_counts():
    first = student_cell("answer", "def answer(): return 0")
    notebook, notes = restored(first, student_cell("test", "pass"), *honest())
    assert names(notebook)[:2] == ["def answer(): return 0", "pass"]
    assert notebook.cells[3].source == "def answer(): return 42"
    assert "several copies the last counts: 'answer', 'test'" in notes


def test_given_cells_and_their_metadata_are_the_instructors():
    cells = honest()
    cells[0] = student_cell("given", "import fake as math", locked=False, solution=True)
    cells[2] = student_cell("test", "pass", "markdown", points=99, grade=False, locked=False)
    cells[4] = student_cell("task", "No task.", "markdown", points="many", schema_version=[3], extra=1)
    notebook, notes = restored(*cells)
    assert [c.source for c in notebook.cells if c.metadata.nbgrader.locked] == [
        ref.source for ref in REFERENCE if not ref.solution
    ]
    test = notebook.cells[2].metadata.nbgrader
    assert (test.points, test.grade, test.locked) == (3.0, True, True)
    assert notebook.cells[2].cell_type == "code"
    assert "assignment's were replaced: 'given', 'test', 'task'." in notes
    assert "Points that differ from the assignment's were replaced: 'test', 'task'." in notes


def test_cells_that_were_moved_go_back_with_what_follows_them():
    cells = honest()
    cells = [*cells[2:], new_code_cell("own"), cells[0], cells[1], new_code_cell("helper")]
    notebook, notes = restored(*cells)
    assert names(notebook) == ["given", "answer", "helper", "test", "essay", "task", "last_test", "own"]
    assert "moved were put in their place: 'given', 'answer'." in notes


def test_another_notebook_is_named_as_such():
    notebook, notes = restored(new_code_cell("x = 1"))
    assert "no cell of the assignment" in notes
    assert names(notebook)[1:] == ["given", "test", "essay", "task", "last_test"]


def test_pictures_in_an_answer_stay():
    picture = {"plot.png": {"image/png": "aGVsbG8="}}
    cells = honest()
    cells[3]["attachments"] = picture
    assert restored(*cells)[0].cells[3].attachments == picture


def test_outputs_and_other_metadata_are_gone():
    cells = honest()
    cells[1]["outputs"] = [nbformat.v4.new_output("stream", text="full marks")]
    cells[1]["execution_count"] = 3
    cells[1].metadata |= {"tags": ["raises-exception"], "genlab": {"says": "right"}}
    content = new_notebook(cells=cells, metadata={"kernelspec": {"name": "own", "display_name": "own"}})
    notebook, _ = restore(read_notebook(nbformat.writes(content).encode()), REFERENCE)
    assert notebook.cells[1].outputs == []
    assert notebook.cells[1].execution_count is None
    assert set(notebook.cells[1].metadata) == {"nbgrader"}
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"


def test_whatever_is_done_to_the_cells_restoring_is_valid_and_final():
    rng = random.Random(1)
    for _ in range(200):
        cells = [copy.deepcopy(rng.choice(honest())) for _ in range(rng.randint(0, 12))]
        for c in cells:
            change = rng.choice(["type", "metadata", "source", ""])
            if change == "type":
                c["cell_type"] = rng.choice(["code", "markdown", "raw", "odd"])
            elif change == "metadata":
                c.metadata.nbgrader[rng.choice(list(c.metadata.nbgrader))] = rng.choice(
                    [None, 1, "x", [], True]
                )
            elif change == "source":
                c["source"] = rng.choice(["", "x = 1", "This cell (essay) was missing from the submission."])
        content = json.dumps({"cells": cells, "nbformat": 4}).encode()
        once, _ = restore(read_notebook(content), REFERENCE)
        known = [name for name in names(valid(once)) if name in {ref.name for ref in REFERENCE}]
        assert known == [ref.name for ref in REFERENCE if ref.needed or ref.name in known]
        for handed_on in (once, read_notebook(nbformat.writes(once).encode())):
            assert restore(handed_on, REFERENCE)[0] == once

"""nbgrader's own example course, switched over: the same marks as stock nbgrader gives."""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbgrader.api import Gradebook

pytestmark = pytest.mark.slow

ANSWERS = {
    "right": {
        "squares": "def squares(n):\n    if n < 1:\n        raise ValueError('too small')\n"
        "    return [i**2 for i in range(1, n + 1)]",
        "sum_of_squares": "def sum_of_squares(n):\n    return sum(squares(n))",
    },
    "wrong": {
        "squares": "def squares(n):\n    return [i**2 for i in range(n)]",
        "sum_of_squares": "def sum_of_squares(n):\n    return sum(squares(n))",
    },
    "half": {
        "squares": "def squares(n):\n    return [i**2 for i in range(1, n + 1)]",
        "sum_of_squares": "def sum_of_squares(n):\n    return sum(i**2 for i in range(1, n + 1))",
    },
    "empty": {},
}


def run(folder, *command):
    environment = {**os.environ, "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def marks(course):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        return {
            (submission.student.id, notebook.name, grade.name): (grade.auto_score, grade.needs_manual_grade)
            for submission in book.assignment_submissions("ps1")
            for notebook in submission.notebooks
            for grade in notebook.grades
        }


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """The course that `nbgrader quickstart` makes, with submissions, graded by stock nbgrader."""
    course = tmp_path_factory.mktemp("foreign") / "stock"
    run(course.parent, "nbgrader", "quickstart", "stock")
    run(course, "nbgrader", "generate_assignment", "ps1")
    for student, answers in ANSWERS.items():
        folder = course / "submitted" / student / "ps1"
        shutil.copytree(course / "release" / "ps1", folder)
        notebook = nbformat.read(folder / "problem1.ipynb", as_version=4)
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            cell.source = answers.get(name, cell.source)
        nbformat.write(notebook, folder / "problem1.ipynb")
    ungraded = shutil.copytree(course, course.with_name("ours"))
    run(course, "nbgrader", "autograde", "ps1")
    return course, ungraded


def test_the_same_marks_as_stock(stock):
    course, ours = stock
    with open(ours / "nbgrader_config.py", "a") as config:
        config.write("\nfrom genlab.grading import configure\n\nconfigure(c)\n")
    run(ours, "genlab", "grade", "ps1")
    expected = marks(course)
    assert marks(ours) == expected
    assert {score for score, _ in expected.values()} >= {None, 0, 1}  # something was at stake
    run(ours, "genlab", "feedback", "ps1")
    assert len(list(ours.glob("feedback/*/ps1/*.html"))) == 2 * len(ANSWERS)

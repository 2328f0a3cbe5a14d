"""The sample class, graded as an instructor does it: by `make grade`, through nbgrader, in its own course."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

ROOT = Path(__file__).parents[2]
ALL = 100  # points
BY_MACHINE = 90  # the written answer has the rest
NAME = "gmm-em"

pytestmark = pytest.mark.slow


def genlab(course, *command, expected=0):
    """Run a genlab command in the course; returns what it printed."""
    run = subprocess.run(
        [f"{sys.prefix}/bin/genlab", *command], cwd=course, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == expected, run.stdout + run.stderr
    return run.stdout


def grade(course):
    """Grade what is new; returns the report: student to what `genlab grade --json` says."""
    report = json.loads(genlab(course, "grade", NAME, "--json"))
    genlab(course, "feedback", NAME)
    return report


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course in a folder with a space, its class graded once, by a program that is not on the path."""
    course = tmp_path_factory.mktemp("a course")
    for name in ("solutions", "exercises"):
        shutil.copytree(ROOT / name, course / name)
    config = (ROOT / "nbgrader_config.py").read_text() + "\nc.Examine.timeout = 10\n"
    (course / "nbgrader_config.py").write_text(config)
    hand_in = ROOT / "tests" / "grading" / "hand_in.py"
    subprocess.run([sys.executable, hand_in, course / "submitted"], check=True)
    before = {p: p.read_bytes() for p in (course / "submitted").rglob("*.ipynb")}
    grade(course)
    assert {p: p.read_bytes() for p in before} == before  # what was handed in is never changed
    return course


@pytest.fixture(scope="module")
def marks(course):
    """Student to grade cell to marks."""
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        return {
            submission.student.id: {
                grade.name: grade.auto_score for notebook in submission.notebooks for grade in notebook.grades
            }
            for submission in book.assignment_submissions(NAME)
        }


def feedback(course, student):
    return (course / "feedback" / student / NAME / f"{NAME}.html").read_text()


def test_every_student_has_marks_and_a_feedback_page(course, marks):
    students = {path.stem for path in (ROOT / "tests" / "grading" / "class" / NAME).glob("*.txt")}
    assert len(students) >= 8
    assert set(marks) == students
    assert all(f"of {ALL}" in feedback(course, student) for student in students)


@pytest.mark.parametrize("student", ["loops", "vectorised", "scipy_helpers", "missing_test"])
def test_right_answers_in_any_style_get_full_marks(marks, student):
    assert sum(score for score in marks[student].values() if score is not None) == BY_MACHINE
    assert marks[student]["comparison"] is None  # waits for a person


def test_an_empty_submission_gets_nothing(marks):
    assert set(marks["empty"].values()) == {0}


@pytest.mark.parametrize(
    ("student", "lost"),
    [
        ("wrong_axis", {"test_expectation_step", "test_expectation_step_far"}),
        ("crash", {"test_expectation_step", "test_maximization_step", "test_kmeans"}),
        ("endless_loop", {"test_em_algorithm", "test_em_algorithm_stops", "test_kmeans"}),
        ("half", {"test_expectation_step_far", "test_compute_log_likelihood_far", "test_em_algorithm"}),
    ],
)
def test_a_wrong_answer_loses_its_own_marks_and_keeps_the_others(marks, student, lost):
    assert all(marks[student][name] == 0 for name in lost)
    assert marks[student]["test_initialize_params"] > 0


def test_the_half_right_submission_keeps_what_is_right(marks):
    for name in ("test_expectation_step", "test_maximization_step", "test_compute_log_likelihood"):
        assert marks["half"][name] > 0


def test_the_feedback_names_the_idea(course):
    assert "underflow" in feedback(course, "half")
    assert "stopped after 10 s" in feedback(course, "endless_loop")
    assert "was missing from the submission" in feedback(course, "missing_test")


def test_feedback_shows_no_hidden_test_and_loads_nothing(course):
    source = nbformat.read(ROOT / "solutions" / NAME / f"{NAME}.ipynb", as_version=4)
    release = nbformat.read(course / "exercises" / NAME / f"{NAME}.ipynb", as_version=4)
    shown = {line.strip() for cell in release.cells for line in cell.source.splitlines()}
    hidden = {
        line.strip()
        for cell in source.cells
        for block in re.findall(r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS", cell.source, re.DOTALL)
        for line in block.splitlines()
        if len(line.strip()) > 20 and line.strip() not in shown
    }
    assert len(hidden) > 50
    for student in ("half", "crash", "empty", "endless_loop"):  # whose own code is not the tests'
        page = html.unescape(re.sub(r"<[^>]*>", "", feedback(course, student)))
        lines = {line.strip() for line in page.splitlines()}
        assert lines & shown  # so that a hidden line would be found
        assert lines & hidden == set()
        assert re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", feedback(course, student)) == []


def test_only_what_changed_is_examined_again(course):
    autograded = course / "autograded" / "half" / NAME / f"{NAME}.ipynb"
    before = autograded.stat().st_mtime_ns
    grade(course)
    assert autograded.stat().st_mtime_ns == before


def test_plain_nbgrader_is_as_safe_and_gives_the_same_marks(course, marks):
    submission = course / "submitted" / "half again" / NAME
    shutil.copytree(course / "submitted" / "half" / NAME, submission)
    environment = {**os.environ, "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}"}
    command = ["nbgrader", "autograde", NAME, "--student=half again", "--log-level=ERROR"]
    subprocess.run(command, cwd=course, env=environment, check=True)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        assert book.find_submission(NAME, "half again").score == sum(filter(None, marks["half"].values()))


def test_a_submission_that_cannot_be_read_is_named_and_hurts_nobody_else(course):
    notebook = (course / "submitted" / "half" / NAME / f"{NAME}.ipynb").read_bytes()
    for student, name, content in [
        ("broken", NAME, b"not a notebook"),
        ("misnamed", "copy of it", notebook),
        ("zoë o'neil", NAME, notebook),
    ]:
        folder = course / "submitted" / student / NAME
        folder.mkdir(parents=True)
        (folder / f"{name}.ipynb").write_bytes(content)
    for student, name in [("linked", "data.txt"), ("wholly_linked", f"{NAME}.ipynb")]:
        folder = course / "submitted" / student / NAME
        folder.mkdir(parents=True)
        (folder / f"{NAME}.ipynb").write_bytes(notebook)
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(course / "solutions" / NAME / f"{NAME}.ipynb")
    table = genlab(course, "grade", NAME).splitlines()
    named = {
        student: line
        for line in table
        for student in os.listdir(course / "submitted")
        if line.startswith(student + "  ")
    }
    for student in ("broken", "misnamed", "wholly_linked"):
        assert re.search(rf"^{student} +0 +{ALL}", named[student])
        assert "ask the student" in named[student]
    assert "'data.txt' was left out: it is a link" in named["linked"]
    assert named["zoë o'neil"].split()[2] == named["linked"].split()[1] == named["half"].split()[1]

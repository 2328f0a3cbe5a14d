"""The sample class, graded as an instructor does it: by `make grade`, through nbgrader, in its own course."""

import html
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
BY_MACHINE = 90  # of 100 points; the written answer has the rest
NAME = "gmm-em"

pytestmark = pytest.mark.slow


def grade(course, expected=0):
    """Run the course's own grading step; returns what it printed."""
    environment = {**os.environ, "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    run = subprocess.run([course / ".ci" / "grade", NAME], env=environment, capture_output=True, text=True)
    assert run.returncode == expected, run.stdout + run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of what grading needs, in a folder with a space, its class graded once."""
    course = tmp_path_factory.mktemp("a course")
    for name in ("solutions", "exercises", "tests/grading", ".ci"):
        shutil.copytree(ROOT / name, course / name, ignore=shutil.ignore_patterns("__pycache__"))
    config = (ROOT / "nbgrader_config.py").read_text() + "\nc.SandboxedExecute.timeout = 10\n"
    (course / "nbgrader_config.py").write_text(config)
    environment = {**os.environ, "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}"}
    release = ["nbgrader", "generate_assignment", NAME, "--force", "--log-level=ERROR"]
    subprocess.run(release, cwd=course, env=environment, check=True)
    (course / ".make").mkdir()
    (course / ".make" / "released").touch()
    grade(course)
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
    assert all("Score" in feedback(course, student) for student in students)


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


def test_only_what_changed_is_graded_again(course):
    assert "Grading" not in grade(course)
    submission = course / "submitted" / "half" / NAME / f"{NAME}.ipynb"
    os.utime(submission)
    assert "Grading 1 submissions" in grade(course)


def test_what_a_student_handed_in_is_never_changed(course):
    before = {p: p.read_bytes() for p in (course / "submitted").rglob("*.ipynb")}
    (course / "autograded" / "empty" / NAME).chmod(0o755)
    shutil.rmtree(course / "autograded" / "empty")
    grade(course)
    assert {p: p.read_bytes() for p in before} == before


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
    lines = grade(course, expected=1).splitlines()
    named = {line.split("  ")[0]: line for line in lines}
    for student in ("broken", "misnamed", "linked", "wholly_linked"):
        assert "NOT GRADED" in named[student]
    assert named["zoë o'neil"].split("/")[0].split()[-1] == named["half"].split("/")[0].split()[-1]
    assert "NOT GRADED" not in named["vectorised"]

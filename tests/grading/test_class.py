"""The sample classes, graded as an instructor does it: by `make grade`, through nbgrader, in one course."""

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
CLASS = ROOT / "tests" / "grading" / "class"
ALL = 100  # points
ASSIGNMENTS = sorted(path.name for path in (ROOT / "solutions").iterdir() if path.is_dir())

# Of each assignment: who is right, whatever their style; who loses what by a wrong answer, and who keeps
# what; and the sentence that somebody must read.
EXPECTED = {
    "introduction": {
        "right": ["loops", "vectorised", "scipy_helpers"],
        "lost": {
            "half": [
                "test_bayes_rule_evidence",
                "test_factor_joint_zero",
                "test_fit_class_gaussians",
                "test_class_posterior_far",
                "test_generate",
            ],
            "wrong_ideas": [
                "test_bayes_rule",
                "test_factor_joint",
                "test_fit_class_gaussians",
                "test_class_posterior",
                "test_generate",
            ],
            "crash": ["test_bayes_rule", "test_fit_class_gaussians", "test_class_posterior", "test_generate"],
        },
        "kept": {
            "half": ["test_bayes_rule", "test_factor_joint", "test_class_posterior"],
            "crash": ["test_factor_joint", "test_factor_joint_zero"],
        },
        "read": {
            "half": "as np.cov does by default",
            "wrong_ideas": "You normalised each column: over the samples.",
            "vectorised": "was missing from the submission",
        },
    },
    "gmm-em": {
        "right": ["loops", "vectorised", "scipy_helpers", "missing_test"],
        "lost": {
            "wrong_axis": ["test_expectation_step", "test_expectation_step_far"],
            "crash": ["test_expectation_step", "test_maximization_step", "test_kmeans"],
            "endless_loop": ["test_em_algorithm", "test_em_algorithm_stops", "test_kmeans"],
            "half": ["test_expectation_step_far", "test_compute_log_likelihood_far", "test_em_algorithm"],
        },
        "kept": {
            "wrong_axis": ["test_initialize_params"],
            "crash": ["test_initialize_params"],
            "endless_loop": ["test_initialize_params"],
            "half": [
                "test_initialize_params",
                "test_expectation_step",
                "test_maximization_step",
                "test_compute_log_likelihood",
            ],
        },
        "read": {
            "half": "underflow",
            "endless_loop": "did not end in time: does it hold a loop that does not end?",
            "missing_test": "was missing from the submission",
        },
    },
    "probability": {
        "right": ["loops", "vectorised", "scipy_helpers"],
        "lost": {
            "wrong_ideas": [
                "test_moments",
                "test_binomial_pmf",
                "test_poisson_log_pmf",
                "test_normal_pdf",
                "test_exponential_cdf",
                "test_conditional",
                "test_bernoulli_log_likelihood",
                "test_bernoulli_mle",
                "test_normal_mle",
                "test_exponential_mle",
                "test_mvn_log_pdf",
            ],
            "crash": [
                "test_binomial_pmf",
                "test_poisson_log_pmf",
                "test_normal_pdf",
                "test_exponential_cdf",
                "test_bernoulli_mle",
            ],
            "half": [
                "test_moments_shape",
                "test_binomial_pmf_stable",
                "test_poisson_log_pmf",
                "test_normal_pdf_variance",
                "test_exponential_cdf_stable",
                "test_conditional_zero",
                "test_bernoulli_log_likelihood_many",
                "test_normal_mle",
                "test_mvn_log_pdf_stable",
                "test_mvn_log_pdf_covariance",
            ],
        },
        "kept": {
            "wrong_ideas": [
                "test_moments_shape",
                "test_normal_mle_empty",
                "test_mvn_log_pdf_covariance",
            ],
            "crash": ["test_moments", "test_moments_shape"],
            "half": [
                "test_moments",
                "test_binomial_pmf",
                "test_normal_pdf",
                "test_exponential_cdf",
                "test_conditional",
                "test_bernoulli_log_likelihood",
                "test_bernoulli_log_likelihood_edges",
                "test_normal_mle_empty",
                "test_mvn_log_pdf",
            ],
        },
        "read": {
            "half": "Do not subtract 3",
            "wrong_ideas": "A binomial coefficient is included",
            "crash": "scipy.stats is not available in this assignment",
        },
    },
}

pytestmark = pytest.mark.slow
each_assignment = pytest.mark.parametrize("name", ASSIGNMENTS)


def each(key):
    """A test for each student, or for each student's list of tests, under that key."""
    cases = [(name, *case) for name in EXPECTED for case in _cases(EXPECTED[name][key])]
    return [pytest.param(*case, id="-".join(case[:2])) for case in cases]


def _cases(found):
    return list(found.items()) if isinstance(found, dict) else [(student,) for student in found]


def genlab(course, *command, expected=0):
    """Run a genlab command in the course; returns what it printed."""
    run = subprocess.run(
        [f"{sys.prefix}/bin/genlab", *command], cwd=course, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == expected, run.stdout + run.stderr
    return run.stdout


def grade(course):
    """Grade what is new."""
    genlab(course, "grade", *ASSIGNMENTS, "--json")
    for name in ASSIGNMENTS:
        genlab(course, "feedback", name)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course in a folder with a space, its classes graded once, by a program that is not on the path."""
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
    """Assignment to student to grade cell to marks."""
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        return {
            name: {
                submission.student.id: {
                    grade.name: grade.auto_score
                    for notebook in submission.notebooks
                    for grade in notebook.grades
                }
                for submission in book.assignment_submissions(name)
            }
            for name in ASSIGNMENTS
        }


def source(name):
    return nbformat.read(ROOT / "solutions" / name / f"{name}.ipynb", as_version=4)


def by_hand(name):
    """The points of the written answers, by grade cell."""
    graded = [cell.metadata.nbgrader for cell in source(name).cells if "nbgrader" in cell.metadata]
    return {data.grade_id: data.points for data in graded if data.grade and data.solution}


def feedback(course, student, name):
    return (course / "feedback" / student / name / f"{name}.html").read_text()


@each_assignment
def test_every_student_has_marks_and_a_feedback_page(course, marks, name):
    students = {path.stem for path in (CLASS / name).glob("*.txt")}
    assert len(students) >= 6
    assert set(marks[name]) == students
    assert students >= {*EXPECTED[name]["right"], *EXPECTED[name]["lost"], "empty"}
    assert len(EXPECTED[name]["right"]) >= 3
    assert all(f"of {ALL}" in feedback(course, student, name) for student in students)


@pytest.mark.parametrize(("name", "student"), each("right"))
def test_right_answers_in_any_style_get_full_marks(marks, name, student):
    scores = marks[name][student]
    written = by_hand(name)
    assert sum(score for score in scores.values() if score is not None) == ALL - sum(written.values())
    assert all(scores[cell] is None for cell in written)  # waits for a person


@each_assignment
def test_an_empty_submission_gets_nothing(marks, name):
    assert set(marks[name]["empty"].values()) == {0}


@pytest.mark.parametrize(("name", "student", "lost"), each("lost"))
def test_a_wrong_answer_loses_its_own_marks(marks, name, student, lost):
    assert [marks[name][student][test] for test in lost] == [0] * len(lost)


@pytest.mark.parametrize(("name", "student", "kept"), each("kept"))
def test_what_is_right_keeps_its_marks(marks, name, student, kept):
    assert all(marks[name][student][test] > 0 for test in kept)


@pytest.mark.parametrize(("name", "student", "sentence"), each("read"))
def test_the_feedback_names_the_idea(course, name, student, sentence):
    assert sentence in html.unescape(feedback(course, student, name))


@each_assignment
def test_feedback_shows_no_hidden_test_and_loads_nothing(course, name):
    release = nbformat.read(course / "exercises" / name / f"{name}.ipynb", as_version=4)
    shown = {line.strip() for cell in release.cells for line in cell.source.splitlines()}
    hidden = {
        line.strip()
        for cell in source(name).cells
        for block in re.findall(r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS", cell.source, re.DOTALL)
        for line in block.splitlines()
        if len(line.strip()) > 20 and line.strip() not in shown
    }
    assert len(hidden) > 50
    for student in (*EXPECTED[name]["lost"], "empty"):
        own = {line.strip() for line in (CLASS / name / f"{student}.txt").read_text().splitlines()}
        page = html.unescape(re.sub(r"<[^>]*>", "", feedback(course, student, name)))
        lines = {line.strip() for line in page.splitlines()}
        assert lines & shown  # so that a hidden line would be found
        assert lines & (hidden - own) == set()
        assert re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", feedback(course, student, name)) == []


def test_only_what_changed_is_examined_again(course):
    pages = [course / "autograded" / "half" / name / f"{name}.ipynb" for name in ASSIGNMENTS]
    before = [page.stat().st_mtime_ns for page in pages]
    grade(course)
    assert [page.stat().st_mtime_ns for page in pages] == before


def test_plain_nbgrader_is_as_safe_and_gives_the_same_marks(course, marks, name="gmm-em"):
    submission = course / "submitted" / "half again" / name
    shutil.copytree(course / "submitted" / "half" / name, submission)
    environment = {**os.environ, "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}"}
    command = ["nbgrader", "autograde", name, "--student=half again", "--log-level=ERROR"]
    subprocess.run(command, cwd=course, env=environment, check=True)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        score = book.find_submission(name, "half again").score
        assert score == sum(filter(None, marks[name]["half"].values()))


def test_a_submission_that_cannot_be_read_is_named_and_hurts_nobody_else(course, name="gmm-em"):
    notebook = (course / "submitted" / "half" / name / f"{name}.ipynb").read_bytes()
    for student, stem, content in [
        ("broken", name, b"not a notebook"),
        ("misnamed", "copy of it", notebook),
        ("zoë o'neil", name, notebook),
    ]:
        folder = course / "submitted" / student / name
        folder.mkdir(parents=True)
        (folder / f"{stem}.ipynb").write_bytes(content)
    for student, link in [("linked", "data.txt"), ("wholly_linked", f"{name}.ipynb")]:
        folder = course / "submitted" / student / name
        folder.mkdir(parents=True)
        (folder / f"{name}.ipynb").write_bytes(notebook)
        (folder / link).unlink(missing_ok=True)
        (folder / link).symlink_to(course / "solutions" / name / f"{name}.ipynb")
    table = genlab(course, "grade", name).splitlines()
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

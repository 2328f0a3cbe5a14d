"""gmm-em: right answers in any style lose nothing, every wrong idea loses marks and is told so."""

import ast
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbgrader.validator import Validator

from genlab.checks import ideas
from genlab.checks.catalogue import Assignment, visible

COURSE = Path(__file__).parents[2]
FOLDER = COURSE / "solutions" / "gmm-em"
STYLES = {path.stem: path.read_text() for path in sorted(Path(__file__).with_name("gmm_em").glob("*.py"))}
SEEDS = (1, 2)
SOURCE = nbformat.read(FOLDER / "gmm-em.ipynb", as_version=4)
SOLVED = Assignment(FOLDER)
IDEAS = list(SOLVED.ideas)
# The signatures that every answer shares.
FUNCTIONS = {
    "initialize_params": "(data, K, rng)",
    "expectation_step": "(data, weights, means, covariances)",
    "maximization_step": "(data, responsibilities)",
    "compute_log_likelihood": "(data, weights, means, covariances)",
    "em_algorithm": "(data, K, rng, max_iter=100, tol=0.0001)",
    "sample_gmm": "(n, weights, means, covariances, rng)",
    "bic": "(data, weights, means, covariances)",
    "kmeans": "(data, centers, max_iter=100)",
}
CENTRAL = ("expectation_step", "maximization_step", "compute_log_likelihood", "em_algorithm")


@pytest.fixture(autouse=True, scope="module")
def known_ideas():
    ideas.read(FOLDER / "ideas.json")
    yield
    ideas.read(FOLDER / "none")


@pytest.fixture(autouse=True)
def fixed_data(monkeypatch):
    monkeypatch.setenv("GENLAB_SEED", "0")


@pytest.fixture(params=SEEDS)
def seed(request, monkeypatch, fixed_data):
    """Let the hidden tests draw their data from this seed."""
    monkeypatch.setenv("GENLAB_SEED", str(request.param))


def points(failures):
    return sum(SOLVED.points[grade_id] for grade_id in failures)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_solution_has_the_contracts_signature_and_is_right(seed, function):
    assert str(inspect.signature(SOLVED.names[function])) == FUNCTIONS[function]
    assert SOLVED.failures(function) == {}
    assert SOLVED.failures(function, hidden=False) == {}


@pytest.fixture(scope="module", params=STYLES)
def style(request):
    return Assignment(FOLDER, STYLES[request.param])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_right_answer_in_another_style_loses_nothing(seed, style, function):
    start = time.perf_counter()
    assert style.failures(function) == {}
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize("name", IDEAS)
def test_a_wrong_idea_loses_marks_and_is_told_so(seed, name):
    wrong = SOLVED.ideas[name]
    failures = SOLVED.failures_of(wrong)
    assert failures
    first, *others = (str(failure) for failure in failures.values())
    assert wrong.says in first
    sentences = {idea.says for idea in SOLVED.ideas.values() if idea.target == wrong.target} - {wrong.says}
    not_its_own = [says for says in sentences if says not in wrong.says]
    assert not [says for says in not_its_own for message in (first, *others) if says in message]


def test_each_function_has_enough_wrong_ideas():
    targets = [idea.target for idea in SOLVED.ideas.values()]
    assert set(targets) == set(FUNCTIONS)
    assert all(targets.count(function) >= (10 if function in CENTRAL else 5) for function in FUNCTIONS)


@pytest.mark.parametrize(
    "name", ["prior_forgotten", "hard_labels", "too_much_added", "average", "first_rows"]
)
def test_a_wrong_step_costs_its_own_points_only(name):
    wrong = SOLVED.ideas[name]
    right = SOLVED.names[wrong.target]
    SOLVED.names[wrong.target] = wrong.function
    try:
        assert [function for function in FUNCTIONS if SOLVED.failures(function)] == [wrong.target]
    finally:
        SOLVED.names[wrong.target] = right


def blank(*arguments, **options):
    raise NotImplementedError


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_blank_costs_its_own_points_only(function):
    right = SOLVED.names[function]
    SOLVED.names[function] = blank
    try:
        failures = {other: SOLVED.failures(other) for other in FUNCTIONS}
    finally:
        SOLVED.names[function] = right
    # The solution's M step is also what keeps its EM from collapsing.
    other = {"em_algorithm": ["test_em_algorithm_collapse"]} if function == "maximization_step" else {}
    assert {f: list(failed) for f, failed in failures.items() if failed and f != function} == other
    assert all("not written yet" in str(failure) for failure in failures[function].values())
    assert len(failures[function]) == sum(test.startswith(f"test_{function}") for test in SOLVED.tests)


def test_the_chapters_versions_fail_where_they_underflow_and_nowhere_else():
    page = nbformat.read(COURSE / "book" / "4-mixtures" / "em-in-code.ipynb", as_version=4)
    names = ("gaussian_density", *list(FUNCTIONS)[:5])
    cells = [
        cell.source for cell in page.cells if cell.source.startswith(tuple(f"def {name}(" for name in names))
    ]
    assert len(cells) == len(names)
    rest = [
        cell.source
        for cell in SOURCE.cells
        if cell.source.startswith(("def sample_gmm", "def bic", "def kmeans"))
    ]
    textbook = Assignment(FOLDER, "\n".join([*cells, *rest]))
    failures = {
        grade_id: str(f) for function in FUNCTIONS for grade_id, f in textbook.failures(function).items()
    }
    assert list(failures) == [
        "test_expectation_step_far",
        "test_compute_log_likelihood_far",
        "test_em_algorithm_collapse",
    ]
    assert "underflow" in failures["test_expectation_step_far"]
    assert "underflow" in failures["test_compute_log_likelihood_far"]
    assert "collapses" in failures["test_em_algorithm_collapse"]


def test_ideas_json_is_in_step_with_the_catalogue():
    stored = json.loads((FOLDER / "ideas.json").read_text())
    fresh = SOLVED.table()
    assert list(stored) == list(fresh), "run: python -m genlab.checks.catalogue gmm-em"
    for question, entries in fresh.items():
        assert [entry["says"] for entry in stored[question]] == [entry["says"] for entry in entries]
        assert all(
            ideas.same(old["got"], new["got"]) for old, new in zip(stored[question], entries, strict=True)
        )


def test_the_points_are_those_that_the_first_page_prints():
    rows = re.findall(r"^\| (\d+) \| `?(.+?)`? \| (\d+) \|$", SOURCE.cells[0].source, re.MULTILINE)
    written = {"a written answer": SOLVED.points["comparison"]}
    tests = {f: points(test for test in SOLVED.tests if test.startswith(f"test_{f}")) for f in FUNCTIONS}
    assert {name: int(number) for _, name, number in rows} == tests | written
    assert f"**{sum(SOLVED.points.values())}**" in SOURCE.cells[0].source


def test_no_given_cell_can_stand_in_for_an_argument():
    arguments = {
        name for signature in FUNCTIONS.values() for name in re.findall(r"(\w+)(?=[,)=])", signature)
    }
    given = [
        c
        for c in SOURCE.cells
        if c.cell_type == "code" and not c.metadata.get("nbgrader", {}).get("solution")
    ]
    for cell in given:
        code = compile(cell.source, cell.id, "exec")
        assert not set(code.co_names) & arguments, (
            cell.id
        )  # the names of the notebook, not those inside functions


def shown(cell):
    """What a student may see of a cell."""
    if not cell.metadata.get("nbgrader", {}).get("solution"):
        return visible(cell.source)
    return cell.source.split("### BEGIN SOLUTION")[0] if cell.cell_type == "code" else ""


def lines(texts):
    return {line.strip() for text in texts for line in text.splitlines()}


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    course = tmp_path_factory.mktemp("course")
    shutil.copytree(FOLDER, course / "solutions" / "gmm-em")
    command = [shutil.which("nbgrader", path=Path(sys.executable).parent), "generate_assignment", "gmm-em"]
    command += [
        "--CourseDirectory.source_directory=solutions",
        "--CourseDirectory.release_directory=exercises",
    ]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run([*command, "--log-level=ERROR"], cwd=course, env=environment, check=True)
    return course / "exercises" / "gmm-em"


@pytest.mark.slow
def test_the_exercise_is_the_release_of_the_solution(release):
    exercise = COURSE / "exercises" / "gmm-em"
    assert (exercise / "ideas.json").read_text() == (release / "ideas.json").read_text(), "run: make release"
    old, new = (nbformat.read(folder / "gmm-em.ipynb", as_version=4) for folder in (exercise, release))
    assert old == new, "run: make release"


@pytest.mark.slow
def test_nbgrader_validates_the_solution_and_refuses_the_blank():
    assert Validator().validate(str(FOLDER / "gmm-em.ipynb")) == {}
    failed = Validator().validate(str(COURSE / "exercises" / "gmm-em" / "gmm-em.ipynb"))["failed"]
    assert len(failed) == len(SOLVED.points)  # the tests, and the answer not written


def run(notebook, folder):
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    outputs = {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    errors = {i: [o.evalue for o in outs if o.output_type == "error"] for i, outs in outputs.items()}
    return outputs, {i: evalue for i, evalue in errors.items() if evalue}


@pytest.mark.slow
def test_nothing_hidden_is_left_in_the_release(release):
    assert sorted(path.name for path in release.iterdir()) == ["gmm-em.ipynb", "ideas.json"]
    text = (release / "gmm-em.ipynb").read_text()
    released = nbformat.reads(text, as_version=4)
    assert "HIDDEN TESTS" not in text and "BEGIN SOLUTION" not in text
    assert [cell.id for cell in released.cells] == [cell.id for cell in SOURCE.cells]
    secrets = lines(cell.source for cell in SOURCE.cells) - lines(map(shown, SOURCE.cells))
    secrets = {line for line in secrets if len(line) > 12}
    assert len(secrets) > 200
    assert secrets & lines(cell.source for cell in released.cells) == set()


@pytest.mark.slow
def test_the_release_runs_to_its_end_and_says_what_is_missing(release):
    released = nbformat.read(release / "gmm-em.ipynb", as_version=4)
    outputs, errors = run(released, release)
    assert set(errors) == {test.replace("_", "-") for test in SOLVED.tests}
    assert all("not written yet" in evalue for [evalue] in errors.values())
    pictures = [i for i in outputs if re.fullmatch(r"picture-\d", i)]
    assert len(pictures) == 8
    assert all("A picture appears here once this works" in outputs[i][0].text for i in pictures)


@pytest.mark.slow
@pytest.mark.parametrize("style", ["vectorised"])
def test_the_release_filled_in_passes_and_shows_its_pictures(release, style):
    released = nbformat.read(release / "gmm-em.ipynb", as_version=4)
    tree = ast.parse(STYLES[style])
    code = {node.name: ast.unparse(node) for node in tree.body if isinstance(node, ast.FunctionDef)}
    for cell in released.cells:
        name = cell.id.replace("-", "_")
        if name in FUNCTIONS:
            assert "raise NotImplementedError" in cell.source
            cell.source = "\n\n".join(code[helper] for helper in ("log_joint", name))
    outputs, errors = run(released, release)
    assert errors == {}
    assert sum("image/png" in output.get("data", {}) for outs in outputs.values() for output in outs) == 8
    assert not [output for outs in outputs.values() for output in outs if output.get("name") == "stderr"]

"""Every assignment: right answers in any style lose nothing, every wrong idea loses marks and is told so.

contracts.toml says what there is to write. What is special to one assignment is in a file of its own.
"""

import ast
import inspect
import json
import re
import subprocess
import sys
import time
import tomllib
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbgrader.validator import Validator

from genlab.checks import ideas, results
from genlab.checks.catalogue import Assignment, recognise, visible

HERE = Path(__file__).parent
COURSE = HERE.parents[1]
CONTRACTS = tomllib.loads((HERE / "contracts.toml").read_text(encoding="utf-8"))
ASSIGNMENTS = list(CONTRACTS)
FUNCTIONS = [(name, function) for name in ASSIGNMENTS for function in CONTRACTS[name]["functions"]]
STYLES = {
    (name, path.stem): path.read_text(encoding="utf-8")
    for name in ASSIGNMENTS
    for path in sorted((HERE / name.replace("-", "_")).glob("*.py"))
}
IDEAS = [(name, i) for name in ASSIGNMENTS for i in Assignment(COURSE / "solutions" / name).ideas]

each_assignment = pytest.mark.parametrize("assignment", ASSIGNMENTS)
each_function = pytest.mark.parametrize(("assignment", "function"), FUNCTIONS)


def source(assignment):
    return nbformat.read(COURSE / "solutions" / assignment / f"{assignment}.ipynb", as_version=4)


def catalogue(assignment):
    return (COURSE / "solutions" / f"{assignment}_ideas.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("assignment", sorted(p.name for p in (COURSE / "solutions").iterdir() if p.is_dir()))
def test_every_assignment_is_tested_in_at_least_three_styles(assignment):
    assert assignment in ASSIGNMENTS
    assert sum(name == assignment for name, _ in STYLES) >= 3


@each_function
def test_the_solution_has_the_contracts_signature_and_is_right(seed, answered, assignment, function):
    solved = answered(assignment)
    assert solved.functions == list(CONTRACTS[assignment]["functions"])
    signature = inspect.signature(solved.names[function])
    assert str(signature) == CONTRACTS[assignment]["functions"][function]
    assert solved.failures(function) == {}
    assert solved.failures(function, hidden=False) == {}


@pytest.mark.parametrize(
    ("assignment", "style", "function"),
    [(name, style, function) for name, style in STYLES for n, function in FUNCTIONS if n == name],
)
def test_a_right_answer_in_another_style_loses_nothing(seed, answered, assignment, style, function):
    styled = answered(assignment, STYLES[assignment, style])
    start = time.perf_counter()
    assert styled.failures(function) == {}
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize(("assignment", "name"), IDEAS)
def test_a_wrong_idea_loses_marks_and_is_told_so(seed, answered, assignment, name):
    solved = answered(assignment)
    wrong = solved.ideas[name]
    failures = solved.failures_of(wrong)
    assert failures
    first, *others = (str(failure) for failure in failures.values())
    assert wrong.says in first
    sentences = {idea.says for idea in solved.ideas.values() if idea.target == wrong.target} - {wrong.says}
    not_its_own = [says for says in sentences if says not in wrong.says]
    assert not [says for says in not_its_own for message in (first, *others) if says in message]
    for failure in failures.values():
        if "(hidden test" in str(failure):
            assert recognise(catalogue(assignment), failure) in ("", wrong.says)


def blank(*arguments, **options):
    raise NotImplementedError


@each_function
def test_a_blank_costs_its_own_points_only(answered, monkeypatch, assignment, function):
    solved = answered(assignment)
    monkeypatch.setitem(solved.names, function, blank)
    failures = {other: solved.failures(other) for other in solved.functions}
    own = failures.pop(function)
    leaning = CONTRACTS[assignment].get("leans", {}).get(function, [])
    assert [test for failed in failures.values() for test in failed] == leaning
    assert list(own) == [t for t in solved.tests if results.function_of(t, solved.functions) == function]
    assert all("not written yet" in str(failure) for failure in own.values())


@each_assignment
def test_each_function_has_enough_wrong_ideas(answered, assignment):
    contract = CONTRACTS[assignment]
    targets = [idea.target for idea in answered(assignment).ideas.values()]
    assert set(targets) == set(contract["functions"])
    for function in contract["functions"]:
        assert targets.count(function) >= (10 if function in contract["central"] else 5), function


@each_assignment
def test_ideas_json_is_in_step_with_the_catalogue(answered, assignment):
    stored = json.loads((COURSE / "solutions" / assignment / "ideas.json").read_text(encoding="utf-8"))
    ideas.read(COURSE / "none")  # as where it is made
    fresh = answered(assignment).table()
    assert list(stored) == list(fresh), f"run: python -m genlab.checks.catalogue {assignment}"
    for question, entries in fresh.items():
        assert [entry["says"] for entry in stored[question]] == [entry["says"] for entry in entries]
        assert all(
            ideas.same(old["got"], new["got"]) for old, new in zip(stored[question], entries, strict=True)
        )


@each_assignment
def test_the_points_are_those_that_the_first_page_prints(answered, assignment):
    solved, first = answered(assignment), source(assignment).cells[0].source
    rows = re.findall(r"^\| \d+ \| `?(.+?)`? \| (\d+) \|", first, re.MULTILINE)
    code = {row.function: row.points for row in results.rows(source(assignment), {})}
    written = sum(points for name, points in solved.points.items() if name not in solved.tests)
    printed = {name: int(number) for name, number in rows}
    assert {name: printed.pop(name) for name in code} == code
    assert sum(printed.values()) == written
    assert sum(solved.points.values()) == 100 and "**100**" in first


@each_assignment
def test_each_function_has_a_section_to_read_again(assignment):
    notebook = source(assignment)
    read = results.sections(notebook)
    assert list(read) == list(CONTRACTS[assignment]["functions"])
    chapter = re.search(r"to read again, in chapter (\d)", notebook.cells[0].source)[1]
    folders = list((COURSE / "book").glob(f"{chapter}-*"))
    if not folders:
        pytest.skip(f"chapter {chapter} is not there yet")
    headings = {}
    for page in folders[0].glob("*.ipynb"):
        text = "\n".join(
            c.source for c in nbformat.read(page, as_version=4).cells if c.cell_type == "markdown"
        )
        title, *below = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        headings[title] = below
    for section in read.values():
        title, heading = section.split(": ", 1)
        assert heading in headings[title]


@each_assignment
def test_every_written_answer_has_a_rubric(assignment):
    written = [
        cell
        for cell in source(assignment).cells
        if cell.cell_type == "markdown" and cell.metadata.get("nbgrader", {}).get("solution")
    ]
    assert written
    assert all("**Rubric**" in cell.source and "| full | half | none |" in cell.source for cell in written)


@each_assignment
def test_no_given_cell_can_stand_in_for_an_argument(assignment):
    signatures = CONTRACTS[assignment]["functions"].values()
    arguments = {name for signature in signatures for name in re.findall(r"(\w+)(?=[,)=])", signature)}
    given = [
        c
        for c in source(assignment).cells
        if c.cell_type == "code" and not c.metadata.get("nbgrader", {}).get("solution")
    ]
    for cell in given:
        code = compile(cell.source, cell.id, "exec")
        # the names of the notebook, not those inside functions
        assert not set(code.co_names) & arguments, cell.id


def secrets_of(assignment):
    """The lines of an assignment's solutions, hidden tests and wrong ideas that no student may see."""

    def shown(cell):
        if not cell.metadata.get("nbgrader", {}).get("solution"):
            return visible(cell.source)
        return cell.source.split("### BEGIN SOLUTION")[0] if cell.cell_type == "code" else ""

    cells = source(assignment).cells
    ideas_code = re.findall(r"^(?:def|    ) .*", catalogue(assignment), re.MULTILINE)
    secret = lines([*(cell.source for cell in cells), *ideas_code])
    return {line for line in secret - lines(map(shown, cells)) if len(line) > 12}


def lines(texts):
    return {line.strip() for text in texts for line in text.splitlines()}


@pytest.mark.slow
@each_assignment
def test_the_exercise_is_the_release_of_the_solution(released, assignment):
    exercise = COURSE / "exercises" / assignment
    assert (exercise / "ideas.json").read_text() == (released(assignment) / "ideas.json").read_text(), (
        "run: make release"
    )
    old, new = (
        nbformat.read(folder / f"{assignment}.ipynb", as_version=4)
        for folder in (exercise, released(assignment))
    )
    assert old == new, "run: make release"


@pytest.mark.slow
@each_assignment
def test_nbgrader_validates_the_solution_and_refuses_the_blank(answered, assignment):
    notebook = f"{assignment}.ipynb"
    assert Validator().validate(str(COURSE / "solutions" / assignment / notebook)) == {}
    failed = Validator().validate(str(COURSE / "exercises" / assignment / notebook))["failed"]
    assert len(failed) == len(answered(assignment).points)  # the tests, and the answer not written


@pytest.mark.slow
@each_assignment
def test_nothing_hidden_is_left_in_the_release(released, assignment):
    folder = released(assignment)
    assert sorted(path.name for path in folder.iterdir()) == sorted([f"{assignment}.ipynb", "ideas.json"])
    text = (folder / f"{assignment}.ipynb").read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    assert "HIDDEN TESTS" not in text and "BEGIN SOLUTION" not in text
    assert [cell.id for cell in notebook.cells] == [cell.id for cell in source(assignment).cells]
    secrets = secrets_of(assignment)
    assert len(secrets) > 200
    assert secrets & lines(cell.source for cell in notebook.cells) == set()
    assert secrets & lines([(folder / "ideas.json").read_text(encoding="utf-8")]) == set()


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The files of the package as it is installed, name to text."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(command, cwd=COURSE, check=True, capture_output=True)
    (wheel,) = folder.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name).decode("utf-8", "replace") for name in archive.namelist()}


@pytest.mark.slow
@each_assignment
def test_nothing_hidden_is_left_in_the_package(package, assignment):
    assert "genlab/checks/answer.py" in package
    assert all(name.startswith("genlab") for name in package)
    assert not [
        name for name in package if name.endswith(".ipynb") or "ideas.json" in name or "_ideas" in name
    ]
    assert {line for line in secrets_of(assignment) & lines(package.values()) if len(line) > 30} == set()


def run(notebook, folder):
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    outputs = {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    errors = {i: [o.evalue for o in outs if o.output_type == "error"] for i, outs in outputs.items()}
    return outputs, {i: evalue for i, evalue in errors.items() if evalue}


@pytest.mark.slow
@each_assignment
def test_the_release_runs_to_its_end_and_says_what_is_missing(released, answered, assignment):
    notebook = nbformat.read(released(assignment) / f"{assignment}.ipynb", as_version=4)
    outputs, errors = run(notebook, released(assignment))
    assert set(errors) == {test.replace("_", "-") for test in answered(assignment).tests}
    assert all("not written yet" in evalue for [evalue] in errors.values())
    pictures = [i for i in outputs if re.fullmatch(r"picture-\d+", i)]
    assert len(pictures) == CONTRACTS[assignment]["pictures"]
    assert all("A picture appears here once this works" in outputs[i][0].text for i in pictures)
    told = outputs["overview"][0]["data"]["text/plain"]
    assert told.count("✗ fails, 0 of") == len(CONTRACTS[assignment]["functions"]) and "Still blank" in told


def fill_in(notebook, assignment, answers):
    """Put answers into the cells, each with the functions that it calls and nobody is asked for."""
    tree = ast.parse(answers)
    code = {node.name: ast.unparse(node) for node in tree.body if isinstance(node, ast.FunctionDef)}
    helpers = [ast.unparse(node) for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    helpers += [text for name, text in code.items() if name not in CONTRACTS[assignment]["functions"]]
    for cell in notebook.cells:
        name = cell.id.replace("-", "_")
        if name in CONTRACTS[assignment]["functions"]:
            assert "raise NotImplementedError" in cell.source
            cell.source = "\n\n".join([*helpers, code[name]])


@pytest.mark.slow
@each_assignment
def test_the_release_filled_in_passes_and_shows_its_pictures(released, assignment):
    notebook = nbformat.read(released(assignment) / f"{assignment}.ipynb", as_version=4)
    fill_in(notebook, assignment, STYLES[assignment, "vectorised"])
    outputs, errors = run(notebook, released(assignment))
    assert errors == {}
    shown = [output.get("data", {}) for outs in outputs.values() for output in outs]
    assert sum("image/png" in data for data in shown) == CONTRACTS[assignment]["pictures"]
    assert not [output for outs in outputs.values() for output in outs if output.get("name") == "stderr"]
    told = outputs["overview"][0]["data"]["text/plain"]
    assert told.count("✓ passes") == len(CONTRACTS[assignment]["functions"])

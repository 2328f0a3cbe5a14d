"""nbgrader's own autograding with genlab's steps: whatever a class hands in, everybody has a grade.

The examiner is replaced by one that runs nothing: all tests pass if an answer says "right".
"""

import copy
import json
import os
import shutil
import stat
import subprocess
import sys
import types
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_output
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from genlab.grading import configure, preprocessors
from genlab.grading.work import Result, Work, key

ROOT = Path(__file__).parents[2]
NAME = "gmm-em"
BY_MACHINE = 90  # of 100 points; the written answer has the rest
SECRET = "what a link points to"

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")


def examine(data):
    """Stands in for the examiner."""
    work = Work.from_bytes(data)
    notebook = work.notebook
    tags = [
        (cell, cell.metadata.get("nbgrader", {"grade": False, "solution": False})) for cell in notebook.cells
    ]
    right = any("right" in cell.source for cell, tag in tags if tag["solution"])
    for cell, tag in tags:
        if tag["grade"] and not tag["solution"] and not right:
            cell.outputs = [new_output("error", ename="Failed", evalue="wrong", traceback=["wrong"])]
    return Result(notebook, {}, problem="" if right else "Nothing was right.").to_bytes()


def cells_of(notebook):
    return {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}


def write(folder, notebook):
    (folder / f"{NAME}.ipynb").write_text(json.dumps(notebook))


def not_json(folder, notebook):
    (folder / f"{NAME}.ipynb").write_text("not a notebook")


def empty_file(folder, notebook):
    (folder / f"{NAME}.ipynb").write_text("")


def link_notebook(folder, notebook):
    (folder / f"{NAME}.ipynb").unlink()
    (folder / f"{NAME}.ipynb").symlink_to(folder.parents[2] / "source" / NAME / f"{NAME}.ipynb")


def dangling_notebook(folder, notebook):
    (folder / f"{NAME}.ipynb").unlink()
    (folder / f"{NAME}.ipynb").symlink_to("nowhere")


def folder_as_notebook(folder, notebook):
    (folder / f"{NAME}.ipynb").unlink()
    (folder / f"{NAME}.ipynb").mkdir()
    (folder / f"{NAME}.ipynb" / "x").write_text("x")


def pipe_as_notebook(folder, notebook):
    (folder / f"{NAME}.ipynb").unlink()
    os.mkfifo(folder / f"{NAME}.ipynb")


def no_notebook(folder, notebook):
    (folder / f"{NAME}.ipynb").unlink()


def other_name(folder, notebook):
    (folder / f"{NAME}.ipynb").rename(folder / "copy of it.ipynb")


def only_a_link(folder, notebook):
    shutil.rmtree(folder)
    folder.symlink_to(folder.parents[2] / "source" / NAME)


def two_notebooks(folder, notebook):
    (folder / f"{NAME} (1).ipynb").write_text("old")


def links_and_pipes(folder, notebook):
    (folder / "link.csv").symlink_to(folder.parents[2] / "secret" / "key")
    (folder / "linked").symlink_to(folder.parents[2] / "secret")
    (folder / "inner").mkdir()
    (folder / "inner" / "link.csv").symlink_to("../../../../secret/key")
    os.mkfifo(folder / "pipe")
    (folder / "timestamp.txt").symlink_to(folder.parents[2] / "secret" / "key")


def odd_names(folder, notebook):
    for name in (
        b"caf\xe9.ipynb",
        b"caf\xe9.txt",
        b"-rf",
        b"new\nline.ipynb",
        b"a[b]*?.ipynb",
        "数.txt".encode(),
    ):
        with open(os.fsencode(folder) + b"/" + name, "wb") as file:
            file.write(b"{}")


def in_the_way(folder, notebook):
    (folder / "ideas.json").unlink()
    (folder / "ideas.json").mkdir()
    (folder / "ideas.json" / "x").write_text("x")


def no_time(folder, notebook):
    (folder / "timestamp.txt").write_bytes(b"yesterday\xff")


def duplicated_test(folder, notebook):
    test = copy.deepcopy(cells_of(notebook)["test_kmeans"])
    test.source, test["id"] = "pass", "copied"
    notebook.cells.insert(0, test)
    write(folder, notebook)


def deleted_test(folder, notebook):
    notebook.cells.remove(cells_of(notebook)["test_kmeans"])
    write(folder, notebook)


def changed_points(folder, notebook):
    for cell in cells_of(notebook).values():
        cell.metadata.nbgrader["points"] = 1000
    write(folder, notebook)


def no_points(folder, notebook):
    for cell in cells_of(notebook).values():
        cell.metadata.nbgrader = {
            "grade_id": cell.metadata.nbgrader.grade_id,
            "grade": True,
            "schema_version": 1,
        }
    write(folder, notebook)


def markdown_test(folder, notebook):
    test = cells_of(notebook)["test_kmeans"]
    test.cell_type = "markdown"
    del test["outputs"], test["execution_count"]
    write(folder, notebook)


def format_3(folder, notebook):
    write(folder, nbformat.convert(notebook, 3))


def future_format(folder, notebook):
    write(folder, notebook | {"nbformat_minor": 42, "more": [1]})


def as_it_is(folder, notebook):
    """Nothing is done to the submission."""


UNREADABLE = [not_json, empty_file, link_notebook, dangling_notebook, folder_as_notebook, pipe_as_notebook]
UNREADABLE += [no_notebook, other_name, only_a_link]
HARMLESS = [two_notebooks, links_and_pipes, odd_names, in_the_way, no_time, duplicated_test, deleted_test]
HARMLESS += [changed_points, no_points, markdown_test, format_3, future_format]
ODD_STUDENTS = ["zoë o'neil", "a[b]", "-rf", "new\nline", b"caf\xe9".decode("utf-8", "surrogateescape")]


@pytest.fixture(scope="module")
def examiner():
    """Put the stand-in in the examiner's place; lists what it was asked."""
    asked = []
    module = types.ModuleType("genlab.grading.examination")
    module.examine = lambda data: asked.append(data) or examine(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, module.__name__, module)
        yield asked


@pytest.fixture(scope="module")
def config(tmp_path_factory, examiner):
    """A course whose class was graded once."""
    root = tmp_path_factory.mktemp("a course")
    (root / "secret").mkdir()
    (root / "secret" / "key").write_text(SECRET)
    shutil.copytree(ROOT / "solutions" / NAME, root / "source" / NAME)
    config = Config({"CourseDirectory": {"root": str(root)}})
    configure(config)
    releasing = CourseDirectory(config=config, assignment_id=NAME, student_id=".")
    GenerateAssignment(coursedir=releasing, config=config).start()
    released = nbformat.read(root / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    for cell in cells_of(released).values():
        if cell.metadata.nbgrader.solution:
            cell.source += "\n# right"
    plain = [(student, as_it_is) for student in ("honest", *ODD_STUDENTS)]
    for student, damage in plain + [(damage.__name__, damage) for damage in UNREADABLE + HARMLESS]:
        folder = root / "submitted" / student / NAME
        shutil.copytree(root / "release" / NAME, folder)
        write(folder, released)
        damage(folder, copy.deepcopy(released))
    before = snapshot(root / "submitted")
    grade(config)
    assert snapshot(root / "submitted") == before
    return config


def grade(config, step=Autograde, student="*", exclude="", **options):
    names = {"assignment_id": NAME, "student_id": student, "student_id_exclude": exclude}
    course = CourseDirectory(config=config, **names)
    step(coursedir=course, config=config, **options).start()


def snapshot(folder):
    """What is in a folder, to the byte."""
    found = {}
    for path in folder.rglob("*"):
        mode = path.lstat().st_mode
        found[path] = (
            os.readlink(path) if stat.S_ISLNK(mode) else path.read_bytes() if stat.S_ISREG(mode) else mode
        )
    return found


@pytest.fixture(scope="module")
def marks(config):
    """Student to the sum by machine, or None where some is missing."""
    with Gradebook(CourseDirectory(config=config).db_url) as book:
        found = {}
        for submission in book.assignment_submissions(NAME):
            grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
            tests = [grade.auto_score for grade in grades if grade.name != "comparison"]
            found[submission.student.id] = None if None in tests else sum(tests)
        return found


def place(config, student):
    return Path(config.CourseDirectory.root, "autograded", student, NAME, f"{NAME}.ipynb")


def autograded(config, student):
    return nbformat.read(place(config, student), as_version=4)


@pytest.mark.parametrize("damage", UNREADABLE)
def test_what_cannot_be_read_is_graded_as_an_empty_notebook(config, marks, damage):
    assert marks[damage.__name__] == 0
    problem = autograded(config, damage.__name__).metadata.genlab.problem
    assert "ask" in problem
    assert problem.endswith("Nothing was right.")


@pytest.mark.parametrize("damage", [as_it_is, *HARMLESS])
def test_what_can_be_read_has_its_marks(config, marks, damage):
    student = "honest" if damage is as_it_is else damage.__name__
    assert marks[student] == BY_MACHINE
    notebook = autograded(config, student)
    assert set(cells_of(notebook)) == set(cells_of(autograded(config, "honest")))
    assert notebook.metadata.genlab.unsafe is False


def test_students_of_any_name_that_a_gradebook_can_hold_are_graded(config, marks):
    assert {name for name in ODD_STUDENTS if name in marks} == {"zoë o'neil", "a[b]", "-rf"}
    assert all(marks[name] == BY_MACHINE for name in ODD_STUDENTS if name in marks)


def test_notes_name_what_was_done(config):
    def problem(student):
        return autograded(config, student).metadata.genlab.problem

    assert problem("honest") == ""
    assert "'copy of it.ipynb'" in problem("other_name")
    assert "'link.csv' was left out: it is a link" in problem("links_and_pipes")
    assert "'test_kmeans'" in problem("deleted_test")
    assert "Points that differ" in problem("changed_points")


def test_nothing_that_a_link_points_to_is_copied_nor_given_back(config):
    grade(config, GenerateFeedback, "links_and_pipes")
    root = Path(config.CourseDirectory.root)
    for step in ("autograded", "feedback"):
        assert (root / step / "links_and_pipes" / NAME / "ideas.json").is_file()
        found = snapshot(root / step)
        assert not any(isinstance(content, str) for content in found.values())
        assert not any(SECRET.encode() in content for content in found.values() if isinstance(content, bytes))
        assert not any(path.name in ("pipe", "link.csv") for path in found)


def test_the_instructors_files_are_what_is_copied(config):
    root = Path(config.CourseDirectory.root)
    given = (root / "source" / NAME / "ideas.json").read_bytes()
    assert (root / "autograded" / "in_the_way" / NAME / "ideas.json").read_bytes() == given
    assert (root / "autograded" / "odd_names" / NAME / "数.txt").read_bytes() == b"{}"


def test_an_unchanged_submission_is_not_examined_again(config, marks, examiner):
    count = len(examiner)
    grade(config, student="honest", force=True)
    assert len(examiner) == count
    assert autograded(config, "honest").metadata.genlab.key == key(
        preprocessors.Examine(config=config)
        .work(CourseDirectory(config=config), "honest", NAME, NAME)[0]
        .to_bytes()
    )


def test_a_right_answer_handed_in_later_is_graded(config):
    root = Path(config.CourseDirectory.root)
    late, honest = (root / "submitted" / name / NAME for name in ("not_json", "honest"))
    shutil.copy(honest / f"{NAME}.ipynb", late)
    grade(config, student="not_json", force=True)
    with Gradebook(CourseDirectory(config=config).db_url) as book:
        assert book.find_submission(NAME, "not_json").score == BY_MACHINE
        assert book.find_submission(NAME, "empty_file").score == 0


def test_what_was_killed_is_graded_again_and_nothing_else(config):
    def leave(student, content):
        file = place(config, student)
        file.chmod(0o644)
        file.write_text(content)
        file.chmod(0o444)

    begun = nbformat.writes(nbformat.v4.new_notebook())
    unsettled, others = autograded(config, "format_3"), autograded(config, "no_points")
    unsettled.metadata.genlab.key = ""
    del others.metadata["genlab"]  # as graded before the course was switched over
    leave("deleted_test", begun)
    leave("changed_points", begun[:-9])
    leave("format_3", nbformat.writes(unsettled))
    leave("no_points", nbformat.writes(others))
    place(config, "no_time").unlink()
    grade(config, exclude="changed_points")
    assert place(config, "changed_points").read_text() == begun[:-9]
    grade(config)
    assert place(config, "no_points").read_text() == nbformat.writes(others)
    for student in ("deleted_test", "changed_points", "format_3", "no_time"):
        assert autograded(config, student).metadata.genlab.key


def test_outputs_that_nbgrader_could_not_write_become_errors():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    notebook.cells[0].outputs = [
        nbformat.from_dict({"output_type": "stream", "name": "stdout", "text": "a\ud800"}),
        nbformat.from_dict({"output_type": "display_data", "data": [], "metadata": {}}),
        nbformat.from_dict({"output_type": "forged"}),
    ]
    clean = preprocessors.presentable(notebook)
    nbformat.validate(clean)
    assert [output.get("text", output.get("ename")) for output in clean.cells[0].outputs] == [
        "a?",
        "Malformed",
        "Malformed",
    ]


@pytest.mark.slow
def test_any_course_of_nbgraders_can_switch_it_on(tmp_path):
    environment = {**os.environ, "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}

    def run(*command, folder):
        ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr

    run("nbgrader", "quickstart", "other", folder=tmp_path)
    course = tmp_path / "other"
    stand_in = Path(__file__).read_text().split("def examine")[1].split("\ndef cells_of")[0]
    with open(course / "nbgrader_config.py", "a") as file:
        file.write("\nfrom genlab.grading import configure\nconfigure(c)\n")
        file.write(
            "import sys, types\nfrom genlab.grading.work import *\nfrom nbformat.v4 import new_output\n"
        )
        file.write(f"def examine{stand_in}\n")
        file.write("module = types.ModuleType('genlab.grading.examination')\nmodule.examine = examine\n")
        file.write("sys.modules[module.__name__] = module\n")
    run("nbgrader", "generate_assignment", "ps1", "--force", folder=course)
    for student in ("ada", "bob"):
        shutil.copytree(
            course / "release" / "ps1", course / "submitted" / student / "ps1", dirs_exist_ok=True
        )
    (course / "submitted" / "bob" / "ps1" / "problem1.ipynb").write_text("broken")
    run("nbgrader", "autograde", "ps1", folder=course)
    run("nbgrader", "generate_feedback", "ps1", folder=course)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        for student in ("ada", "bob"):
            assert book.find_submission("ps1", student).score == 0
    notebook = nbformat.read(course / "autograded" / "bob" / "ps1" / "problem1.ipynb", as_version=4)
    assert "problem1.ipynb: this is no notebook" in notebook.metadata.genlab.problem
    assert (course / "feedback" / "bob" / "ps1" / "problem2.html").exists()

"""Work for the examiner, made of a course's folders."""

import copy
import os
import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_notebook
from nbgrader import utils
from nbgrader.api import MissingEntry
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from genlab.grading import submission
from genlab.grading.course import Course
from genlab.grading.restore import reference
from genlab.grading.submission import NotPython, files_beside, solution, work

ROOT = Path(__file__).parents[2]
NAME = "gmm-em"

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The released gmm-em assignment, in a course of its own."""
    root = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "solutions" / NAME, root / "source" / NAME)
    config = Config({"CourseDirectory": {"root": str(root)}})
    releasing = CourseDirectory(config=config, assignment_id=NAME, student_id=".")
    GenerateAssignment(coursedir=releasing, config=config).start()
    return CourseDirectory(config=config, assignment_id=NAME)


@pytest.fixture
def folder(course):
    """An untouched submission's folder."""
    folder = Path(course.root, "submitted", "ada", NAME)
    shutil.copytree(Path(course.root, "release", NAME), folder)
    yield folder
    shutil.rmtree(folder.parent)


def test_the_released_notebook_is_restored_to_itself_with_the_hidden_tests(course, folder):
    made, problem = work(course, "ada", NAME, NAME)
    assert problem == ""
    released = nbformat.read(folder / f"{NAME}.ipynb", as_version=4)
    source = nbformat.read(Path(course.root, "source", NAME, f"{NAME}.ipynb"), as_version=4)
    cells = made.notebook.cells
    assert len(cells) == len(released.cells)
    hidden = 0
    for new, old, original in zip(cells, released.cells, source.cells, strict=True):
        assert new.cell_type == old.cell_type
        tag, before = new.metadata.get("nbgrader"), old.metadata.get("nbgrader")
        assert (tag is None) == (before is None)
        if tag and tag.grade and not tag.solution:
            assert new.source == original.source
            hidden += "BEGIN HIDDEN TESTS" in new.source
        else:
            assert new.source == old.source
        if tag:
            assert {
                name: tag[name] for name in ("grade", "solution", "locked", "grade_id")
            }.items() <= before.items()
            assert tag.get("points") == before.get("points")
    assert hidden > 5
    assert [cell.source for cell in made.source.cells] == [cell.source for cell in source.cells]
    nbformat.validate(made.source)


def test_the_reference_holds_the_points_and_the_order(course):
    cells = reference(course.db_url, NAME, NAME)
    assert sum(cell.points for cell in cells) == 100
    source = nbformat.read(Path(course.root, "source", NAME, f"{NAME}.ipynb"), as_version=4)
    tags = [cell.metadata.nbgrader for cell in source.cells if "nbgrader" in cell.metadata]
    assert [cell.name for cell in cells] == [tag.grade_id for tag in tags]
    with pytest.raises(MissingEntry):
        reference(course.db_url, NAME, "unknown")


def test_the_order_is_the_sources(course, folder, monkeypatch):
    first, _ = work(course, "ada", NAME, NAME)
    monkeypatch.setattr(submission, "reference", lambda *names: reference(*names)[::-1])
    assert work(course, "ada", NAME, NAME)[0].notebook == first.notebook


def test_equal_submissions_give_equal_work(course, folder):
    os.utime(folder / f"{NAME}.ipynb")
    (folder / "timestamp.txt").write_text("2026-01-01 12:00:00 UTC")
    first, _ = work(course, "ada", NAME, NAME)
    (folder / "timestamp.txt").unlink()
    again, _ = work(course, "ada", NAME, NAME)
    assert first.to_bytes() == again.to_bytes()
    assert first.unavailable
    assert (first.cell_seconds, first.submission_seconds, first.unsafe) == (30, 300, False)


def test_the_instructors_files_win_unless_students_are_to_edit_them(course, folder):
    (folder / "ideas.json").write_text("mine")
    (folder / "helper.py").write_text("own")
    (folder / "copy.ipynb").write_text("{}")
    made, problem = work(course, "ada", NAME, NAME)
    given = Path(course.root, "source", NAME, "ideas.json").read_bytes()
    assert made.files == {"helper.py": b"own"}
    assert made.given == {"ideas.json": given}
    assert problem == "Not graded, as the assignment has no notebook of that name: 'copy.ipynb'."
    config = copy.deepcopy(course.config)
    config.Autograde.exclude_overwriting = {NAME: ["ideas.json"]}
    made, _ = work(CourseDirectory(config=config), "ada", NAME, NAME)
    assert made.files["ideas.json"] == b"mine"
    assert made.given == {}


@pytest.mark.parametrize("name", ["data", "ideas.json/part"])
def test_a_file_in_the_place_of_a_given_folder_gives_way(course, folder, name):
    given = Path(course.root, "source", NAME, "data", "x.csv")
    given.parent.mkdir(exist_ok=True)
    given.write_text("1")
    (folder / "ideas.json").unlink()
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("in the way")
    made, _ = work(course, "ada", NAME, NAME)
    shutil.rmtree(given.parent)
    assert made.files == {}
    assert set(made.given) == {"ideas.json", "data/x.csv"}


def test_a_submission_without_the_notebook_is_an_empty_one(course, folder):
    (folder / f"{NAME}.ipynb").rename(folder / "copy of it.ipynb")
    made, problem = work(course, "ada", NAME, NAME)
    assert "'copy of it.ipynb'" in problem
    assert f"{NAME}.ipynb is not there to read: ask the student" in problem
    assert len(problem) < 300
    nbformat.validate(made.notebook)
    (folder / f"{NAME}.ipynb").write_text("broken")
    broken, problem = work(course, "ada", NAME, NAME)
    assert problem.startswith(f"{NAME}.ipynb: this is no notebook")
    absent, _ = work(course, "nobody", NAME, NAME)
    assert made.notebook == broken.notebook == absent.notebook


def test_a_folder_with_brackets_in_its_name_hides_what_any_other_does(tmp_path):
    notebook = tmp_path / "ML [2026]" / "ps1.ipynb"
    notebook.parent.mkdir()
    notebook.touch()
    assert utils.is_ignored(str(notebook), ["*.pyc", "*.ipynb"])
    assert not utils.is_ignored(str(notebook), ["*.pyc"])


def test_a_missing_source_is_the_instructors_to_mend(course, folder):
    config = copy.deepcopy(course.config)
    config.CourseDirectory.source_directory = "elsewhere"
    with pytest.raises(FileNotFoundError, match=r"CourseDirectory.source_directory"):
        work(CourseDirectory(config=config), "ada", NAME, NAME)


CONFIG = """c = get_config()
c.Autograde.exclude_overwriting = {"ps1": ["own.py"]}
c.ClearHiddenTests.begin_test_delimeter = "SECRET"
c.ClearHiddenTests.end_test_delimeter = "PUBLIC"
"""


@pytest.fixture
def configured(tmp_path):
    """The folders of a course that nbgrader_config.py describes, and what writes its notebook."""
    (tmp_path / "nbgrader_config.py").write_text(CONFIG)
    source = tmp_path / "source" / "ps1"
    source.mkdir(parents=True)

    def write(language):
        kernel = {"name": "any", "display_name": "Any", "language": language}
        nbformat.write(new_notebook(metadata={"kernelspec": kernel}), source / "ps1.ipynb")

    (source / "own.py").write_text("given")
    return Course(tmp_path).directory, write


def test_the_configuration_is_heeded(configured):
    course, write = configured
    write("python")
    own = solution(course, "ps1", "ps1", 60, 600)
    assert own.hidden == ("SECRET", "PUBLIC")
    assert (own.cell_seconds, own.submission_seconds) == (60, 600)
    assert files_beside(course, "ps1", {"own.py": b"changed"}) == ({"own.py": b"changed"}, {})


def test_an_assignment_in_another_language_is_refused(configured):
    course, write = configured
    write("R")
    with pytest.raises(NotPython, match="is in R:"):
        solution(course, "ps1", "ps1", 30, 300)

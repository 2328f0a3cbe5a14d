"""A student's submission, made into work for the examiner."""

import glob
import os
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_notebook
from nbgrader import utils
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import ClearHiddenTests
from nbgrader.utils import find_all_files
from traitlets.config import Config

from genlab.grading.reading import TIMESTAMP, Unreadable, read_folder, read_notebook
from genlab.grading.restore import listed, reference, restore
from genlab.grading.work import Work
from genlab.unavailable import UNAVAILABLE

MAX_NOTES = 8


def _is_ignored(filename: str, patterns: list[str] | None = None) -> bool:
    folder = glob.escape(os.path.dirname(filename))
    return any(filename in glob.glob(os.path.join(folder, pattern)) for pattern in patterns or ())


# nbgrader's takes the folder for a part of the pattern: with brackets in its name, no file is left out.
utils.is_ignored = _is_ignored


class NotPython(ValueError):
    """An assignment is in another language; the message says which."""


def work(
    course: CourseDirectory,
    student: str,
    assignment: str,
    notebook: str,
    cell_seconds: int = 30,
    submission_seconds: int = 300,
    unsafe: bool = False,
) -> tuple[Work, str]:
    """What is to be examined for one notebook of a submission.

    The same folders give the same work, byte for byte. A submission that cannot be read is an empty notebook.

    Args:
        course: nbgrader's description of the course's folders.
        student: their name, the folder's in submitted/.
        assignment: its name.
        notebook: its name, without ".ipynb".
        cell_seconds: what a cell, or a test, may take.
        submission_seconds: what all of them may take together.
        unsafe: run without the sandbox.

    Returns:
        the work, and in sentences what was wrong with the submission, or "".

    Raises:
        FileNotFoundError: the instructor's notebook is missing.
        NotPython: it is in another language.
        nbgrader.api.MissingEntry: the gradebook does not know the notebook.
    """
    name = f"{notebook}.ipynb"
    source = _source(course, assignment, name)
    names = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in source.cells]
    cells = reference(course.db_url, assignment, notebook)
    # The gradebook keeps the order of the first release.
    cells.sort(key=lambda cell: names.index(cell.name) if cell.name in names else len(names))
    submitted: dict[str, bytes] = {}
    try:
        submitted, notes = handed_in(course, student, assignment)
        notes += _aside(course, assignment, submitted)
        if name not in submitted:
            notes.append(f"{name} is not there to read: ask the student to hand it in, under this very name.")
            restored, _ = restore(new_notebook(), cells)
        else:
            restored, said = restore(read_notebook(submitted[name]), cells)
            notes += said
    except Unreadable as unreadable:
        restored, _ = restore(new_notebook(), cells)
        notes = [f"{name}: {unreadable}"]
    if len(notes) > MAX_NOTES:
        notes[MAX_NOTES:] = [f"And {len(notes) - MAX_NOTES} more of this kind."]
    files, given = files_beside(course, assignment, submitted)
    made = Work(
        assignment=assignment,
        notebook=restored,
        source=source,
        files=files,
        given=given,
        ideas=_ideas(course, assignment),
        unavailable=tuple(UNAVAILABLE.get(assignment, ())),
        hidden=_hidden(course),
        cell_seconds=cell_seconds,
        submission_seconds=submission_seconds,
        unsafe=unsafe,
    )
    return made, " ".join(notes)


def solution(
    course: CourseDirectory, assignment: str, notebook: str, cell_seconds: int, submission_seconds: int
) -> Work:
    """The instructor's own notebook as work: it must have full marks.

    Args:
        course: nbgrader's description of the course's folders.
        assignment: its name.
        notebook: its name, without ".ipynb".
        cell_seconds: what a cell may take.
        submission_seconds: what all may take together.
    """
    source = _source(course, assignment, f"{notebook}.ipynb")
    _, given = files_beside(course, assignment, {})
    unavailable = tuple(UNAVAILABLE.get(assignment, ()))
    ideas, hidden = _ideas(course, assignment), _hidden(course)
    limits = cell_seconds, submission_seconds
    return Work(assignment, source, source, {}, given, ideas, unavailable, hidden, *limits)


def handed_in(course: CourseDirectory, student: str, assignment: str) -> tuple[dict[str, bytes], list[str]]:
    """Read a student's folder, as read_folder does."""
    folder = Path(course.format_path(course.submitted_directory, student, assignment))
    return read_folder(folder, course.ignore)


def files_beside(
    course: CourseDirectory, assignment: str, submitted: Mapping[str, bytes]
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The files that are not notebooks: the student's, and the instructor's in the place of theirs.

    Args:
        course: nbgrader's description of the course's folders.
        assignment: its name.
        submitted: what the student handed in, by path.

    Returns:
        the student's, without those that the instructor's replace, and the instructor's.
    """
    folder = _given(course, assignment)
    students_own = Autograde(coursedir=course, config=_config(course)).exclude_overwriting.get(assignment, ())
    given = {}
    for file in find_all_files(str(folder), [*course.ignore, "*.ipynb"]):
        name = Path(file).relative_to(folder).as_posix()
        if name not in students_own or name not in submitted:
            given[name] = Path(file).read_bytes()
    folders = {parent.as_posix() for name in given for parent in Path(name).parents}
    files = {}
    for name, content in submitted.items():
        path = Path(name)
        taken = name in folders or any(one.as_posix() in given for one in (path, *path.parents))
        if not taken and name != TIMESTAMP and not any(part.endswith(".ipynb") for part in path.parts):
            files[name] = content
    return files, given


def _aside(course: CourseDirectory, assignment: str, submitted: Mapping[str, bytes]) -> list[str]:
    known = {file.name for file in _given(course, assignment).glob("*.ipynb")}
    others = [path for path in submitted if path.endswith(".ipynb") and path not in known]
    return (
        [f"Not graded, as the assignment has no notebook of that name: {listed(others)}."] if others else []
    )


def _given(course: CourseDirectory, assignment: str) -> Path:
    return Path(os.path.normpath(course.format_path(course.source_directory, ".", assignment)))


def _hidden(course: CourseDirectory) -> tuple[str, str]:
    marks = ClearHiddenTests(config=_config(course))
    return marks.begin_test_delimeter, marks.end_test_delimeter


def _config(course: CourseDirectory) -> Config:
    # The course's own may date from before nbgrader_config.py was read.
    return course.parent.config if course.parent else course.config


def _ideas(course: CourseDirectory, assignment: str) -> str:
    folder = _given(course, assignment)
    catalogue = folder.with_name(f"{folder.name}_ideas.py")
    return catalogue.read_text(encoding="utf-8") if catalogue.exists() else ""


def _source(course: CourseDirectory, assignment: str, name: str) -> NotebookNode:
    """The instructor's notebook, without what changes each time it is run."""
    path = _given(course, assignment) / name
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: grading needs the notebook that the assignment was generated from. "
            "Put it there, or name its folder by CourseDirectory.source_directory."
        )
    notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    language = notebook.metadata.get("kernelspec", {}).get("language", "python")
    if language != "python":
        raise NotPython(f"{path} is in {language}: only Python can be graded.")
    notebook["nbformat_minor"] = 5
    for index, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{index}"
        if cell.cell_type == "code":
            cell |= {"execution_count": None, "outputs": []}
    return notebook

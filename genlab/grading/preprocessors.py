"""nbgrader's autograding, made safe: what it copies, what it reads, and how it runs a submission."""

import glob
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbformat.v4 import new_notebook, new_output
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import BaseConverter
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import parse_utc
from traitlets import Bool, Integer

from genlab.grading.reading import TIMESTAMP, Unreadable, read_file, recordable, writable
from genlab.grading.store import Store
from genlab.grading.submission import files_beside, handed_in, work
from genlab.grading.work import Result, Work, key
from genlab.grading.workers import examine

STORE = ".genlab"  # the folder in the course's where results are kept


class SubmissionExporter(NotebookExporter):
    """Begins with an empty notebook: Examine reads the submission, which may be anything, itself."""

    def from_filename(self, filename: str, resources: Any = None, **options: Any) -> Any:
        """Take a notebook through nbgrader's steps; returns it as text, and the resources."""
        path = Path(filename)
        resources = {**(resources or {}), "metadata": {"name": path.stem, "path": str(path.parent)}}
        return self.from_notebook_node(new_notebook(), resources, **options)


class Examine(NbGraderPreprocessor):
    """Has a submission's notebook examined, unless the result is known; in place of nbgrader's Execute."""

    timeout = Integer(30, help="seconds a cell, or a test, may take").tag(config=True)
    submission_timeout = Integer(300, help="seconds a submission may take").tag(config=True)
    unsafe = Bool(False, help="run submissions without the sandbox").tag(config=True)

    def work(self, course: CourseDirectory, student: str, assignment: str, notebook: str) -> tuple[Work, str]:
        """What is to be examined, within the configured limits; see genlab.grading.submission.work."""
        limits = (self.timeout, self.submission_timeout, self.unsafe)
        return work(course, student, assignment, notebook, *limits)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Examine the submission that the resources name; returns its notebook with the verdicts."""
        course = self.parent.parent.coursedir
        names = resources["nbgrader"]
        wanted, problem = self.work(course, names["student"], names["assignment"], names["notebook"])
        data = wanted.to_bytes()
        name = key(data)
        store = Store(Path(course.root) / STORE)
        found = store.get(name)
        if found is None:
            found = examine(data)
            store.put(name, found)
        result = Result.from_bytes(found)
        if not result.settled:
            store.discard(name)
            name = ""
        nb = presentable(result.notebook)
        problem = writable(" ".join(filter(None, [problem, result.problem])))
        nb.metadata["genlab"] = {"key": name, "problem": problem, "unsafe": result.unsafe}
        return nb, resources


class EverySubmission(BaseConverter):
    """What nbgrader's Autograde is to be based on, so that whatever is handed in is graded.

    nbgrader passes over a folder without a notebook, stops at one under another name, copies what links point
    to, from where generate_feedback hands it to the student, and takes whatever an earlier run has begun as
    done, even if that was killed. It has no setting for these.
    """

    def init_notebooks(self) -> None:
        """Find the folders of submissions, with a notebook or without."""
        self.notebooks: list[str] = []
        self.assignments: dict[str, list[str]] = {}
        pattern = self._format_source(self.coursedir.assignment_id, self.coursedir.student_id)
        for folder in glob.glob(pattern):
            if recordable(folder):
                self.assignments[folder] = []
            else:
                self.log.error("%r is not graded: no gradebook can hold the name. Rename the folder.", folder)
        if not self.assignments:
            super().init_notebooks()  # says what is missing

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Say whether a submission is to be graded: not if an earlier run did so to the end."""
        if super().init_destination(assignment_id, student_id):
            return True
        if student_id in self.coursedir.student_id_exclude.split(","):
            return False
        folder = self._format_dest(assignment_id, student_id)
        unfinished = [file for file in self._files(assignment_id, folder) if not _finished(file)]
        for file in unfinished:
            self.log.warning("Grading again what was not graded to the end, or killed: %s", file)
            file.unlink(missing_ok=True)
        return bool(unfinished)

    def _files(self, assignment: str, folder: str) -> list[Path]:
        """Where the notebooks that are to be graded have their place in a folder."""
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
            try:
                known = [notebook.name for notebook in gradebook.find_assignment(assignment).notebooks]
            except MissingEntry:  # which Autograde reports
                known = []
        names = [name for name in sorted(known) if fnmatchcase(name, self.coursedir.notebook_id)]
        return [Path(folder, f"{name}.ipynb") for name in names]

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Set down which notebooks to grade, and copy a submission's other files, regular ones only."""
        folder = self._format_source(assignment_id, student_id)
        self.notebooks = [str(file) for file in self._files(assignment_id, folder)]
        try:
            submitted, _ = handed_in(self.coursedir, student_id, assignment_id)
        except Unreadable:
            submitted = {}
        files, _ = files_beside(self.coursedir, assignment_id, submitted)
        if TIMESTAMP in submitted:
            files[TIMESTAMP] = submitted[TIMESTAMP]
        for name, content in files.items():
            path = Path(self._format_dest(assignment_id, student_id), name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.write_bytes(content)


def graded(file: Path) -> NotebookNode | None:
    """Read a graded notebook; None if it was not wholly written."""
    try:
        notebook = nbformat.v4.reads(file.read_text(encoding="utf-8"))
        return notebook if isinstance(notebook.metadata, dict) else None
    except (OSError, ValueError, AttributeError):
        return None


def _finished(file: Path) -> bool:
    """Whether a notebook was graded to the end, and nothing of it was killed."""
    notebook = graded(file)
    if notebook is None or not notebook.get("cells"):
        return False
    return notebook.metadata.get("genlab", {}).get("key") != ""


def existing_timestamp(course: CourseDirectory, folder: str) -> datetime | None:
    """When a submission was handed in; in place of nbgrader's, which a timestamp that is none stops."""
    try:
        with open(read_file(Path(folder, TIMESTAMP)), "rb") as file:
            return parse_utc(file.read(100).decode().strip())
    except FileNotFoundError:
        return None
    except Exception as error:  # whatever dateutil may raise
        course.log.warning("%s in %r is no time: taken as in time (%s)", TIMESTAMP, folder, error)
        return None


def presentable(notebook: NotebookNode) -> NotebookNode:
    """A copy of a result that nbgrader can write, whatever the student's code put out."""
    notebook = writable(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output if _valid(output) else _malformed() for output in cell.outputs]
    return notebook


def _valid(output: NotebookNode) -> bool:
    try:
        nbformat.validate(output, ref="output", version=4, version_minor=5)
    except nbformat.ValidationError:
        return False
    return True


def _malformed() -> NotebookNode:
    # An error: a test whose verdict cannot be read has not passed.
    says = "An output of this cell was malformed, and is not shown."
    return new_output("error", ename="Malformed", evalue=says, traceback=[says])

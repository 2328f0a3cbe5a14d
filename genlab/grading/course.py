"""An nbgrader course, driven from this process: nbgrader's own steps, a submission at a time."""

import contextlib
import errno
import fcntl
import glob
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbgrader.apps.baseapp import NbGrader
from nbgrader.preprocessors import CheckCellMetadata

from genlab.grading import configure, steps
from genlab.grading.gradebook import Book
from genlab.grading.preprocessors import STORE, Examine, graded
from genlab.grading.rehearsal import is_test
from genlab.grading.sandbox import SandboxUnavailable
from genlab.grading.steps import convert
from genlab.grading.store import Store
from genlab.grading.submission import NotPython, solution
from genlab.grading.work import Result, Verdict, Work
from genlab.grading.workers import examine


class GradingError(RuntimeError):
    """Something that stops the work on an assignment as a whole; the message names the remedy."""


class Course:
    """A course in a folder, as its nbgrader_config.py describes it.

    Args:
        folder: the course's.
        unsafe: run submissions without the sandbox.

    Raises:
        GradingError: nbgrader_config.py cannot be read.
    """

    def __init__(self, folder: Path, unsafe: bool = False) -> None:
        self.folder = folder.resolve()
        self.unsafe = unsafe
        self.store = Store(self.folder / STORE)
        self._app = _App(log_level=logging.CRITICAL)
        try:
            self._app.initialize([], root=str(self.folder))
        except (Exception, SystemExit) as error:
            # nbgrader logs a wrong value, and exits.
            reason = error.__context__ if isinstance(error, SystemExit) else error
            raise GradingError(f"{self.folder}/nbgrader_config.py cannot be read: {reason}") from error
        config = self._app.config
        if Examine not in config.Autograde.get("autograde_preprocessors", ()):
            configure(config)
        # The cells of a restored notebook are as nbgrader made them: to check them takes a fifth of the time.
        steps_left = [s for s in config.Autograde.autograde_preprocessors if s is not CheckCellMetadata]
        config.Autograde.autograde_preprocessors = steps_left
        config.Examine.unsafe = unsafe
        self._examine = Examine(parent=self._app)
        self.directory = self._app.coursedir
        self.book = Book(self.directory.db_url, self.directory.course_id)

    def assignments(self) -> list[str]:
        """The assignments that have submissions."""
        return sorted({assignment for assignment, _ in self._submitted("*")})

    def students(self, assignment: str) -> list[str]:
        """Who handed something in for an assignment."""
        return sorted(student for _, student in self._submitted(glob.escape(assignment)))

    def notebooks(self, assignment: str) -> list[str]:
        """The names of an assignment's notebooks."""
        return sorted(path.stem for path in self._source(assignment).glob("*.ipynb"))

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep others from grading or releasing in this folder; killed, it is open again.

        Raises:
            GradingError: another run is at work.
        """
        self.store.folder.mkdir(exist_ok=True)
        with open(self.store.folder / "lock", "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise GradingError(f"Another genlab is at work in {self.folder}: wait for its end.") from None
            yield

    def register(self, assignment: str) -> None:
        """Make the gradebook know an assignment, where it does not, or not wholly.

        Raises:
            GradingError: there is no such assignment.
        """
        wanted = {name: self._cells(assignment, name) for name in self._required(assignment)}
        if self.book.registered(assignment, wanted):
            return
        with self._generated(assignment):
            pass

    def release(self, assignment: str) -> Path:
        """Write an assignment as the students get it; returns its folder."""
        target = Path(os.path.normpath(self._path(self.directory.release_directory, ".", assignment)))
        self._required(assignment)
        with self._generated(assignment) as folder:
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(folder, target)
        return target

    def failures(self, assignment: str) -> Iterator[tuple[str, Verdict]]:
        """Examine the instructor's own solution; yields the tests, by name, in which it misses marks."""
        for notebook in self.notebooks(assignment):
            limits = self._examine.timeout, self._examine.submission_timeout
            work = solution(self.directory, assignment, notebook, *limits)
            most = {
                c.metadata.nbgrader.grade_id: c.metadata.nbgrader.points
                for c in filter(is_test, work.source.cells)
            }
            for name, verdict in Result.from_bytes(examine(work.to_bytes())).verdicts.items():
                if verdict.score < most[name]:
                    yield name, verdict

    def work(self, assignment: str, student: str, notebook: str) -> Work:
        """What is to be examined for one notebook of a submission: the very work that write() looks up."""
        work, _ = self._examine.work(self.directory, student, assignment, notebook)
        return work

    def write(self, assignment: str, student: str) -> None:
        """Write a student's autograded notebooks, and their marks into the gradebook.

        nbgrader does it, with the results that the store holds. What a person wrote there stays.
        """
        names = self.notebooks(assignment)
        convert(steps.Autograde, self._app, assignment, student, names)

    def feedback(self, assignment: str, student: str) -> None:
        """Write a student's feedback."""
        names = [path.stem for path in self._autograded(assignment, student).glob("*.ipynb")]
        convert(steps.GenerateFeedback, self._app, assignment, student, sorted(names))

    def autograded(self, assignment: str, student: str) -> dict[str, nbformat.NotebookNode]:
        """A student's graded notebooks, by name; without what was not wholly written."""
        notebooks = {}
        for path in sorted(self._autograded(assignment, student).glob("*.ipynb")):
            notebook = graded(path)
            if notebook is not None and "key" in notebook.metadata.get("genlab", {}):
                notebooks[path.stem] = notebook
        return notebooks

    def pages(self, assignment: str, student: str) -> list[Path]:
        """A student's feedback pages."""
        folder = Path(self._path(self.directory.feedback_directory, student, assignment))
        return sorted(folder.glob("*.html"))

    def remedy(self, error: Exception) -> str:
        """What helps against an error that would meet every submission; "" for all else."""
        said = str(error)
        if isinstance(error, GradingError | SandboxUnavailable | NotPython):
            return said
        if "database is locked" in said:
            return (
                f"The gradebook {self.directory.db_url} is locked by another program: close the formgrader "
                "or what else has it open, and run this again. What was examined is kept."
            )
        if "file is not a database" in said or "database disk image is malformed" in said:
            return (
                f"The gradebook {self.directory.db_url} is damaged: put a copy from your backup in place, "
                "or move it away, and run this again. Without a copy, marks given by hand are lost."
            )
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        if full or "database or disk is full" in said:
            return f"The disk is full: free some space and run this again. What was done is kept. ({error})"
        return ""

    def _required(self, assignment: str) -> list[str]:
        """The names of an assignment's notebooks, of which there must be one."""
        names = self.notebooks(assignment)
        if not names:
            raise GradingError(
                f"There is no notebook in {self._source(assignment)}: is {assignment} its name?"
            )
        return names

    def _submitted(self, assignment: str) -> list[tuple[str, str]]:
        structure = self.directory.directory_structure
        submitted = self.directory.submitted_directory
        pattern = structure.format(nbgrader_step=submitted, student_id="*", assignment_id=assignment)
        parts = self._path(submitted, "(?P<student>[^/]*)", "(?P<assignment>[^/]*)", escape=True)
        found = []
        for name in glob.glob(pattern, root_dir=self.folder):
            if match := re.fullmatch(parts, str(self.folder / name)):
                found.append((match["assignment"], match["student"]))
        return found

    def _cells(self, assignment: str, notebook: str) -> set[str]:
        cells = nbformat.read(self._source(assignment) / f"{notebook}.ipynb", as_version=4).cells
        settings = [cell.metadata.get("nbgrader", {}) for cell in cells]
        kinds = ("grade", "solution", "locked", "task")
        return {found["grade_id"] for found in settings if any(found.get(kind) for kind in kinds)}

    def _path(self, step: str, student: str, assignment: str, escape: bool = False) -> str:
        return str(self.directory.format_path(step, student, assignment, escape=escape))

    def _source(self, assignment: str) -> Path:
        return Path(self._path(self.directory.source_directory, ".", assignment))

    def _autograded(self, assignment: str, student: str) -> Path:
        return Path(self._path(self.directory.autograded_directory, student, assignment))

    @contextlib.contextmanager
    def _generated(self, assignment: str) -> Iterator[Path]:
        """The release of an assignment, in a folder that is removed again; the gradebook knows it then."""
        release = self.directory.release_directory
        self.store.folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="release-", dir=self.store.folder) as folder:
            self.directory.release_directory = folder
            try:
                convert(steps.GenerateAssignment, self._app, assignment, ".", self.notebooks(assignment))
                yield Path(self._path(folder, ".", assignment))
            finally:
                self.directory.release_directory = release


class _App(NbGrader):
    name = "nbgrader-genlab"
    description = "The course's configuration"
    load_cwd_config = False
    raise_config_file_errors = True  # a half-read configuration might lack what keeps grading safe

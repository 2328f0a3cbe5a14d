"""nbgrader's steps for one named submission, in this process."""

import os
import shutil
import warnings
from collections.abc import Sequence

from nbgrader import converters
from nbgrader.apps.baseapp import NbGrader


def convert(kind: type["Direct"], app: NbGrader, assignment: str, student: str, names: Sequence[str]) -> None:
    """Run one of nbgrader's steps for one student.

    Args:
        kind: the step, one of the last three classes below.
        app: the course's configuration.
        assignment: its name.
        student: the student, or "." where nbgrader knows none.
        names: the notebooks' names.
    """
    app.coursedir.assignment_id = assignment
    app.coursedir.student_id = student
    converter = kind(coursedir=app.coursedir, parent=app)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbgrader meets warnings of its database library that change nothing
        converter.run(assignment, student, names)


class Direct(converters.BaseConverter):
    """A converter of one folder that is named, not searched; what goes wrong is raised, not logged."""

    def run(self, assignment: str, student: str, names: Sequence[str]) -> None:
        """Convert; the arguments are those of convert()."""
        self._job = assignment, student
        source = self._format_source(assignment, student)
        self.notebooks = [os.path.join(source, f"{name}.ipynb") for name in names]
        self.start()

    def init_notebooks(self) -> None:
        """Nothing is searched."""

    def convert_notebooks(self) -> None:
        """Convert one after another; whatever goes wrong, no half of it is left."""
        target = self._format_dest(*self._job)
        if os.path.lexists(target):
            shutil.rmtree(target)
        try:
            self.run_pre_convert_hook()
            self.init_assignment(*self._job)
            for notebook in self.notebooks:
                self.convert_single_notebook(notebook)
            self.set_permissions(*self._job)
            self.run_post_convert_hook()
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise


class Autograde(Direct, converters.Autograde):
    """Grades, and writes the gradebook."""


class GenerateAssignment(Direct, converters.GenerateAssignment):
    """Writes the students' version, and registers the assignment."""


class GenerateFeedback(Direct, converters.GenerateFeedback):
    """Writes the feedback pages."""

"""nbgrader's configuration: the course's folders, and grading in genlab's sandbox."""

from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.preprocessors import ClearHiddenTests, Execute

from genlab.grading.execute import RefuseLinks, SandboxedExecute
from genlab.grading.feedback import FeedbackExporter

c = get_config()  # noqa: F821, defined by nbgrader

c.CourseDirectory.course_id = "genlab"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"

c.Autograde.sanitize_preprocessors = [RefuseLinks, *Autograde.sanitize_preprocessors.default()]
# Run submissions in a sandbox, with time limits.
c.Autograde.autograde_preprocessors = [
    SandboxedExecute if step is Execute else step for step in Autograde.autograde_preprocessors.default()
]
# A test cell that a student deleted is put back, and graded.
c.OverwriteCells.add_missing_cells = True
# Feedback never shows a hidden test, and loads nothing from elsewhere.
c.GenerateFeedback.preprocessors = [*GenerateFeedback.preprocessors.default(), ClearHiddenTests]
c.GenerateFeedback.exporter_class = FeedbackExporter

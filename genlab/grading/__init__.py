"""Grading: runs submissions where they can harm nothing, and writes the grades nbgrader records."""

from typing import Any


def configure(c: Any) -> None:
    """Switch an nbgrader course over to genlab's grading: one line in its nbgrader_config.py.

    Args:
        c: what nbgrader's get_config() returns.
    """
    from nbgrader.converters import Autograde
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.preprocessors import Execute

    from genlab.grading.preprocessors import (
        EverySubmission,
        Examine,
        SubmissionExporter,
        existing_timestamp,
    )

    Autograde.__bases__ = (EverySubmission,)
    CourseDirectory.get_existing_timestamp = existing_timestamp
    c.Autograde.exporter_class = SubmissionExporter
    c.Autograde.sanitize_preprocessors = []  # Examine restores the notebook, and runs it
    c.Autograde.autograde_preprocessors = [
        Examine if step is Execute else step for step in Autograde.autograde_preprocessors.default()
    ]
    # Shows no hidden test and no evidence, and loads nothing from elsewhere. (By name, as it imports much.)
    c.GenerateFeedback.exporter_class = "genlab.grading.feedback.FeedbackExporter"

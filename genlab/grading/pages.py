"""The feedback pages of a class: only those are written whose marks, comments or submission have changed."""

import hashlib
import json
from collections.abc import Generator, Sequence

from genlab.grading.course import Course
from genlab.grading.outcome import Outcome
from genlab.grading.work import key


def write_pages(course: Course, assignment: str, students: Sequence[str]) -> Generator[Outcome]:
    """Write the feedback of those who were graded.

    Args:
        course: the course.
        assignment: the assignment's name.
        students: for whom.

    Yields:
        What was done for each: unchanged, done, or failed, and why.
    """
    marks, comments = course.book.marks(assignment), course.book.comments(assignment)
    for student in students:
        graded = course.autograded(assignment, student)
        if not graded:
            yield Outcome(
                student, "failed", f"Not graded yet: run genlab grade {assignment}, then this again."
            )
            continue
        shown = [student, assignment, graded, list(marks.get(student, {}).items()), comments.get(student)]
        name = key(json.dumps(shown).encode())
        if course.store.get(name) == _digest(course, assignment, student):
            yield Outcome(student, "unchanged")
            continue
        try:
            course.feedback(assignment, student)
        except Exception as error:
            if course.remedy(error):
                raise
            yield Outcome(student, "failed", f"No feedback was written: {error}")
        else:
            course.store.put(name, _digest(course, assignment, student))
            yield Outcome(student, "done")


def _digest(course: Course, assignment: str, student: str) -> bytes:
    digest = hashlib.sha256()
    for page in course.pages(assignment, student):
        digest.update(page.read_bytes())
    return digest.digest()

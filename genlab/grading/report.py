"""The marks of a class as a table: ``python -m genlab.grading.report gmm-em``."""

import sys
from pathlib import Path

from nbgrader.api import Gradebook


def table(assignment: str, gradebook: Path = Path("gradebook.db")) -> str:
    """Each student's marks in an assignment so far, and what is still to be done for them.

    Raises:
        nbgrader.api.MissingEntry: the gradebook knows no such assignment.
    """
    with Gradebook(f"sqlite:///{gradebook.resolve()}") as book:
        most = book.find_assignment(assignment).max_score
        rows = []
        for submission in sorted(book.assignment_submissions(assignment), key=lambda s: s.student.id):
            grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
            waiting = sum(grade.needs_manual_grade for grade in grades)
            note = f"{waiting} to mark by hand" if waiting else ""
            if not (gradebook.parent / "autograded" / submission.student.id / assignment).exists():
                note = f"NOT GRADED: it must hold a readable notebook {assignment}.ipynb, and no links"
            rows.append((submission.student.id, submission.score, note))
    width = max([len("student"), *(len(student) for student, _, _ in rows)])
    lines = [f"{student:<{width}}  {score:>6g} / {most:g}  {note}".rstrip() for student, score, note in rows]
    return "\n".join([f"{'student':<{width}}  marks of {assignment}", *lines])


if __name__ == "__main__":
    print("\n".join(table(name) for name in sys.argv[1:]))

"""The marks of a class, as a table and as data."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from rich.console import Group
from rich.table import Table
from rich.text import Text

from genlab.grading.course import Course
from genlab.grading.gradebook import Cell, Mark
from genlab.grading.outcome import Outcome, plain

UNSAFE = "UNSAFE: these submissions ran without the sandbox"


@dataclass(frozen=True)
class Test:
    """One graded cell of a submission.

    Attributes:
        notebook: its notebook.
        name: its nbgrader name.
        score: the marks so far.
        max_score: the most there is.
        says: what the student reads on missing marks, or "".
        by_hand: it waits for a person's marks.
    """

    notebook: str
    name: str
    score: float
    max_score: float
    says: str = ""
    by_hand: bool = False


@dataclass(frozen=True)
class Student:
    """One student's marks.

    Attributes:
        id: the student.
        score: the marks so far, less a penalty for lateness.
        max_score: the most there is.
        status: "graded", or "failed" where that could not be done.
        problem: what was wrong with the submission, or why it was not graded, or "".
        unsafe: it ran without the sandbox.
        seconds: how long examining took in this run; 0 if it was not needed.
        tests: the graded cells, in the notebook's order.
    """

    id: str
    score: float
    max_score: float
    status: str
    problem: str
    unsafe: bool
    seconds: float
    tests: tuple[Test, ...]


@dataclass(frozen=True)
class Report:
    """An assignment's marks; JSON by dataclasses.asdict."""

    assignment: str
    unsafe: bool
    students: tuple[Student, ...]


def report(course: Course, assignment: str, outcomes: Iterable[Outcome] = ()) -> Report:
    """The marks of all who handed an assignment in, from the gradebook.

    Args:
        course: the course.
        assignment: its name.
        outcomes: of a run that has just graded some of them.
    """
    marks = course.book.marks(assignment)
    by_student = {outcome.student: outcome for outcome in outcomes}
    students = []
    for name in sorted({*course.students(assignment), *marks}):
        student = _student(course, assignment, name, marks.get(name, {}))
        if outcome := by_student.get(name):
            student = replace(student, seconds=outcome.seconds)
            if outcome.status == "failed":
                student = replace(student, status="failed", problem=outcome.says)
        students.append(student)
    return Report(assignment, any(student.unsafe for student in students), tuple(students))


def _student(course: Course, assignment: str, name: str, marks: dict[Cell, Mark]) -> Student:
    notebooks = course.autograded(assignment, name)
    says = {}
    for notebook, found in notebooks.items():
        for cell in found.cells:
            cell_name = cell.metadata.get("nbgrader", {}).get("grade_id")
            says[notebook, cell_name] = str(cell.metadata.get("genlab", {}).get("says", ""))
    order = {cell: index for index, cell in enumerate(says)}
    tests = [
        Test(*cell, mark.score, mark.max_score, says.get(cell, ""), mark.by_hand)
        for cell, mark in sorted(marks.items(), key=lambda item: order.get(item[0], -1))
    ]
    penalty = sum({notebook: mark.penalty or 0 for (notebook, _), mark in marks.items()}.values())
    settings = [found.metadata.genlab for found in notebooks.values()]
    problem = " ".join(filter(None, (str(found.get("problem") or "") for found in settings)))
    if not notebooks:
        problem = f"Not graded yet: run genlab grade {assignment}."
    return Student(
        id=name,
        score=max(0.0, sum(test.score for test in tests) - penalty),
        max_score=sum(test.max_score for test in tests),
        status="graded" if notebooks else "failed",
        problem=problem,
        unsafe=any(found.get("unsafe") for found in settings),
        seconds=0.0,
        tests=tuple(tests),
    )


def table(found: Report) -> Group:
    """The marks, a student a row, under a heading."""
    heading = Text(f"{found.assignment}: marks", "bold")
    if found.unsafe:
        heading = Text(f"{heading}. {UNSAFE}", "bold red")
    made = Table(box=None, pad_edge=False)
    made.add_column("student")
    made.add_column("marks", justify="right")
    made.add_column("of", justify="right")
    made.add_column("")
    for student in found.students:
        by_hand = sum(test.by_hand for test in student.tests)
        notes = [f"{by_hand} to mark by hand."] if by_hand else []
        notes += [plain(student.problem)] if student.problem else []
        made.add_row(
            Text(plain(student.id)),
            "-" if student.status == "failed" else f"{student.score:g}",
            f"{student.max_score:g}",
            Text(" ".join(notes), "red" if student.status == "failed" else ""),
        )
    return Group(heading, made)

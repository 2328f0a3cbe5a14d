"""What nbgrader's gradebook says of an assignment, in a few queries for a whole class."""

import functools
import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import nbgrader.api
from nbformat import NotebookNode
from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    MissingEntry,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.dbutil import ALEMBIC_DIR
from nbgrader.utils import determine_grade, is_grade
from sqlalchemy.engine import make_url

# nbgrader opens the gradebook ten times for each submission: with one engine, statements are compiled once.
nbgrader.api.create_engine = functools.cache(nbgrader.api.create_engine)

Cell = tuple[str, str]  # a notebook's name, and a cell's in it


def _tables_version() -> str:
    """What version a new gradebook is of. nbgrader starts a program to find out, which takes seconds."""
    from alembic.script import ScriptDirectory

    return str(ScriptDirectory(ALEMBIC_DIR).get_current_head())


nbgrader.api.get_alembic_version = _tables_version


class Mark(NamedTuple):
    """What is recorded for one cell of a submission; the penalty is its notebook's, for lateness."""

    auto_score: float | None
    score: float
    max_score: float
    by_hand: bool
    penalty: float | None


class Book:
    """A gradebook; an empty one is made where there is none.

    Args:
        url: the database's.
        course: the course's name in it.
    """

    def __init__(self, url: str, course: str) -> None:
        self._url = url
        self._course = course

    def registered(self, assignment: str, cells: Mapping[str, set[str]]) -> bool:
        """Whether the gradebook knows an assignment by these cells, notebook by notebook.

        One that has been graded counts as known as it is: nbgrader lets nobody change it any more.
        """
        with self._open() as book:
            try:
                found = book.find_assignment(assignment)
            except MissingEntry:
                return False
            known = {
                notebook.name: {cell.name for cell in notebook.source_cells} for notebook in found.notebooks
            }
            return known == cells or bool(found.submissions)

    def marks(self, assignment: str) -> dict[str, dict[Cell, Mark]]:
        """All marks of an assignment, by student."""
        columns = [Grade.auto_score, Grade.score, Grade.max_score, Grade.needs_manual_grade]
        columns += [SubmittedNotebook.late_submission_penalty]
        marks: dict[str, dict[Cell, Mark]] = defaultdict(dict)
        for student, notebook, cell, *mark in self._query(Grade, columns, assignment):
            marks[student][notebook, cell] = Mark(*mark)
        return dict(marks)

    def comments(self, assignment: str) -> dict[str, list[tuple[str, str, str]]]:
        """All comments on an assignment, by student: notebook, cell and text."""
        comments = defaultdict(list)
        for student, *comment in self._query(Comment, [Comment.comment], assignment):
            comments[student].append(tuple(comment))
        return dict(comments)

    def _query(self, kind: type[Grade] | type[Comment], columns: list[Any], assignment: str) -> list[Any]:
        """Student, notebook, cell and further columns of all grades, or comments, of an assignment."""
        place = [SubmittedAssignment.student_id, Notebook.name, BaseCell.name]
        with self._open() as book:
            query = book.db.query(*place, *columns).select_from(kind)
            query = query.join(BaseCell, kind.cell_id == BaseCell.id)
            query = query.join(SubmittedNotebook, kind.notebook_id == SubmittedNotebook.id)
            query = query.join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
            query = query.join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            query = query.join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
            return list(query.filter(Assignment.name == assignment).order_by(*place))

    def _open(self) -> Gradebook:
        url = make_url(self._url)
        if url.get_backend_name() == "sqlite" and url.database and not os.path.exists(url.database):
            # Made under another name first: a kill must not leave half a gradebook.
            unfinished = Path(f"{url.database}.unfinished")
            unfinished.unlink(missing_ok=True)
            Gradebook(f"sqlite:///{unfinished}", self._course).close()
            os.replace(unfinished, url.database)
        return Gradebook(self._url, self._course)


def agrees(notebooks: Mapping[str, NotebookNode], marks: Mapping[Cell, Mark]) -> bool:
    """Whether a student's marks are those that their graded notebooks show."""
    return all(
        (found := marks.get((name, cell.metadata.nbgrader.grade_id))) is not None
        and found.auto_score == determine_grade(cell)[0]
        for name, notebook in notebooks.items()
        for cell in notebook.cells
        if is_grade(cell)
    )

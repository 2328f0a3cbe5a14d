"""The ``genlab`` command, run in a course's folder.

Students use ``genlab check``; the rest is the instructor's. Grading needs Linux and the packages of the
``course`` extra: they are imported by the commands that use them.
"""

import atexit
import gc
import json
import logging
import os
import signal
import sys
import time
import warnings
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

if TYPE_CHECKING:
    from genlab.grading.course import Course
    from genlab.grading.outcome import Outcome

EXIT_CODES = (
    "Ends with 0 if all is done; with 1 if something is left to do, which a message names; with 2 if nothing "
    "was handed in under that name, or there is no sandbox; with 130 if interrupted. Run again, it goes on."
)
PAUSE = 10  # seconds between two lines where no bar can be shown

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
screen = Console(stderr=True, soft_wrap=True)

Assignment = Annotated[str, typer.Argument(help="The assignment's name.", show_default=False)]
Assignments = Annotated[
    list[str] | None,
    typer.Argument(metavar="ASSIGNMENT", help="All that were handed in, if none is named."),
]
Students = Annotated[
    list[str] | None,
    typer.Option(help="Only these: ada,bob; can be repeated.", metavar="NAMES", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@app.command(epilog="Ends with 0 if all visible tests pass, with 1 if not.")
def check(
    notebook: Annotated[
        Path, typer.Argument(help="Such as exercises/gmm-em/gmm-em.ipynb.", show_default=False)
    ],
) -> None:
    """Run an exercise's notebook, as it was last saved; show which functions pass their visible tests."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a Windows console may lack the ticks
    try:
        from genlab.checks import results, trial
    except ImportError as error:
        screen.print(Text(f"genlab check needs: pip install 'genlab[course]' ({error})", "red"))
        raise typer.Exit(1) from None
    try:
        assignment = trial.read(notebook)
        with screen.status(f"Running {notebook.name}"):
            rows = results.rows(assignment, trial.run(assignment, notebook.parent))
    except trial.TrialFailed as failed:
        screen.print(Text(str(failed), "red"))
        raise typer.Exit(1) from None
    Console().print(results.table(rows, results.blanks(assignment)))
    if any(row.says for row in rows):
        raise typer.Exit(1)


@app.command(epilog=EXIT_CODES)
def grade(
    assignments: Assignments = None,
    students: Students = None,
    force: Annotated[bool, typer.Option("--force", help="Grade again what has not changed.")] = False,
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Run submissions WITHOUT the sandbox.")] = False,
    as_json: Json = False,
) -> None:
    """Grade what is new or has changed in submitted/."""
    with _course(unsafe, (assignments or [""])[0]) as course:
        from genlab.grading.batch import grade as outcomes_of
        from genlab.grading.report import UNSAFE, Report, report, table
        from genlab.grading.sandbox import namespaces_nest, require_sandbox

        if unsafe:
            _say(f"{UNSAFE}: they can read and change all that you can.", "bold white on red")
        else:
            require_sandbox()
            if not namespaces_nest():
                _say("Sandboxes do not nest here: each submission gets one from scratch, slower and as safe.")
        jobs = _jobs(course, assignments or course.assignments(), students)
        began = time.monotonic()
        reports: list[Report] = []
        outcomes: list[Outcome] = []
        for assignment, names in jobs.items():
            done = list(_shown(outcomes_of(course, assignment, names, force), assignment, len(names)))
            outcomes += done
            reports.append(report(course, assignment, done))
            if not as_json:
                _page().print(table(reports[-1]))
        failed = [outcome.student for outcome in outcomes if outcome.status == "failed"]
        if as_json:
            seconds = time.monotonic() - began
            graded = sum(outcome.status == "done" for outcome in outcomes)
            totals = {
                "graded": graded,
                "unchanged": len(outcomes) - graded - len(failed),
                "failed": len(failed),
                "seconds": seconds,
                "per_minute": 60 * graded / seconds,
            }
            _print_json({"assignments": [asdict(found) for found in reports], **totals})
        if failed:
            raise typer.Exit(1)


@app.command(epilog=EXIT_CODES)
def feedback(assignments: Assignments = None, students: Students = None) -> None:
    """Write a page for each graded submission, to feedback/."""
    with _course() as course:
        from genlab.grading.pages import write_pages

        done: list[Outcome] = []
        for assignment, names in _jobs(course, assignments or course.assignments(), students).items():
            with course.lock():
                done += _shown(write_pages(course, assignment, names), assignment, len(names))
        missing = [outcome for outcome in done if outcome.status == "failed"]
        for outcome in missing:
            _say(f"{outcome.student}: {outcome.says}", "red")
        if missing:
            raise typer.Exit(1)


@app.command(epilog=EXIT_CODES)
def report(assignment: Assignment, as_json: Json = False) -> None:
    """Show the marks so far, with those given by hand."""
    with _course() as course:
        from genlab.grading.report import report as report_of
        from genlab.grading.report import table

        course.register(assignment)
        found = report_of(course, assignment)
        if as_json:
            _print_json(asdict(found))
        else:
            _page().print(table(found))


@app.command(epilog=EXIT_CODES)
def release(assignment: Assignment) -> None:
    """Write an assignment as the students get it; then grade the solution.

    If the solution itself misses marks, a test is wrong, or uses what cannot be examined (figures, files that
    a function writes, its source): better known now than when the class is graded.
    """
    with _course() as course, course.lock():
        from genlab.grading.sandbox import SandboxUnavailable

        _say(f"{assignment}: released to {course.release(assignment)}")
        try:
            failures = list(course.failures(assignment))
        except SandboxUnavailable as unavailable:
            _say(f"Not tried whether the solution has full marks: {unavailable}", "yellow")
            return
        for name, verdict in failures:
            _say(f"{assignment}: the solution fails {name}. {verdict.says}\n{verdict.evidence}", "red")
        if failures:
            raise typer.Exit(1)


def main() -> None:
    """Run a command; what it has imported is left to the system, as to free it takes a third of a second."""
    try:
        app()
    except SystemExit as ended:
        with suppress(OSError):  # what could not be written is told by the usual way to end
            for stream in filter(None, (sys.stdout, sys.stderr)):  # None is one that was closed
                stream.flush()
            atexit._run_exitfuncs()
            os._exit(int(ended.code or 0))
        raise


@contextmanager
def _course(unsafe: bool = False, first: str | None = None) -> "Iterator[Course]":
    """The course in the current folder; what goes wrong with it ends the command, in a sentence.

    Args:
        unsafe: run submissions without the sandbox.
        first: the assignment that will be graded first, if any will be; "" if it is not known yet.
    """
    logging.disable()  # nbgrader logs what it also raises
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    course = None
    try:
        _prepare(first, unsafe)
        from sqlalchemy.exc import SQLAlchemyError

        from genlab.grading.course import Course, GradingError
        from genlab.grading.sandbox import SandboxUnavailable

        try:
            course = Course(Path.cwd(), unsafe)
            yield course
        except SandboxUnavailable as error:
            _say(str(error), "red")
            raise typer.Exit(2) from None
        except GradingError as error:
            _say(str(error), "red")
            raise typer.Exit(1) from None
        except (OSError, ValueError, SQLAlchemyError) as error:  # nbgrader's errors are ValueErrors
            remedy = course.remedy(error) if course else ""
            if not remedy:
                raise
            _say(remedy, "red")
            raise typer.Exit(1) from None
    except KeyboardInterrupt:
        _say("Interrupted. What was graded is kept: run this again, and it goes on from here.", "red")
        raise typer.Exit(130) from None


def _prepare(first: str | None, unsafe: bool) -> None:
    """Import what grading needs, while the processes that examine start."""
    gc.disable()  # what is imported stays: to look for garbage in it takes time, and as much again at the end
    try:
        from genlab.grading import workers

        if first is not None:
            heard = signal.signal(signal.SIGINT, signal.SIG_IGN)  # or each would tell that it was interrupted
            try:
                workers.warm("" if unsafe else first)
            finally:
                signal.signal(signal.SIGINT, heard)
        import genlab.grading.course  # noqa: F401
    except ImportError as error:
        _say(f"Grading needs Linux, and: pip install 'genlab[course]' ({error})", "red")
        raise typer.Exit(2) from None
    finally:
        gc.freeze()
        gc.enable()


def _jobs(course: "Course", assignments: Iterable[str], students: list[str] | None) -> dict[str, list[str]]:
    """Whose submissions are to be worked on, by assignment."""
    jobs = {assignment: course.students(assignment) for assignment in assignments}
    handed_in = {name for found in jobs.values() for name in found}
    names = [name for s in students or () for name in ([s] if s in handed_in else s.split(","))]
    missing = [f" by {name}" for name in names if name not in handed_in]
    missing += [f" for {assignment}" for assignment, found in jobs.items() if not found]
    if missing or not jobs:
        where = f"{course.directory.submitted_directory}/<student>/<assignment>/"
        _say(f"Nothing was handed in{' or'.join(missing)}: submissions are in {where}", "red")
        raise typer.Exit(2)
    return {name: [s for s in found if not names or s in names] for name, found in jobs.items()}


def _shown(outcomes: "Generator[Outcome]", what: str, total: int) -> "Iterator[Outcome]":
    """Pass outcomes on, and show meanwhile how many there are, at what rate, and the time left."""
    began = said = time.monotonic()
    worked = 0
    columns = TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[told]}")
    bar = Progress(*columns, console=screen, disable=not screen.is_terminal, transient=True)
    with closing(outcomes), bar as progress:
        task = progress.add_task(what, total=total, told="")
        for done, outcome in enumerate(outcomes, start=1):
            now = time.monotonic()
            worked += outcome.status != "unchanged"
            rate = worked / (now - began)
            pace = f"{60 * rate:.0f} a minute" if worked else ""
            left = f"{(total - done) / rate:.0f} s left" if worked and done < total else ""
            told = ", ".join(filter(None, [f"{done} of {total}", pace, left]))
            progress.update(task, completed=done, told=told)
            if not screen.is_terminal and (now - said > PAUSE or done == total):
                _say(f"{what}: {told}")
                said = now
            yield outcome


def _page() -> Console:
    """Where tables go; in a file or a pipe, lines are as long as they are."""
    page = Console()
    return page if page.is_terminal else Console(width=1000)


def _say(sentence: str, style: str = "") -> None:
    from genlab.grading.outcome import plain

    screen.print(Text("\n".join(plain(line) for line in sentence.splitlines()), style))


def _print_json(document: Any) -> None:
    print(json.dumps(document, indent=1))

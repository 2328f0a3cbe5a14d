"""A class, graded: notebooks are examined side by side, and one writer fills the gradebook."""

import functools
import json
import time
import traceback
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass

from genlab.grading.course import Course, GradingError
from genlab.grading.gradebook import Cell, Mark, agrees
from genlab.grading.outcome import Outcome
from genlab.grading.reading import recordable
from genlab.grading.store import private
from genlab.grading.work import key
from genlab.grading.workers import Died, Workers, cores, examine, local
from genlab.unavailable import UNAVAILABLE

ATTEMPTS = 3  # at writing; at a gradebook that is locked, nbgrader waits five seconds each time


@dataclass
class _Submission:
    student: str
    keys: set[str]  # of its notebooks' results
    missing: set[str]  # the results to come
    outdated: set[str]  # results of what was handed in before
    seconds: float = 0.0


def grade(
    course: Course,
    assignment: str,
    students: Sequence[str] | None = None,
    force: bool = False,
    executor: Callable[[], Executor] | None = None,
) -> Generator[Outcome]:
    """Grade an assignment; what is graded already, and has not changed, is left as it is.

    Ended at any point, a further call goes on from there.

    Args:
        course: the course.
        assignment: the assignment's name.
        students: whom to grade; if None, all who handed it in.
        force: examine and write everything anew.
        executor: makes what the work is handed to, and makes it again when its processes were killed;
            if None, processes on all cores.

    Yields:
        What was done for a student, as soon as it is done.

    Raises:
        GradingError: nobody can be graded, or nobody further; the message tells why, and the remedy.
    """
    try:
        with course.lock():
            here = functools.partial(local, UNAVAILABLE.get(assignment, ()), course.unsafe)
            workers = Workers(examine, executor or here, ahead=2 * cores() + 2)
            batch = _Batch(course, assignment, force, workers)
            try:
                course.register(assignment)
                yield from batch.run(course.students(assignment) if students is None else students)
            finally:
                batch.stop()
    except Exception as error:
        raise GradingError(course.remedy(error) or f"{assignment}: {_words(error)}") from error


class _Batch:
    def __init__(self, course: Course, assignment: str, force: bool, workers: Workers) -> None:
        self.course = course
        self.assignment = assignment
        self.force = force
        self.workers = workers
        self.waiting: dict[str, list[_Submission]] = defaultdict(list)  # by the key of a missing result
        self.ready: deque[_Submission] = deque()
        self.unsettled: dict[str, bytes] = {}  # results that are not to be found again by a later run
        self.failed: set[str] = set()

    def run(self, students: Sequence[str]) -> Iterator[Outcome]:
        """Keep the workers busy, and meanwhile write what is ready."""
        marks = self.course.book.marks(self.assignment)
        left = deque(students)
        while left or self.workers.busy or self.ready:
            yield from self._collect(block=not self.ready and (self.workers.full or not left))
            if left and not self.workers.full and len(self.ready) < 2:
                student = left.popleft()
                if not recordable(student):
                    says = (
                        "Not graded: no gradebook can hold its name. Rename the folder, and run this again."
                    )
                    yield Outcome(student, "failed", says)
                    continue
                try:
                    if self._open(student, marks.get(student, {})):
                        yield Outcome(student, "unchanged")
                except Exception as error:
                    yield self._failed(student, error)
            elif self.ready:
                yield self._write(self.ready.popleft())

    def stop(self) -> None:
        """Keep what has been found out, and end what is at work."""
        with suppress(OSError):
            for name, result in self.workers.results(block=False):
                if isinstance(result, bytes):
                    self._keep(name, result)
        self.workers.stop()

    def _keep(self, name: str, result: bytes) -> float:
        """Keep a result; returns the seconds that it took."""
        fields = json.loads(result)
        if fields["settled"]:
            self.course.store.put(name, result)
        else:
            self.unsettled[name] = result
        return float(fields["seconds"])

    def _open(self, student: str, marks: dict[Cell, Mark]) -> bool:
        """See what of a submission must be examined; returns whether nothing is to be done."""
        works = {}
        for notebook in self.course.notebooks(self.assignment):
            content = self.course.work(self.assignment, student, notebook).to_bytes()
            works[notebook] = key(content), content
        keys = {notebook: name for notebook, (name, _) in works.items()}
        graded = self.course.autograded(self.assignment, student)
        before = {notebook: found.metadata.genlab["key"] for notebook, found in graded.items()}
        if keys == before and not self.force and agrees(graded, marks):
            return True
        outdated = set(filter(None, before.values())) - set(keys.values())
        opened = _Submission(student, set(keys.values()), set(), outdated)
        for name, content in works.values():
            if self.force or self.course.store.get(name) is None:
                opened.missing.add(name)
                self.waiting[name].append(opened)
                if len(self.waiting[name]) == 1:  # of equal submissions, one is examined
                    self.workers.put(name, content)
        if not opened.missing:
            self.ready.append(opened)
        return False

    def _collect(self, block: bool) -> Iterator[Outcome]:
        for name, result in self.workers.results(block):
            waiting = self.waiting.pop(name)
            if isinstance(result, Exception):
                yield from [self._failed(o.student, result) for o in waiting if o.student not in self.failed]
                continue
            seconds = self._keep(name, result)
            for opened in waiting:
                opened.missing.remove(name)
                opened.seconds += seconds
                if not opened.missing:
                    self.ready.append(opened)

    def _write(self, opened: _Submission) -> Outcome:
        for attempt in range(ATTEMPTS):
            try:
                for name in opened.keys & self.unsettled.keys():
                    self.course.store.put(name, self.unsettled[name])  # for one reading
                if attempt:
                    self.course.register(self.assignment)  # as somebody may have removed the gradebook
                self.course.write(self.assignment, opened.student)
                break
            except Exception as error:
                if attempt == ATTEMPTS - 1:
                    return self._failed(opened.student, error)
        for name in opened.outdated:
            self.course.store.discard(name)
        return Outcome(opened.student, "done", seconds=opened.seconds)

    def _failed(self, student: str, error: Exception) -> Outcome:
        """One submission could not be graded; an error that would meet all others too ends the run."""
        if self.course.remedy(error):
            raise error
        self.failed.add(student)
        log = self.course.store.folder / "errors.log"
        with suppress(OSError), open(log, "a", errors="backslashreplace", opener=private) as file:
            print(time.ctime(), self.assignment, student, *traceback.format_exception(error), file=file)
        return Outcome(student, "failed", f"Not graded: {_words(error)}. Run this again; more is in {log}")


def _words(error: Exception) -> str:
    if isinstance(error, Died):
        return f"{error} while examining it, perhaps for lack of memory"
    last = (str(error).strip().splitlines() or [""])[-1]  # of a traceback, what happened
    return f"{type(error).__name__}: {last}".removesuffix(".")

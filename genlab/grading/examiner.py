"""Runs the instructor's cells and the tests. Never a line of the student's: that is asked for its answers."""

import builtins
import copy
import random
import signal
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import matplotlib.pyplot  # noqa: F401, what instructors' cells import: so every fork has it
import numpy as np
import scipy.linalg  # noqa: F401
import threadpoolctl
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from nbformat.v4 import new_output

import genlab.datasets
import genlab.plot  # noqa: F401
from genlab.checks import CheckFailed
from genlab.checks.catalogue import recognise, visible, visible_lines
from genlab.grading import instructor, shell, standins
from genlab.grading.candidate.encode import Frame
from genlab.grading.candidate.respond import Printed
from genlab.grading.candidate.wire import WireError
from genlab.grading.failure import Failure
from genlab.grading.rehearsal import is_test
from genlab.grading.sanitize import harmless
from genlab.grading.snapshot import UNREADABLE, NoAnswer, Snapshot, TimeUp
from genlab.grading.work import Verdict, Work

PATIENCE = 10.0  # seconds in which a copy must say what it holds
AGAIN = 0.1  # of its time is what gets somebody who did not answer before
STOPPED = (Exception, SystemExit, NoAnswer, TimeUp)  # whatever the student's code may bring about
_MISSING = object()


class Examiner:
    """Examines a candidate.

    Args:
        work: what is examined.
        channels: for each test the socket to the copy of the candidate that was set aside for it.
        unreached: the tests for which there is none, with the reason.
    """

    def __init__(
        self, work: Work, channels: Mapping[str, socket.socket], unreached: Mapping[str, str]
    ) -> None:
        self.work = work
        self.channels = channels
        self.unreached = unreached
        self.tests = {cell.metadata.nbgrader.grade_id: cell for cell in work.notebook.cells if is_test(cell)}
        self.solutions = [cell.source for cell in work.source.cells if instructor.is_solution(cell)]
        self.students = instructor.students(work.source)
        self.namespace = shell.shell().user_ns
        self.snapshot: Snapshot | None = None
        self.functions: dict[Any, Any] = {}  # stand-ins by what the candidate knows them by
        self.classes: dict[str, type] = {}
        self.bound: dict[str, Any] = {}  # what each of the student's names was given
        self.patience = PATIENCE
        self.hung: set[str] = set()  # names whose functions did not end
        self.trouble = ""  # with the instructor's cells
        self.found: dict[str, Verdict] = {}
        self.failed: set[str] = set()  # tests of which a visible part may have failed
        # A test without a hidden part, too, may be answered with what another's asked: they share a sandbox.
        self.secret = any(self._hides(cell.source) for cell in self.tests.values())

    def verdicts(self) -> Iterator[tuple[str, Verdict]]:
        """Run everything, in the instructor's order; yields each test's name with the verdict."""
        for name, before in self._steps():
            self.found[name] = self._verdict(name, before)
            yield name, self.found[name]

    def told(self, channels: Mapping[str, socket.socket]) -> Iterator[tuple[str, Verdict]]:
        """Run the tests as the student has them; yields verdicts on failed ones that may be told in full.

        A hidden part must not speak through what is told in full. So this asks another candidate, which no
        hidden part has asked anything, and begins anew, without what hidden parts have left in names.

        Args:
            channels: for each test the socket to the copy of that other candidate.
        """
        notebook = copy.deepcopy(self.work.notebook)
        for cell in filter(is_test, notebook.cells):
            cell.source = visible(cell.source, *self.work.hidden)
        shell.shell().reset(new_session=False)
        random.seed()
        np.random.seed()  # noqa: NPY002
        again = Examiner(replace(self.work, notebook=notebook), channels, {})
        again.hung = self.hung
        left = set(self.failed)
        for name, verdict in again.verdicts():
            if name in left and verdict.evidence:
                yield name, replace(self.found[name], says=verdict.says)
            left.discard(name)
            if not left:
                break

    def _steps(self) -> Iterator[tuple[str, list[str]]]:
        """Run the instructor's cells; yields each test, with those before it that use the student's names."""
        sources = {name: cell.source for name, cell in self.tests.items()}
        before: list[str] = []
        shell.run(_imports(self.solutions))
        for cell in instructor.needed(self.work.source, sources, self.students):
            if is_test(cell):
                yield cell.metadata.nbgrader.grade_id, before
                before = []
                del sources[cell.metadata.nbgrader.grade_id]
            elif instructor.mentions(cell.source) & self.students:
                before.append(cell.source)
            elif error := shell.error(shell.run(cell.source)):
                failed = f"{type(error).__name__}: {error}"
                self.trouble += f"A given cell failed in the grader ({failed}):\n{cell.source}\n\n"
        yield from ((name, before) for name in sources)  # tests that the instructor's notebook no longer has

    def _verdict(self, name: str, before: list[str]) -> Verdict:
        cell = self.tests[name]
        points = float(cell.metadata.nbgrader.points)
        if name in self.unreached:
            return Verdict(0.0, self.unreached[name])
        outcome = self._guarded(name, cell.source, before)
        if isinstance(outcome, Failure):
            shown = visible_lines(cell.source, *self.work.hidden)
            hidden = self._hides(cell.source)
            says = outcome.for_student(self.secret, "A hidden test" if hidden else "This test")
            if hidden and (idea := self._idea(outcome.error)) not in says:
                says = f"{says}\n{idea}"
            if self.secret and not outcome.passed(shown):
                self.failed.add(name)
            return Verdict(0.0, says, self.trouble + outcome.evidence)
        if outcome is not None and outcome < points:
            return Verdict(outcome, "Only a part of this test passed.")
        return Verdict(points)

    def _hides(self, source: str) -> bool:
        return visible(source, *self.work.hidden) != source

    def _idea(self, error: BaseException) -> str:
        """What is to be said of the wrong idea behind a wrong answer, if it is one of the catalogue's."""
        if not self.work.ideas or not isinstance(error, CheckFailed):
            return ""
        code = "\n".join([self.work.ideas, *self.solutions])  # an idea may build on right functions
        try:
            with _alarm(PATIENCE):
                return recognise(code, error)
        except STOPPED:
            return ""

    def _guarded(self, name: str, source: str, before: list[str]) -> Failure | float | None:
        try:
            return self._attempt(name, source, before)
        except STOPPED as failed:  # of ours: it must not cost the other tests
            return Failure(NoAnswer("The grader failed at this test: tell your instructor."), source, failed)

    def _attempt(self, name: str, source: str, before: list[str]) -> Failure | float | None:
        """Run a test once; returns its failure, or the points that it declares, or None if it passed."""
        seconds = float(self.work.cell_seconds)
        if self.hung & instructor.mentions(source):
            seconds = max(1.0, AGAIN * seconds)
        printed = Printed()
        snapshot = Snapshot(self.channels[name], self._resolve)
        self.snapshot = snapshot
        snapshot.classes, snapshot.known, snapshot.names = self.classes, self.students, self._names
        snapshot.mentioned = {name for text in [*before, source] for name in instructor.mentions(text)}
        result, error = None, None
        try:
            with _alarm(min(seconds, self.patience)):
                self._bind(instructor.mentions(source))
            with _alarm(seconds):
                for earlier in before:
                    shell.run(earlier, printed)
                result = shell.run(source, printed)
            error = shell.error(result)
        except (NoAnswer, TimeUp) as stopped:
            error = stopped
        if result is None and snapshot.hung:
            self.patience = AGAIN * PATIENCE
        self.channels[name].close()  # which ends the copy, unless it hangs
        if snapshot.hung:
            self.hung |= instructor.mentions(source) & self.students
        if isinstance(error, TimeUp):
            error = NoAnswer(
                "The test did not end in time: does it wait for something that never comes true?"
            )
        if error is None and snapshot.broken:
            error = NoAnswer(snapshot.broken)
        if error is not None:
            return Failure(error, source, snapshot)
        value: Any = result.result if result else None
        if instructor.declares_points(source, self.students):
            if isinstance(value, (np.ndarray, complex)):  # a sum of comparisons, with what a function gave
                said = "The points came out as no number: does a function return an array in place of one?"
                return Failure(NoAnswer(said), source, snapshot)
            if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
                return float(value) if value > 0 else 0.0
        return None

    def _bind(self, mentioned: Set[str]) -> None:
        """Give the student's names their stand-ins, unless an earlier test has bound them otherwise."""
        snapshot = self._current()
        names = sorted(self.students)
        self.sent: dict[str, Any] = {}
        found = snapshot.look(names)
        for name in names:
            how, value = found.get(name, ("missing", _MISSING))
            if how == "error" and name in mentioned:
                snapshot.give_up(f"{name} cannot be examined. {UNREADABLE}", str(value))
            value = value if how == "value" else _MISSING
            kept = name not in self.bound or self.namespace.get(name, _MISSING) is self.bound[name]
            self.bound[name] = value
            if kept:
                self.namespace.pop(name, None)
                if value is not _MISSING:
                    self.namespace[name] = value

    def _names(self, frame: Frame) -> list[Any]:
        """Tell the candidate what the test has deleted, or bound to something else, since the last call."""
        told = []
        for name, own in self.bound.items():
            now = self.namespace.get(name, _MISSING)
            if now is self.sent.get(name, own):
                continue
            self.sent[name] = now
            if now is own:
                told.append([name, "restore", None])
            elif now is _MISSING:
                told.append([name, "delete", None])
            else:
                told.append([name, "bind", frame.encode(now)])
        return told

    def _current(self) -> Snapshot:
        assert self.snapshot is not None
        return self.snapshot

    def _resolve(self, tag: str, content: Any) -> Any:
        """Make, or find, what stands for something of the student's."""
        if tag == "function":
            key, name, doc = content
            return self._known(
                ("function", key, name), lambda: standins.function(self._current, key, name, doc)
            )
        if tag == "iterator":
            return standins.Items(self._current, content[0])
        if tag == "instance":
            return standins.instance(self.classes[content[1]], content[0])
        if tag == "class":
            key, name, bases, special, types = content
            if name not in self.students:  # the name of what a hidden test caught is told
                raise WireError("what came is not a value: nobody asked for such a class")
            made = tuple(self.classes[base] for base in bases[:1]) or _exceptions(types)
            self.classes[name] = self._known(
                ("class", key, name, tuple(bases), tuple(special)),
                lambda: standins.kind(self._current, key, name, made, special),
            )
            return self.classes[name]
        raise WireError("what came is not a value")

    def _known(self, key: Any, make: Callable[[], Any]) -> Any:
        if key not in self.functions:
            self.functions[key] = make()
        return self.functions[key]


def _imports(solutions: Iterable[str]) -> str:
    """What solution cells import, which tests may lean on."""
    return "\n".join(map(instructor.imports, solutions))


def _exceptions(types: list[str]) -> tuple[type, ...]:
    """The built-in exception that a class of the student's derives from, if any."""
    for name in types:
        known = getattr(builtins, str(name).rpartition(".")[2], None)
        if isinstance(known, type) and issubclass(known, Exception):
            return (known,)
    return ()


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """End what goes on too long."""

    def ring(*_: Any) -> None:
        raise TimeUp

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


_warmed: set[tuple[str, ...]] = set()


def warm(work: Work) -> None:
    """Do once, before a fork, what every examiner of this assignment would do again."""
    cells = [*work.source.cells, *filter(is_test, work.notebook.cells)]
    sources = tuple(cell.source for cell in cells)
    if sources in _warmed:
        return
    _warmed.add(sources)
    KernelProvisionerFactory.instance()  # looks through all packages installed
    new_output("stream")  # has nbformat compile its schema
    harmless(work.source)  # renders the texts, which are in every submission
    threadpoolctl.threadpool_limits(1)
    students = instructor.students(work.source)
    given: list[str] = []
    solutions: list[str] = []
    for cell in cells:
        if cell.cell_type == "code":
            instructor.defines(cell.source)
            instructor.mentions(cell.source)
            instructor.declares_points(cell.source, students)
            (solutions if instructor.is_solution(cell) else given).append(cell.source)
    shell.prepare([_imports(solutions), *given])

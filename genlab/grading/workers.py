"""Work handed to the processes of an executor, which may be killed at any moment."""

import functools
import multiprocessing
import os
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from typing import Any

from genlab.grading import candidates
from genlab.grading.sandbox import SandboxUnavailable

ATTEMPTS = 3  # for work during which the process ended


class Died(RuntimeError):
    """The process ended each time it was given some work."""


@dataclass
class _Piece:
    name: str
    work: bytes
    attempts: int = 0


class Workers:
    """Runs a function on pieces of work, side by side.

    Args:
        function: bytes in, bytes out.
        executor: makes what the work is handed to, and makes it again when its processes were killed.
        ahead: how many pieces are handed out at once: enough for no process to wait.
    """

    def __init__(
        self, function: Callable[[bytes], bytes], executor: Callable[[], Executor], ahead: int
    ) -> None:
        self._function = function
        self._make = executor
        self._ahead = ahead
        self._executor: Executor | None = None
        self._queue: deque[_Piece] = deque()
        self._suspects: deque[_Piece] = deque()  # were at work when a process died
        self._running: dict[Future[bytes], tuple[_Piece, Executor]] = {}

    @property
    def busy(self) -> bool:
        """Whether results are still to come."""
        return bool(self._queue or self._suspects or self._running)

    @property
    def full(self) -> bool:
        """Whether there is work enough for now."""
        return len(self._queue) + len(self._suspects) + len(self._running) >= self._ahead

    def put(self, name: str, work: bytes) -> None:
        """Hand out a piece of work."""
        self._queue.append(_Piece(name, work))
        self._start()

    def results(self, block: bool) -> Iterator[tuple[str, bytes | Exception]]:
        """The names and results, or exceptions, of work that has ended.

        Args:
            block: wait until some has.
        """
        if block and self._running:
            wait(self._running, return_when=FIRST_COMPLETED)
        for future in [future for future in self._running if future.done()]:
            piece, executor = self._running.pop(future)
            error = BrokenExecutor() if future.cancelled() else future.exception()
            if error is None:
                yield piece.name, future.result()
            elif not isinstance(error, BrokenExecutor):
                yield piece.name, error if isinstance(error, Exception) else RuntimeError(repr(error))
            elif piece.attempts + 1 < ATTEMPTS:
                self._forget(executor)
                self._suspects.append(_Piece(piece.name, piece.work, piece.attempts + 1))
            else:
                self._forget(executor)
                yield piece.name, Died(f"the process ended {ATTEMPTS} times")
        self._start()

    def stop(self) -> None:
        """End everything at once."""
        if self._executor:
            self._executor.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children() if self.busy else ():
                process.kill()

    def _start(self) -> None:
        # Suspects work alone: if the process dies again, it is known which one it was.
        while (self._suspects and not self._running) or (self._queue and not self._suspects):
            pieces = self._suspects or self._queue
            executor = self._executor = self._executor or self._make()
            try:
                future = executor.submit(self._function, pieces[0].work)
            except BrokenExecutor:
                self._forget(executor)
                continue
            self._running[future] = pieces.popleft(), executor

    def _forget(self, executor: Executor) -> None:
        if executor is self._executor:
            executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None


def examine(work: bytes) -> bytes:
    """Examine a notebook, and import what that needs only here, where it is done."""
    from genlab.grading.examination import examine

    return examine(work)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def local(unavailable: Sequence[str], unsafe: bool) -> Executor:
    """Processes on all cores of this machine, for work of one kind: they share a nursery.

    Args:
        unavailable: the modules that the work's assignment makes unavailable.
        unsafe: it runs without the sandbox.
    """
    warm()
    shared = candidates.nursery(unavailable, unsafe)
    context = multiprocessing.get_context("forkserver")
    begin = functools.partial(_begin, context.Value("i", 0), unavailable, shared.requests)
    return ProcessPoolExecutor(cores(), context, initializer=begin)


def warm(assignment: str = "") -> None:
    """Start what local() needs, which imports for a second or two, while others go on.

    Args:
        assignment: what will be graded first, in the sandbox; "" if that is not known.
    """
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a worker has one core, and threads that are made wait busily
    multiprocessing.set_forkserver_preload([__name__, "genlab.grading.examination"])
    forkserver.ensure_running()
    if assignment:
        from genlab.unavailable import UNAVAILABLE

        with suppress(SandboxUnavailable):  # which is told when the sandbox is needed
            candidates.nursery(UNAVAILABLE.get(assignment, ()))


def _begin(started: Any, unavailable: Sequence[str], requests: socket.socket | None) -> None:
    if requests is not None:
        candidates.adopt(unavailable, requests)
    # Examiner and candidate take turns: on one core, they need not wake another one up each time.
    with started:
        mine = sorted(os.sched_getaffinity(0))[started.value % cores()]
        started.value += 1
    os.sched_setaffinity(0, {mine})
    # Interrupted at the keyboard, the process that hands out the work ends this one. (A handler, as
    # being deaf to the signal would be passed on to every program that is started from here.)
    signal.signal(signal.SIGINT, lambda *_: None)
    threading.Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    """End with the process that hands out the work, even if that was killed."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)

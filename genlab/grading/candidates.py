"""Candidates: kernels in the sandbox, ready when they are needed.

A nursery, warm with what courses import, lives in the sandbox and forks one candidate a submission, each in
namespaces of its own. Where the machine forbids those, a nursery serves one candidate only: slower, as safe.
"""

import atexit
import base64
import json
import os
import select
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from genlab.grading.sandbox import (
    ENVIRONMENT,
    HOME,
    INSIDE,
    LIMITS,
    PROCESSES,
    SOCKETS,
    SPACE,
    namespaces_nest,
    python,
    require_sandbox,
    roots,
    sandbox,
)

LAST_WORDS = 2.0  # seconds in which a kernel that hung up is told to have ended, if it has


class CandidateFailed(RuntimeError):
    """A candidate did not start, or was ended from outside."""


@dataclass
class Candidate:
    """A kernel with the student's code, seen from outside.

    Attributes:
        control: tells "started", "ended", "killed" (a process was, by a signal that nobody can withstand) and
            "accounted"; takes "interrupt", "kill" and "account"; closed, it ends the candidate.
        asides: takes names of tests, in JSON, for which the kernel is to set copies aside; gives "done".
        channels: for each test the socket to the copy set aside for it.
        sockets: a descriptor of the folder of the kernel's own sockets, once it has started.
        heard: what it has told since it started; b"" is its end.
    """

    control: socket.socket
    asides: socket.socket
    channels: dict[str, socket.socket]
    sockets: int = -1
    heard: set[bytes] = field(default_factory=set)

    def started(self, seconds: float) -> None:
        """Wait until the kernel listens.

        Raises:
            CandidateFailed: it does not.
        """
        self.control.settimeout(seconds)
        try:
            text, files, _, _ = socket.recv_fds(self.control, 2000, 1)
        except TimeoutError:
            text, files = b"it took too long", []
        self.control.setblocking(False)
        if text != b"started" or len(files) != 1:
            raise CandidateFailed(f"the student's kernel did not start ({text.decode(errors='replace')})")
        self.sockets = files[0]

    def alive(self) -> bool:
        """Say whether the kernel still runs."""
        self._hear()
        return not self.heard & {b"ended", b""}

    def set_aside(self, tests: Sequence[str], seconds: float) -> bool:
        """Have the kernel, between cells, set a copy of itself aside for each test; say whether it did."""
        end = time.monotonic() + seconds
        with suppress(OSError):
            self.asides.send(json.dumps(tests).encode())
            while not select.select([self.asides], [], [], 0)[0]:
                if not self.alive() or (left := end - time.monotonic()) <= 0:
                    return False
                select.select([self.asides, self.control], [], [], left)
            if self.asides.recv(10) == b"done":
                return True
        # Who hangs up may be about to die, killed by others. That is to be told before it is ordered to end.
        self._wait_for(b"ended", LAST_WORDS)
        return False

    def fared(self, seconds: float) -> Literal["well", "killed", "lost"]:
        """Say at the end how it fared.

        What was not answered may be no fault of the student's if a process was killed, which the student's
        code may have done itself; and is none if the candidate as a whole was lost.
        """
        for channel in self.channels.values():
            channel.close()  # which ends the copies
        self.order(b"account")
        self._wait_for(b"accounted", seconds)
        if b"accounted" not in self.heard:
            return "lost"
        return "killed" if b"killed" in self.heard else "well"

    def _wait_for(self, word: bytes, seconds: float) -> None:
        """Listen until this is told, or the candidate is gone."""
        end = time.monotonic() + seconds
        self._hear()
        while not self.heard & {word, b""} and (left := end - time.monotonic()) > 0:
            select.select([self.control], [], [], left)
            self._hear()

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            while b"" not in self.heard:
                try:
                    self.heard.add(self.control.recv(100))
                except ConnectionError:
                    self.heard.add(b"")

    def order(self, what: bytes) -> None:
        """Send "interrupt" or "kill"; to a kernel that has ended, in vain."""
        with suppress(OSError):
            self.control.send(what)

    def close(self) -> None:
        """End it, with all its copies."""
        for end in (self.control, self.asides, *self.channels.values()):
            end.close()
        if self.sockets >= 0:
            os.close(self.sockets)
            self.sockets = -1


class Nursery:
    """Starts candidates.

    Args:
        unavailable: names of modules that are not there to import.
        unsafe: without a sandbox: candidates can read and do whatever the grader can.
        requests: the socket to one that another process has started, and that serves for as long as it runs.

    Raises:
        SandboxUnavailable: bubblewrap is missing or may not make a sandbox here.
    """

    def __init__(
        self, unavailable: Sequence[str] = (), unsafe: bool = False, requests: socket.socket | None = None
    ) -> None:
        self.unavailable = tuple(unavailable)
        self.unsafe = unsafe
        self.requests = requests
        self.folder = tempfile.TemporaryDirectory(prefix="genlab-") if unsafe else None
        if self.folder:
            shutil.copytree(INSIDE, Path(self.folder.name, "candidate"))
        if not unsafe and requests is None:
            require_sandbox()
        self.shared = requests is not None or (not unsafe and namespaces_nest())
        self.process: subprocess.Popen[bytes] | None = None

    def ready(self) -> None:
        """Start to warm up, if it is to be shared and does not run yet, or no more."""
        if self.shared and not self._runs():
            self.close()
            self._start()

    def _runs(self) -> bool:
        if self.requests is None or (self.process is not None and self.process.poll() is not None):
            return False
        ended = select.poll()
        ended.register(self.requests, 0)
        return not ended.poll(0)

    def launch(
        self,
        files: Mapping[str, bytes],
        connection: Mapping[str, object],
        tests: Sequence[str],
        figures: bool,
    ) -> Candidate:
        """Start a candidate.

        Args:
            files: what is in its working directory.
            connection: the kernel's connection information.
            tests: their names, in order.
            figures: draw them.
        """
        if not self.shared:
            self.close()
            self._start()
        home, sockets = HOME, SOCKETS
        if self.folder:
            home, sockets = (tempfile.mkdtemp(dir=self.folder.name) for _ in range(2))
        request = {
            "files": {name: base64.b64encode(data).decode() for name, data in files.items()},
            "connection": {**connection, "ip": f"{sockets}/socket"},
            "tests": list(tests),
            "figures": figures,
            "space": SPACE,
            "keep": [root for root in roots() if any(Path(root).is_relative_to(path) for path in SPACE)],
            "home": home,
            "sockets": sockets,
            "cores": sorted(os.sched_getaffinity(0)),  # ours: the two take turns
            "limits": LIMITS | {"nproc": PROCESSES + 2 * len(tests)},
        }
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        asides, names = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        asides.setblocking(False)  # a kernel need not read what it is sent
        pairs = {name: socket.socketpair() for name in tests}
        text = os.memfd_create("request")
        with open(text, "w", closefd=False) as file:
            json.dump(request, file)
        os.lseek(text, 0, os.SEEK_SET)
        given = [theirs.fileno(), text, names.fileno(), *(there.fileno() for _, there in pairs.values())]
        assert self.requests is not None
        try:
            socket.send_fds(self.requests, [b"\n"], given)
        finally:
            os.close(text)
            theirs.close()
            names.close()
            for _, there in pairs.values():
                there.close()
        return Candidate(control, asides, {name: here for name, (here, _) in pairs.items()})

    def _start(self) -> None:
        self.requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        arguments = [str(theirs.fileno()), str(int(self.shared)), *self.unavailable]
        code = "from candidate import nursery; nursery.main()"
        if self.folder:
            command = [*python(code, self.folder.name), *arguments]
        else:
            command = [*sandbox(self.unavailable), *python(code), *arguments]
        quiet = subprocess.DEVNULL
        environment = {**os.environ, **ENVIRONMENT} if self.folder else None
        with theirs:
            self.process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                stdin=quiet,
                stdout=quiet,
                stderr=quiet,
                env=environment,
            )

    def close(self) -> None:
        """End it, and all its candidates, unless it is another process's."""
        if self.requests is not None:
            self.requests.close()
            self.requests = None
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def remove(self) -> None:
        """End it for good."""
        self.close()
        if self.folder:
            self.folder.cleanup()


_nurseries: dict[tuple[tuple[str, ...], bool], Nursery] = {}


def nursery(unavailable: Sequence[str] = (), unsafe: bool = False) -> Nursery:
    """The nursery for candidates of this kind, getting warm; this process has one at a time."""
    kind = tuple(unavailable), unsafe
    if kind not in _nurseries:
        close()
        _nurseries[kind] = Nursery(*kind)
    _nurseries[kind].ready()
    return _nurseries[kind]


def adopt(unavailable: Sequence[str], requests: socket.socket) -> None:
    """Use a nursery that another process has started."""
    close()
    _nurseries[tuple(unavailable), False] = Nursery(unavailable, False, requests)


@atexit.register
def close() -> None:
    """End the nursery."""
    for nursery in _nurseries.values():
        nursery.remove()
    _nurseries.clear()

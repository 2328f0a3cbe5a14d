"""A copy of the candidate that was set aside for a test, as the examiner sees it."""

import builtins
import hashlib
import socket
import sys
import threading
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, NoReturn

import numpy as np

from genlab.grading.candidate.decode import Reader
from genlab.grading.candidate.encode import Frame
from genlab.grading.candidate.table import RANDOM, Table, global_state
from genlab.grading.candidate.wire import WireError, lengths
from genlab.grading.generators import advance
from genlab.grading.sandbox import INSIDE

UNREADABLE = (
    "What the function gave cannot be examined: only numbers, strings, arrays, lists and the like, "
    "functions and generators can."
)
TOO_LARGE = (MemoryError, OverflowError)
GONE = "The function ended the process that it ran in, or used too much memory."


class CannotCross(TypeError):
    """What the student's code returned, or the test gave, is no data."""


class TimeUp(BaseException):
    """A test has taken all its time. Raised by an alarm, wherever the test is."""


class NoAnswer(BaseException):
    """The candidate does not answer, or not in the way that it must. No test can go on from that."""


class Snapshot:
    """Asks the candidate's copy; each answer is plain data.

    A test in which something could not cross, or was not answered, cannot pass, whatever it catches: `broken`
    says what happened.

    Args:
        channel: the socket to it.
        resolve: called with a tag and content that stand for something of the student's that is no data.
    """

    def __init__(self, channel: socket.socket, resolve: Callable[[str, Any], Any]) -> None:
        self.channel = channel
        self.resolve = resolve
        self.table = Table(0)
        self.one = threading.RLock()  # thread at a time, if a test has several
        self.functions: list[Callable[..., Any]] = []  # of the examiner's, that the student's code was given
        self.numbers: dict[int, int] = {}
        self.broken = ""
        self.detail = ""
        self.hung = False
        self.last: tuple[Any, ...] = ()
        self.mentioned: Container[str] = ()  # the names that the test uses
        self.known: Container[str] = ()  # the names that the student is asked to define
        self.classes: dict[str, type] = {}  # that stand for the student's
        self.names: Callable[[Frame], list[Any]] = lambda frame: []
        self.seeded = global_state()
        self.thrown: Exception | None = None  # by a function of the test's, called by the student's code

    def look(self, names: list[str]) -> dict[str, tuple[str, Any]]:
        """Ask what names stand for: ("value", ...) or ("error", why it cannot cross), or nothing."""
        with self.one, self.table.level():
            found = self._ask(Frame(self.table, self._refer), {"do": "look", "look": names})
        if type(found) is not dict or any(type(v) is not tuple or len(v) != 2 for v in found.values()):
            self.give_up(UNREADABLE)
        return found

    def call(self, key: Any, args: tuple[Any, ...], options: dict[str, Any], method: str = "") -> Any:
        """Call a function of the student's."""
        with self.one, self.table.level():
            frame = Frame(self.table, self._refer)
            with self._crossing():
                message = {
                    "do": "call",
                    "object": key,
                    "args": frame.encode(args),
                    "options": frame.encode(options),
                }
            self.last = (args, options)
            result = self._ask(frame, message | ({"method": method} if method else {}))
            self.last = (*self.last, result)
            return result

    def ask(self, what: str, key: Any, **more: Any) -> Any:
        """Get an attribute, or an iterator's next item."""
        with self.one, self.table.level():
            return self._ask(Frame(self.table, self._refer), {"do": what, "object": key, **more})

    def set(self, key: Any, name: str, value: Any) -> None:
        """Set an attribute."""
        with self.one, self.table.level():
            frame = Frame(self.table, self._refer)
            with self._crossing():
                message = {"do": "set", "object": key, "name": name, "value": frame.encode(value)}
            self._ask(frame, message)

    def _ask(self, frame: Frame, message: dict[str, Any]) -> Any:
        if self.broken:
            raise NoAnswer(self.broken)
        with self._crossing():
            message["names"] = self.names(frame)
            message["changes"] = frame.changes([*frame.mentioned, *self.table.generators()])
            if (state := global_state()) != self.seeded:
                self.seeded = state
                message["seed"] = int.from_bytes(hashlib.sha256(state).digest()[:4], "little")
            data = frame.finish(message)
        with self._answering():
            self.channel.sendall(data)
            while True:
                data = self._receive()
                with self.table.level():
                    reader = Reader(self.table, self._resolve)
                    answer = reader.read(data)
                    for number, value in answer["changes"]:
                        self._change(number, value)
                    if "call" not in answer:
                        break
                    self._call_back(answer, reader.mentioned)
            print(answer["printed"], end="")
            if answer["global"]:
                np.random.random()  # noqa: NPY002, so that the test sees that it was used
                self.seeded = global_state()
            if "error" not in answer:
                return answer["ok"]
            raised = self._exception(*answer["error"])
            if answer["thrown"] is True and self.thrown is not None:
                raised = self.thrown.with_traceback(raised.__traceback__)
        try:
            is_next = message["do"] == "next" or message.get("method") == "__next__"
            if isinstance(raised, StopIteration) and not is_next:
                # It would end a loop of the test's as if all had been asked.
                raise RuntimeError(f"StopIteration: {raised}").with_traceback(raised.__traceback__)
            raise raised
        finally:
            self.thrown = None
            del raised  # which, held by its own traceback, would keep all that was sent

    def _call_back(self, request: dict[str, Any], mentioned: Iterable[int]) -> None:
        """Call a function of the examiner's for the student's code."""
        function = self.functions[request["call"]]
        try:
            value = function(*request["args"], **request["options"])
            frame = Frame(self.table, self._refer)
            reply: dict[str, Any] = {"ok": frame.result(value)}
        except Exception as error:
            frame = Frame(self.table, self._refer)
            self.thrown = error.with_traceback(None)
            known = next(base for base in type(error).__mro__ if base.__module__ == "builtins")
            reply = {"error": [known.__name__, str(error)]}
        reply["changes"] = frame.changes({*mentioned, *self.table.generators()})
        self.channel.sendall(frame.finish(reply))

    def _refer(self, value: Any) -> dict[str, Any]:
        key = getattr(value, "__dict__", {}).get("stands_for")  # a mock has whatever it is asked for
        if key is not None:
            return {"mine": key}
        if callable(value):
            if id(value) not in self.numbers:
                self.numbers[id(value)] = len(self.functions)
                self.functions.append(value)
            name = str(getattr(value, "__name__", type(value).__name__))
            return {"callback": [self.numbers[id(value)], name]}
        raise WireError(f"an object of type {type(value).__name__} cannot be given to the student's code")

    def _resolve(self, tag: str, content: Any) -> Any:
        if tag == "yours":
            return self.functions[content]
        return self.resolve(tag, content)

    def _change(self, number: Any, value: Any) -> None:
        """Take over what the student's code made of an object; a generator can only have been drawn from."""
        mine = self.table[number]
        if isinstance(mine, RANDOM):
            advance(mine, value)
        self.table.change(number, mine if isinstance(mine, RANDOM) else value)

    def _exception(self, types: list[str], message: str, places: list[Any]) -> BaseException:
        """Rebuild an exception as the nearest built-in one; a name of the student's goes in front."""
        text = str(message)
        if types[0] == f"{INSIDE.name}.wire.WireError":
            self.broken, self.detail = UNREADABLE, text
            return CannotCross(text)
        for name in types:
            module, _, short = str(name).rpartition(".")
            own = self.classes.get(short)
            if module == "__main__" and own is not None and issubclass(own, Exception):
                error = own.__new__(own, text)
                return error.with_traceback(_trace(places, self.known))
            known = {"builtins": builtins, "numpy.linalg": np.linalg}.get(module)
            kind = getattr(known, short, None) if known else None
            if isinstance(kind, type) and issubclass(kind, (Exception, SystemExit)):
                if name != types[0]:
                    text = f"{str(types[0]).rpartition('.')[2]}: {text}"
                with suppress(Exception):
                    return kind(text).with_traceback(_trace(places, self.known))
                break
        return RuntimeError(f"{types[0]}: {text}").with_traceback(_trace(places, self.known))

    @contextmanager
    def _crossing(self) -> Iterator[None]:
        """Blame the test for what cannot be sent."""
        try:
            yield
        except WireError as error:
            self.broken, self.detail = "The test gave the function what cannot cross.", str(error)
            raise CannotCross(str(error)) from None

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Blame the candidate for what does not come, or cannot be read."""
        try:
            yield
        except TimeUp:
            self.hung = True
            self.give_up("The function did not end in time: does it hold a loop that does not end?")
        except OSError:
            self.give_up(GONE)
        except (WireError, LookupError, TypeError, ValueError, AttributeError, *TOO_LARGE) as error:
            self.give_up(UNREADABLE, str(error))

    def give_up(self, why: str, detail: str = "") -> NoReturn:
        """Give up; why is the student's to read, so it quotes nothing that came."""
        self.broken, self.detail = why, detail
        raise NoAnswer(why) from None

    def _receive(self) -> bytes:
        data = self._some()
        while len(data) < 8:
            data += self._some()
        size = 8 + sum(lengths(data[:8]))
        if len(data) < size:
            rest = bytearray(data)
            while len(rest) < size:
                rest += self._some()
            data = bytes(rest)
        if len(data) > size:
            raise WireError("more came than was asked for")
        return data

    def _some(self) -> bytes:
        data = self.channel.recv(2**18)
        if not data:
            raise ConnectionError
        return data


def _trace(places: list[Any], known: Container[str]) -> TracebackType | None:
    """A traceback that names the student's lines, and the functions whose names are not the student's own."""
    trace = None
    for name, line in reversed(places[-20:]):
        name = name if name in known else "a function of the student's"
        code = compile("sys._getframe()", "<the student's code>", "eval").replace(co_name=name)
        frame = eval(code, {"sys": sys})
        trace = TracebackType(trace, frame, frame.f_lasti, int(line))
    return trace

"""Answer the examiner's calls, in a copy of the candidate that was set aside where a test stands."""

import builtins
import gc
import io
import json
import os
import signal
import socket
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NoReturn

import numpy as np

from .decode import Reader
from .encode import Frame
from .table import Table, global_state
from .wire import WireError, lengths

MAX_PRINTED = 100_000  # characters of a call's output
MAX_NAMES = 2**16  # bytes of the names of tests

channels: dict[str, socket.socket] = {}
"""A test's name to the socket on which its calls come; set when the candidate starts."""


def set_aside(requests: socket.socket, namespace: dict[str, Any]) -> None:
    """Fork for each test that is named: the candidate as it is now waits for its calls; the original goes on.

    Args:
        requests: where the names come, a message for tests that follow one another; it takes "done".
        namespace: where the student's names are.
    """
    names = requests.recv(MAX_NAMES)
    if not names:  # the grader hung up
        os._exit(0)
    gc.freeze()  # a collection would touch, and so copy, every page that the copies share
    for test in json.loads(names):
        channel = channels.pop(test)
        with warnings.catch_warnings(action="ignore"):  # of forks in a process with threads
            copy = os.fork()
        if copy == 0:
            try:
                os.setsid()
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                for other in (requests, *channels.values()):
                    other.close()
                Responder(channel, namespace).serve()
            finally:
                os._exit(0)
        channel.close()
    requests.send(b"done")


def _muffle() -> None:
    """Keep what a call shows from the student's page; restore the usual warnings and floating-point modes."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    with suppress(Exception):
        shell = sys.modules["IPython"].get_ipython()
        shell.display_pub.publish = shell.display_pub.clear_output = lambda *args, **kwargs: None
    np.seterr(all="warn")
    warnings.resetwarnings()
    warnings.simplefilter("ignore")


class Printed(io.StringIO):
    """Text that a call prints; what is too much is dropped."""

    def write(self, text: str) -> int:
        """Keep the text while there is room."""
        return super().write(text[: max(0, MAX_PRINTED - self.tell())])


class Responder:
    """Runs what the examiner asks for, and answers with data.

    Args:
        channel: a stream socket to the examiner.
        namespace: where the student's names are.
    """

    def __init__(self, channel: socket.socket, namespace: dict[str, Any]) -> None:
        self.channel = channel
        self.namespace = namespace
        self.table = Table(1)
        self.kept: dict[str, Any] = {}  # the student's own, under names that a test has taken
        self.objects: list[Any] = []  # what the examiner knows by number, because it is no data
        self.numbers: dict[int, int] = {}  # by the id() of the object
        self.classes: dict[type, str] = {}  # those whose instances may be known to the examiner
        self.callbacks: dict[int, Any] = {}
        self.thrown: BaseException | None = None  # by the examiner's function that failed last

    def serve(self) -> NoReturn:
        """Answer until the examiner hangs up."""
        data = self._receive()
        _muffle()
        while True:
            with self.table.level():
                self._handle(self._read(data))
            data = self._receive()

    def _receive(self) -> bytes:
        data = self.channel.recv(2**18)
        if not data:
            os._exit(0)
        missing = 8 + sum(lengths(data[:8])) - len(data)
        return data + self.channel.recv(missing, socket.MSG_WAITALL) if missing else data

    def _read(self, data: bytes) -> dict[str, Any]:
        try:
            return Reader(self.table, self._resolve).read(data)
        except WireError as error:
            return {"do": "refuse", "error": error, "changes": [], "names": []}

    def _handle(self, message: dict[str, Any]) -> None:
        """Answer one request; others may come in between, if a function of the examiner's is called."""
        printed, before = Printed(), global_state()
        streams = sys.stdout, sys.stderr
        sys.stdout = sys.stderr = printed
        try:
            self._adopt(message)
            before = global_state()  # which the test may have seeded
            frame = self._frame()
            reply = {"ok": frame.result(getattr(self, f"_do_{message['do']}")(message))}
            changes = frame.changes(list(self.table.objects))
        except BaseException as error:
            frame = self._frame()
            reply = {"error": _describe(error), "thrown": error is self.thrown}
            changes = []
            with suppress(Exception):
                changes = frame.changes(list(self.table.objects))
        finally:
            sys.stdout, sys.stderr = streams
            self.thrown = None
        reply |= {"changes": changes, "printed": printed.getvalue(), "global": global_state() != before}
        try:
            data = frame.finish(reply)
        except WireError as error:
            reply = {"error": _describe(error), "thrown": False, "changes": [], "printed": ""}
            data = self._frame().finish(reply | {"global": False})
        self.channel.sendall(data)

    def _frame(self) -> Frame:
        return Frame(self.table, self._refer, self.classes)

    def _adopt(self, message: dict[str, Any]) -> None:
        """Take over what the test has done to the names, the arguments and NumPy's global generator."""
        for number, value in message["changes"]:
            self.table.change(number, value)
        for name, how, value in message["names"]:
            if name not in self.kept and name in self.namespace:
                self.kept[name] = self.namespace[name]
            if how == "delete":
                self.namespace.pop(name, None)
            elif how == "restore":
                self.namespace[name] = self.kept.pop(name)
            else:
                self.namespace[name] = value
        if "seed" in message:
            np.random.seed(message["seed"])  # noqa: NPY002, the test did

    def _do_refuse(self, message: dict[str, Any]) -> NoReturn:
        raise message["error"]

    def _do_look(self, message: dict[str, Any]) -> Any:
        """Say what the student's names stand for."""
        found: dict[str, Any] = {}
        for name in message["look"]:
            if isinstance(self.namespace.get(name), type):
                self.classes[self.namespace[name]] = name
        for name in sorted(message["look"], key=self._rank):
            if name in self.namespace:
                with self.table.level():
                    try:
                        self._frame().encode(self.namespace[name])
                        found[name] = ("value", self.namespace[name])
                    except BaseException as error:
                        found[name] = ("error", f"{name} {_describe(error)[1]}")
        return found

    def _rank(self, name: str) -> float:
        """Where a name is told: a class after its bases, and its objects after it."""
        value = self.namespace.get(name)
        return len(value.__mro__) if isinstance(value, type) else float("inf")

    def _do_call(self, message: dict[str, Any]) -> Any:
        function = self.objects[message["object"]]
        if "method" in message:
            function = getattr(function, message["method"])
        return function(*message["args"], **message["options"])

    def _do_get(self, message: dict[str, Any]) -> Any:
        return getattr(self.objects[message["object"]], message["name"])

    def _do_set(self, message: dict[str, Any]) -> None:
        setattr(self.objects[message["object"]], message["name"], message["value"])

    def _do_next(self, message: dict[str, Any]) -> Any:
        return next(self.objects[message["object"]])

    def _refer(self, value: Any) -> dict[str, Any]:
        """Name something that is no data: a function, an iterator, a known class or its instance."""
        if isinstance(value, Callback):
            return {"yours": value.number}
        if isinstance(value, type) and value in self.classes:
            bases = [self.classes[base] for base in value.__mro__[1:] if base in self.classes]
            special = [name for name in dir(value) if name.startswith("__")]
            return {"class": [self._number(value), self.classes[value], bases, special, _mro(value)]}
        name = next((self.classes[base] for base in type(value).__mro__ if base in self.classes), None)
        if name is not None:
            return {"instance": [self._number(value), name]}
        if isinstance(value, Iterator):
            return {"iterator": [self._number(value)]}
        if callable(value) and not isinstance(value, type):
            name = str(getattr(value, "__name__", type(value).__name__))
            return {"function": [self._number(value), name, str(getattr(value, "__doc__", None) or "")]}
        raise WireError(
            f"is of type {type(value).__name__}, and only numbers, strings, containers of them, arrays, "
            "generators and functions can be examined"
        )

    def _number(self, value: Any) -> int:
        if id(value) not in self.numbers:
            self.numbers[id(value)] = len(self.objects)
            self.objects.append(value)
        return self.numbers[id(value)]

    def _resolve(self, tag: str, content: Any) -> Any:
        if tag == "mine":
            return self.objects[content]
        if tag == "callback":
            return self.callbacks.setdefault(content[0], Callback(self, *content))
        raise WireError("no such value")

    def call_back(self, number: int, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Call a function of the examiner's."""
        with self.table.level():
            frame = self._frame()
            message = {"call": number, "args": frame.encode(args), "options": frame.encode(options)}
            message["changes"] = frame.changes({*frame.mentioned, *self.table.generators()})
            self.channel.sendall(frame.finish(message))
            while True:
                data = self._receive()
                with self.table.level():
                    reply = self._read(data)
                    if "do" in reply:
                        self._handle(reply)
                        continue
                    for changed, value in reply["changes"]:
                        self.table.change(changed, value)
                    if "error" in reply:
                        name, text = reply["error"]
                        kind = getattr(builtins, name)
                        self.thrown = kind.__new__(kind, text)  # as some take more than a text
                        raise self.thrown
                    return reply["ok"]


class Callback:
    """A function of the examiner's."""

    def __init__(self, responder: Responder, number: int, name: str) -> None:
        self.responder = responder
        self.number = number
        self.__name__ = name

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call it, there."""
        return self.responder.call_back(self.number, args, options)


def _mro(kind: type) -> list[str]:
    return [f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__]


def _describe(error: BaseException) -> list[Any]:
    """An exception as data: its types, its message, and where in the student's code it arose."""
    try:
        key = error.args[0] if isinstance(error, KeyError) and len(error.args) == 1 else None
        text = key if isinstance(key, str) else str(error)  # which would quote it, as the other side will
    except BaseException:
        text = ""
    places = [
        [str(frame.f_code.co_name), line]
        for frame, line in traceback.walk_tb(error.__traceback__)
        if not frame.f_code.co_filename.startswith(os.path.dirname(__file__))
    ]
    return [_mro(type(error)), text[:10_000], places[-20:]]

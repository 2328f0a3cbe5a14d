"""A process that has imported what courses use, and forks a candidate whenever it is asked to.

Runs inside the sandbox, with arguments FD APART MODULE... Through FD come requests: messages whose open files
are the candidate's control socket, a text of JSON, the socket that names tests to set a copy aside for, and
a socket for each test. APART says whether each candidate gets namespaces of its own (1), or lives in the
nursery's, alone (0). Modules are not to be loaded.
"""

import base64
import gc
import importlib
import inspect
import io
import json
import os
import select
import signal
import socket
import string
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from . import confine, respond

WARM = [
    "numpy",
    "scipy.linalg",
    "scipy.special",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "matplotlib_inline.backend_inline",
    "ipykernel.kernelapp",
    "ipykernel.inprocess",
    "ipykernel.debugger",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.logger",
    "IPython.core.magics.execution",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "tornado.platform.asyncio",
    "genlab.checks",
    "genlab.datasets",
    "genlab.plot",
]
LATER = ["scipy.optimize", "scipy.stats"]  # not every course uses them: when there is nothing else to do
IDLE = 0.5  # seconds without a request, after which that begins
LAST_WORDS = 0.5  # seconds for copies to end in, before it is told which were killed
MAX_FILES = 250  # that a message may carry
DPI = 100  # of figures: more is for paper, and fills the gradebook
CELL_PRINTS = 10_000_000  # characters that a cell may print: many times what is shown of it


def main() -> None:
    """Serve requests until the grader hangs up."""
    number, apart, *unavailable = sys.argv[1:]
    requests = socket.socket(fileno=int(number))
    confine.undumpable()
    sys.modules["debugpy"] = None  # type: ignore[assignment]  # or each kernel would load it
    _load(WARM, unavailable)
    inspect.getmodule(sys._getframe())  # looks where all modules lie, as the first traceback would
    del sys.modules["debugpy"]
    later: list[Callable[[], None]] = [partial(_load, LATER, unavailable), _draw_first]
    served, patience = False, IDLE
    while True:
        while served and later and not select.select([requests], [], [], patience)[0]:
            later.pop(0)()
            patience = 0.0  # in a large class, there may be no such time again
        served = True
        text, files, _, _ = socket.recv_fds(requests, 1, MAX_FILES)
        if not text:
            return
        if os.fork() == 0:
            requests.close()
            _candidate(files, apart == "1")
        for file in files:
            os.close(file)
        with suppress(ChildProcessError):
            os.wait()
        if apart == "0":
            return


def _load(names: list[str], unavailable: list[str]) -> None:
    """Import what is there and may be imported."""
    gc.disable()  # there is no garbage in it to look for
    for name in names:
        if not any(f"{name}.".startswith(f"{hidden}.") for hidden in unavailable):
            with suppress(ImportError):
                importlib.import_module(name)
    gc.collect()
    confine.ease_forks()
    gc.freeze()  # a collection would touch, and so copy, every page that a fork shares
    gc.enable()


def _candidate(files: list[int], apart: bool) -> NoReturn:
    """Become a candidate: process 1 of its own namespaces, which watches over the kernel."""
    try:
        control = socket.socket(fileno=files[0])
        with open(files[1], encoding="utf-8") as file:
            request = json.load(file)
        asides = socket.socket(fileno=files[2])
        respond.channels = {
            name: socket.socket(fileno=fd) for name, fd in zip(request["tests"], files[3:], strict=True)
        }
        os.sched_setaffinity(0, request["cores"])
        confine.undumpable(False)  # or the system hands our files in /proc to root
        confine.open_again()
        with suppress(OSError):  # if memory gets short on the machine, this is to go first
            Path("/proc/self/oom_score_adj").write_text("1000")
        if apart:
            confine.unshare()
            if os.fork():
                os._exit(0)
            for folder, size in request["space"].items():
                keep = [path for path in request["keep"] if Path(path).is_relative_to(folder)]
                confine.mount_empty(folder, size, keep=keep)
            confine.mount_terminals()
            confine.mount_empty("/proc", 4096, writable=False)
        else:
            os.setsid()
        confine.adopt_orphans()
        confine.undumpable()
        for name, content in request["files"].items():
            path = Path(request["home"], name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(content))
        sockets = os.open(request["sockets"], os.O_PATH | os.O_DIRECTORY)
        started, start = os.pipe()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the student's code may send it to this process
        kernel = os.fork()
        if kernel == 0:
            control.close()
            os.close(sockets)
            os.close(started)
            _kernel(request, asides, start)
        os.close(start)
        for channel in (asides, *respond.channels.values()):
            channel.close()
        _watch(control, kernel, started, sockets)
    except BaseException as error:
        with suppress(Exception):
            control.send(f"{type(error).__name__}: {error}"[:900].encode())
    finally:
        os._exit(1)


def _watch(control: socket.socket, kernel: int, started: int, sockets: int) -> None:
    """Pass signals to the kernel, tell of its start and end, bury orphans; end when the grader hangs up."""
    ended = os.pidfd_open(kernel)
    ordered = False
    events = select.poll()
    for file in (control.fileno(), started, ended):
        events.register(file, select.POLLIN)
    while True:
        ready = [file for file, _ in events.poll(1000)]
        if started in ready:
            events.unregister(started)
            if (text := os.read(started, 1000)) == b"started":
                socket.send_fds(control, [text], [sockets])
            elif text:
                control.send(text)
        if ended in ready:
            events.unregister(ended)
            control.send(b"ended")
        order = control.recv(16) if control.fileno() in ready else b" "
        if not order:
            return
        if order in (b"interrupt", b"kill"):
            ordered = ordered or order == b"kill"
            with suppress(ProcessLookupError):
                os.kill(kernel, signal.SIGINT if order == b"interrupt" else signal.SIGKILL)
        end = time.monotonic() + (LAST_WORDS if order == b"account" else 0)
        with suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0] or time.monotonic() < end:
                if not found[0]:  # all that are left still run
                    time.sleep(0.001)
                    continue
                by_us = ordered and found[0] == kernel
                if os.WIFSIGNALED(found[1]) and os.WTERMSIG(found[1]) == signal.SIGKILL and not by_us:
                    control.send(b"killed")
        if order == b"account":
            control.send(b"accounted")


def _kernel(request: dict[str, Any], asides: socket.socket, start: int) -> NoReturn:
    """Run the student's kernel."""
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(request["home"])
        confine.limit(request["limits"])
        confine.drop_privileges()
        confine.undumpable(False)
        connection = Path(request["sockets"], "connection.json")
        connection.write_text(json.dumps(request["connection"]))
        sys.path.insert(0, "")  # as in any notebook, modules beside it can be imported
        import numpy as np
        from ipykernel.kernelapp import IPKernelApp
        from tornado.ioloop import IOLoop

        np.random.seed()  # noqa: NPY002, or all forks would draw the same
        _print_less()
        _draw_once()
        app = IPKernelApp.instance()
        no_waiting = "--IPythonKernel._execute_sleep=0"  # half a millisecond after each cell
        app.initialize(["-f", str(connection), "--HistoryManager.enabled=False", no_waiting])
        with suppress(ImportError):  # the backend, loaded before, has not met this shell
            if request["figures"]:
                app.shell.enable_matplotlib("inline")  # type: ignore[union-attr]
        names = app.shell.user_ns  # type: ignore[union-attr]
        IOLoop.current().add_handler(asides, lambda *_: respond.set_aside(asides, names), IOLoop.READ)
        os.write(start, b"started")
        os.close(start)
        app.start()
    except BaseException as error:
        with suppress(OSError):
            os.write(start, f"{type(error).__name__}: {error}"[:900].encode())
    finally:
        os._exit(0)


def _print_less() -> None:
    """Have what a cell prints beyond measure dropped at once; a loop without end would fill all memory.

    A stream on which nothing was printed is not flushed: that is done four times a cell, by another thread.
    """
    from ipykernel.iostream import OutStream
    from IPython.core.interactiveshell import InteractiveShell

    write, flush, cell, printed = OutStream.write, OutStream.flush, None, 0
    unflushed: set[Any] = set()

    def limited(stream: Any, text: str) -> Any:
        nonlocal cell, printed
        if (now := stream.parent_header.get("msg_id")) != cell:
            cell, printed = now, 0
        if printed > CELL_PRINTS:
            return len(text)
        printed += len(text)
        unflushed.add(stream)
        return write(stream, text)

    def flushed(stream: Any) -> None:
        if stream in unflushed:
            unflushed.discard(stream)
            flush(stream)

    OutStream.write = limited  # type: ignore[method-assign, assignment]
    OutStream.flush = flushed  # type: ignore[method-assign]
    # IPython would keep all that was printed, as history.
    InteractiveShell._tee = lambda *_, **__: nullcontext()  # type: ignore[assignment, method-assign]


def _draw_once() -> None:
    """Have figures with a layout of their own shown whole: to crop one, Matplotlib draws it once more."""
    from IPython.core import pylabtools

    cropped = pylabtools.print_figure

    def shown(fig: Any, fmt: str = "png", *args: Any, **options: Any) -> Any:
        dpi, fig.dpi = fig.dpi, min(fig.dpi, DPI)
        try:
            if fmt != "png" or not fig.axes or fig.get_layout_engine() is None:
                return cropped(fig, fmt, *args, **options)
            fig.canvas.print_png(file := io.BytesIO(), pil_kwargs={"compress_level": 1})
            return base64.b64encode(file.getvalue()).decode() if options.get("base64") else file.getvalue()
        finally:
            fig.dpi = dpi

    pylabtools.print_figure = shown


def _draw_first() -> None:
    """Draw as courses do, for what Matplotlib then keeps: fonts, letters, markers."""
    with suppress(Exception):  # it saves time only
        from matplotlib.figure import Figure

        from genlab import plot

        figure = Figure(dpi=DPI)
        axes = figure.subplots()
        plot.clusters(axes, [[0, 0], [1, 1]], [0, 1])
        axes.plot([0, 1], label="$x$")
        axes.legend()
        axes.set(title=string.printable[:62], xlabel="x", ylabel="y")
        figure.savefig(io.BytesIO())


if __name__ == "__main__":
    main()

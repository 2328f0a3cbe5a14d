"""Candidates inside bubblewrap: no network, nothing of the course, an unprivileged user, limits.

A nursery, warm with what courses import, lives in the sandbox and forks one candidate a submission, each in
namespaces of its own. Where the machine forbids those, a nursery serves one candidate only: slower, as safe.
"""

import base64
import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import genlab

NOBODY = 65534
HOME = "/home/student"
SOCKETS = "/run/kernel"
CODE = "/run/genlab"
INSIDE = Path(__file__).with_name("candidate")

MiB = 2**20
SPACE = {"/tmp": 256 * MiB, "/dev/shm": 64 * MiB, HOME: 128 * MiB, SOCKETS: MiB}  # bytes, in memory
LIMITS = {
    "as": 4096 * MiB,  # memory that a process may map
    "cpu": 300,  # seconds: a backstop, the examination limits wall time
    "fsize": 64 * MiB,
    "nofile": 512,
    "core": 0,
}
PROCESSES = 64  # threads count too; a copy set aside for a test is one more
ENVIRONMENT = {
    "HOME": HOME,
    "IPYTHONDIR": "/tmp/ipython",  # not at home, where a submission's files are
    "JUPYTER_CONFIG_DIR": "/tmp/jupyter",
    "JUPYTER_DATA_DIR": "/tmp/jupyter",
    "LANG": "C.UTF-8",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "MPLCONFIGDIR": "/tmp/matplotlib",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": f"{sys.prefix}/bin:/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONNOUSERSITE": "1",
    "USER": "student",
}
# What programs need to start. The rest of /etc (users, hosts, keys) is nobody's business.
SYSTEM = ["/usr", "/bin", "/lib", "/lib32", "/lib64", "/sbin", "/etc/alternatives", "/etc/fonts"]
SYSTEM += ["/etc/ld.so.cache", "/etc/localtime"]


class SandboxUnavailable(RuntimeError):
    """The sandbox cannot be set up on this machine; the message says what to do."""


class CandidateFailed(RuntimeError):
    """A candidate did not start."""


@functools.cache
def require_sandbox() -> None:
    """Try the sandbox once.

    Raises:
        SandboxUnavailable: bubblewrap is missing or may not make a sandbox here.
    """
    if shutil.which("bwrap") is None:
        raise SandboxUnavailable(
            "Submissions run in a sandbox that needs bubblewrap. Install it: apt-get install bubblewrap"
        )
    probe = subprocess.run([*_isolation(), *_as_nobody(), "true"], capture_output=True, text=True)
    if probe.returncode != 0:
        raise SandboxUnavailable(
            f"bubblewrap cannot make a sandbox on this machine: {probe.stderr.strip()}\n"
            "Where a security profile forbids user namespaces (as on some Ubuntu releases), grade as root, "
            "or allow them: sysctl kernel.apparmor_restrict_unprivileged_userns=0"
        )


@functools.cache
def namespaces_nest() -> bool:
    """Say whether a process in the sandbox may make namespaces of its own: a nursery can be shared then."""
    code = "from candidate import confine; confine.unshare()"
    return subprocess.run([*sandbox(), *_python(code)], capture_output=True).returncode == 0


def sandbox(unavailable: Iterable[str] = ()) -> list[str]:
    """The command line that runs the program appended to it inside the sandbox.

    Args:
        unavailable: names of modules that are not there to import.
    """
    command = _isolation()
    for name, value in ENVIRONMENT.items():
        command += ["--setenv", name, value]
    for path, size in SPACE.items():
        command += ["--perms", "0777", "--size", str(size), "--tmpfs", path]
    command += _packages(unavailable)
    command += ["--dir", CODE, "--ro-bind", str(INSIDE), f"{CODE}/candidate"]
    command += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME]
    return [*command, *_as_nobody()]


def _isolation() -> list[str]:
    """Namespaces of its own, no capability, and of the file system only what SYSTEM names."""
    command = [
        "bwrap",
        "--unshare-ipc",
        "--unshare-pid",
        "--unshare-net",
        "--unshare-uts",
        "--unshare-cgroup-try",
    ]
    command += ["--die-with-parent", "--clearenv", "--cap-drop", "ALL", "--dir", "/etc"]
    for path in SYSTEM:
        if Path(path).is_symlink():
            command += ["--symlink", os.readlink(path), path]
        else:
            command += ["--ro-bind-try", path, path]
    return [*command, "--proc", "/proc", "--dev", "/dev"]


def _as_nobody() -> list[str]:
    """End of bwrap's options: become an unprivileged real user (limits on processes do not bind root)."""
    if os.geteuid() != 0:
        return ["--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY), "--"]
    # Inside a user namespace of root's, nobody's real uid could not be taken: so none is made.
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all"]
    return ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--", *drop]


def _packages(unavailable: Iterable[str]) -> list[str]:
    """Binds for this Python, its packages and genlab, less genlab.grading and the unavailable modules."""
    package = Path(genlab.__file__).parent
    binds: list[str] = []
    for root in _roots():
        # bwrap makes the parents of a mount, but for itself alone: --dir makes them for everybody.
        binds += ["--dir", os.path.dirname(root), "--ro-bind", root, root]
    binds += _nothing_at(package / "grading")
    search = [str(package.parent), *sys.path]
    for module in unavailable:
        name = module.replace(".", "/")
        for path in {Path(root, name + end) for root in search for end in ("", ".py")}:
            if path.is_dir():
                binds += _nothing_at(path)
            elif path.is_file():
                binds += ["--ro-bind", os.devnull, str(path)]
    return binds


def _roots() -> list[str]:
    """The folders of this Python, of its packages and of genlab, as far as SYSTEM does not hold them."""
    roots = dict.fromkeys([sys.base_prefix, sys.prefix, str(Path(genlab.__file__).parent)])
    return [root for root in roots if not root.startswith("/usr/")]


def _nothing_at(folder: Path) -> list[str]:
    return ["--tmpfs", str(folder), "--remount-ro", str(folder)]


def _python(code: str, folder: str = CODE) -> list[str]:
    # -P: the working directory, which will be the student's, is no place to import from.
    return [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {folder!r}); {code}"]


@dataclass
class Candidate:
    """A kernel with the student's code, seen from outside.

    Attributes:
        control: tells "started" and "ended"; takes "interrupt" and "kill"; closed, it ends the candidate.
        channels: for each test the socket to the copy set aside for it.
        sockets: a descriptor of the folder of the kernel's own sockets, once it has started.
    """

    control: socket.socket
    channels: dict[str, socket.socket]
    sockets: int = -1

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

    def lost(self) -> bool:
        """Say whether it was ended from outside: what it did not answer then is not the student's fault."""
        with suppress(BlockingIOError):
            while self.control.recv(100):
                pass
            return True
        return False

    def alive(self) -> bool:
        """Say whether the kernel still runs."""
        try:
            return self.control.recv(100, socket.MSG_PEEK) not in (b"", b"ended")
        except BlockingIOError:
            return True
        except OSError:
            return False

    def order(self, what: bytes) -> None:
        """Send "interrupt" or "kill"; to a kernel that has ended, in vain."""
        with suppress(OSError):
            self.control.send(what)

    def close(self) -> None:
        """End it, with all its copies."""
        for end in (self.control, *self.channels.values()):
            end.close()
        if self.sockets >= 0:
            os.close(self.sockets)
            self.sockets = -1


class Nursery:
    """Starts candidates.

    Args:
        unavailable: names of modules that are not there to import.
        unsafe: without a sandbox: candidates can read and do whatever the grader can.
    """

    def __init__(self, unavailable: Sequence[str] = (), unsafe: bool = False) -> None:
        self.unavailable = tuple(unavailable)
        self.unsafe = unsafe
        self.folder = tempfile.TemporaryDirectory(prefix="genlab-") if unsafe else None
        if self.folder:
            shutil.copytree(INSIDE, Path(self.folder.name, "candidate"))
        if not unsafe:
            require_sandbox()
        self.shared = not unsafe and namespaces_nest()
        self.process: subprocess.Popen[bytes] | None = None

    def ready(self) -> None:
        """Start to warm up, if it is to be shared and does not run yet, or no more."""
        if self.shared and (self.process is None or self.process.poll() is not None):
            self.close()
            self._start()

    def launch(
        self, files: Mapping[str, bytes], connection: Mapping[str, object], tests: Sequence[str]
    ) -> Candidate:
        """Start a candidate.

        Args:
            files: what is in its working directory.
            connection: the kernel's connection information.
            tests: their names, in order.
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
            "space": SPACE,
            "keep": [root for root in _roots() if any(Path(root).is_relative_to(path) for path in SPACE)],
            "home": home,
            "sockets": sockets,
            "limits": LIMITS | {"nproc": PROCESSES + 2 * len(tests)},
        }
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pairs = {name: socket.socketpair() for name in tests}
        text = os.memfd_create("request")
        with open(text, "w", closefd=False) as file:
            json.dump(request, file)
        os.lseek(text, 0, os.SEEK_SET)
        given = [theirs.fileno(), text, *(there.fileno() for _, there in pairs.values())]
        try:
            socket.send_fds(self.requests, [b"\n"], given)
        finally:
            os.close(text)
            theirs.close()
            for _, there in pairs.values():
                there.close()
        return Candidate(control, {name: here for name, (here, _) in pairs.items()})

    def _start(self) -> None:
        self.requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        arguments = [str(theirs.fileno()), str(int(self.shared)), *self.unavailable]
        code = "from candidate import nursery; nursery.main()"
        if self.folder:
            command = [*_python(code, self.folder.name), *arguments]
        else:
            command = [*sandbox(self.unavailable), *_python(code), *arguments]
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
        """End it, and all its candidates."""
        if self.process is not None:
            self.requests.close()
            self.process.kill()
            self.process.wait()
            self.process = None

    def remove(self) -> None:
        """End it for good."""
        self.close()
        if self.folder:
            self.folder.cleanup()

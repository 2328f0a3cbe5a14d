"""What a candidate lives in: no network, nothing of the course, an unprivileged user, limits."""

import functools
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import genlab

NOBODIES = range(61184, 65520)  # users of programs that come and go, by systemd's division of their numbers
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
    "GENLAB_NO_PICTURES": "1",  # read by genlab.checks.picture
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
# Of the folder of a Python environment; it may be the course's own.
ENVIRONMENT_PARTS = ["bin", "etc", "include", "lib", "lib64", "pyvenv.cfg", "share"]
# What programs need to start. The rest of /etc (users, hosts, keys) is nobody's business.
SYSTEM = ["/usr", "/bin", "/lib", "/lib32", "/lib64", "/sbin", "/etc/alternatives", "/etc/fonts"]
SYSTEM += ["/etc/ld.so.cache", "/etc/localtime"]


class SandboxUnavailable(RuntimeError):
    """The sandbox cannot be set up on this machine; the message says what to do."""


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
    return subprocess.run([*sandbox(), *python(code)], capture_output=True).returncode == 0


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
    nobody = str(random.choice(NOBODIES))  # not one for all: of a user's processes, the system counts the sum
    if os.geteuid() != 0:
        return ["--unshare-user", "--uid", nobody, "--gid", nobody, "--"]
    # Inside a user namespace of root's, nobody's real uid could not be taken: so none is made.
    drop = ["setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups", "--inh-caps=-all"]
    return ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--", *drop]


def _packages(unavailable: Iterable[str]) -> list[str]:
    """Binds for this Python, its packages and genlab, less genlab.grading and the unavailable modules."""
    package = Path(genlab.__file__).parent
    binds: list[str] = []
    for root in roots():
        # bwrap makes the parents of a mount, but for itself alone: --dir makes them for everybody.
        for part in (
            [Path(root)] if root == str(package) else [Path(root, name) for name in ENVIRONMENT_PARTS]
        ):
            if part.exists():
                binds += ["--dir", str(part.parent), "--ro-bind", str(part), str(part)]
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


def roots() -> list[str]:
    """The folders of this Python, of its packages and of genlab, as far as SYSTEM does not hold them."""
    roots = dict.fromkeys([sys.base_prefix, sys.prefix, str(Path(genlab.__file__).parent)])
    return [root for root in roots if not root.startswith("/usr/")]


def _nothing_at(folder: Path) -> list[str]:
    return ["--tmpfs", str(folder), "--remount-ro", str(folder)]


def python(code: str, folder: str = CODE) -> list[str]:
    # -P: the working directory, which will be the student's, is no place to import from.
    return [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {folder!r}); {code}"]

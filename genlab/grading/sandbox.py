"""A Jupyter kernel inside bubblewrap: no network, nothing of the course, an unprivileged user, limits.

The provisioner is registered as ``genlab-sandbox``. It serves kernels that talk over ``ipc`` and take
interrupts as messages; :class:`genlab.grading.execute.SandboxedExecute` starts them that way.
"""

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import List, Unicode

import genlab

NOBODY = 65534
HOME = "/home/student"
SOCKETS = "/run/kernel"
CONNECTION = f"{SOCKETS}/connection.json"

MiB = 2**20
SPACE = {
    "/tmp": 256 * MiB,
    "/dev/shm": 64 * MiB,
    HOME: 64 * MiB,
    SOCKETS: MiB,
}  # bytes of memory, gone with the kernel
LIMITS = {
    "as": 4096 * MiB,  # memory that a process may map
    "cpu": 300,  # seconds: a backstop, SandboxedExecute limits wall time
    "fsize": 64 * MiB,
    "nofile": 256,
    "nproc": 64,  # threads count too
    "core": 0,
}
ENVIRONMENT = {
    "HOME": HOME,
    "LANG": "C.UTF-8",
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


def sandbox(files: Path, unavailable: Iterable[str] = (), options: Iterable[str] = ()) -> list[str]:
    """The command line that runs the program appended to it inside the sandbox.

    Args:
        files: a submission's folder; its files, but no notebook and no link, can be read in the home folder.
        unavailable: names of modules that are not there to import.
        options: further options of bwrap.
    """
    command = _isolation()
    for name, value in ENVIRONMENT.items():
        command += ["--setenv", name, value]
    for path, size in SPACE.items():
        command += ["--perms", "0777", "--size", str(size), "--tmpfs", path]
    command += _python(unavailable)
    for file in sorted(files.rglob("*")):
        if file.is_file() and not file.is_symlink() and file.suffix != ".ipynb":
            command += ["--ro-bind", str(file), f"{HOME}/{file.relative_to(files)}"]
    command += [*options, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME]
    limits = [f"--{name}={value}" for name, value in LIMITS.items()]
    return [*command, *_as_nobody(), "prlimit", *limits, "--"]


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


def _python(unavailable: Iterable[str]) -> list[str]:
    """Binds for this Python, its packages and genlab, less genlab.grading and the unavailable modules."""
    package = Path(genlab.__file__).parent
    binds: list[str] = []
    for root in dict.fromkeys([sys.base_prefix, sys.prefix, str(package)]):
        if not root.startswith("/usr/"):
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


def _nothing_at(folder: Path) -> list[str]:
    return ["--tmpfs", str(folder), "--remount-ro", str(folder)]


class SandboxProvisioner(LocalProvisioner):
    """Starts a kernel in the sandbox, and reaches it through sockets in the sandbox's own memory."""

    files = Unicode(help="the submission's folder")
    unavailable = List(Unicode(), help="modules that are not there to import")

    parent: Any  # the kernel manager

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start the kernel; returns the connection information as seen from outside."""
        require_sandbox()
        read_end, write_end = os.pipe()
        with open(read_end) as info, open(self.parent.connection_file, "rb") as connection:
            options = ["--info-fd", str(write_end)]
            options += ["--perms", "0444", "--file", str(connection.fileno()), CONNECTION]
            command = sandbox(Path(self.files), self.unavailable, options)
            command += [CONNECTION if word == self.parent.connection_file else word for word in cmd]
            kwargs |= {"pass_fds": [connection.fileno(), write_end], "cwd": "/"}
            kwargs |= {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            try:
                await super().launch_kernel(command, **kwargs)
            finally:
                os.close(write_end)
            pid = json.load(info)["child-pid"]
        # No file is shared with the host: the sockets are found through the process's own root.
        self.connection_info["ip"] = f"/proc/{pid}/root{self.parent.ip}"
        return self.connection_info

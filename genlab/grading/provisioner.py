"""A Jupyter kernel that runs as a candidate in the sandbox."""

import asyncio
import signal
from typing import Any

from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Any as AnyTrait
from traitlets import Bool, Dict, List

from genlab.grading.candidates import Candidate

START = 60  # seconds in which a kernel must listen
PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


class SandboxProvisioner(KernelProvisionerBase):
    """Asks a nursery for a candidate. They talk over ``ipc``, in a folder that nobody else reaches."""

    nursery: Any = AnyTrait(help="a genlab.grading.candidates.Nursery")
    files: Any = Dict(help="the files of the working directory, name to bytes")
    tests: Any = List(help="the names of the tests for which a copy will be set aside")
    figures = Bool(True, help="draw them")

    candidate: Candidate | None = None
    parent: Any  # the kernel manager

    @property
    def has_process(self) -> bool:
        """Whether there is a candidate."""
        return self.candidate is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Choose the sockets' names; returns the arguments of launch_kernel."""
        self.parent.transport = "ipc"
        for number, port in enumerate(PORTS, start=1):
            setattr(self.parent, port, number)
        self.connection_info = self.parent.get_connection_info()
        kwargs.pop("extra_arguments", None)
        return await super().pre_launch(cmd=[], **kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start the kernel; returns the connection information as seen from outside."""
        info = {name: v.decode() if isinstance(v, bytes) else v for name, v in self.connection_info.items()}
        self.candidate = self.nursery.launch(self.files, info, self.tests, self.figures)
        self.candidate.started(START)
        self.connection_info["ip"] = f"/proc/self/fd/{self.candidate.sockets}/socket"
        return self.connection_info

    async def poll(self) -> int | None:
        """None while the kernel runs."""
        return None if self.candidate is not None and self.candidate.alive() else 1

    async def wait(self) -> int | None:
        """Wait for the kernel's end."""
        while await self.poll() is None:
            await asyncio.sleep(0.02)
        return 1

    async def send_signal(self, signum: int) -> None:
        """Interrupt the kernel, or kill it."""
        if self.candidate is not None:
            self.candidate.order(b"interrupt" if signum == signal.SIGINT else b"kill")

    async def kill(self, restart: bool = False) -> None:
        """Kill the kernel; the copies set aside stay."""
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        """Kill the kernel; the copies set aside stay."""
        await self.kill(restart)

    async def cleanup(self, restart: bool = False) -> None:
        """Nothing: who asked for the candidate closes it."""

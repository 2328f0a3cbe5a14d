"""Run a submission's own cells in a candidate, and set a copy of it aside wherever a test stands."""

import asyncio
import functools
import tempfile
import time
from contextlib import suppress
from queue import Empty
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbclient.util import run_sync
from nbformat import NotebookNode
from nbformat.v4 import new_output

import genlab.grading.provisioner  # noqa: F401, which Jupyter loads by its name: so every fork has it
from genlab.grading.candidates import Candidate, CandidateFailed, Nursery

GRACE = 10  # seconds in which a kernel must answer, even if it has much printed text to get rid of
MAX_OUTPUT = 1_000_000  # characters that a submission may show in all
MAX_PICTURES = 10_000_000  # characters of its pictures
SHOWN = ("stream", "display_data", "update_display_data", "execute_result", "error")
TOO_MUCH = f"Left out: more than {MAX_OUTPUT:,} characters in all, or {MAX_PICTURES:,} of pictures.\n"


def is_test(cell: NotebookNode) -> bool:
    """Say whether a cell is a test: graded by machine."""
    role = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "code" and role.get("grade", False) and not role.get("solution", False)


class Manager(AsyncKernelManager):
    """A manager of a kernel that is not among those installed; its clients share its sockets' settings."""

    spec = KernelSpec()

    @property
    def kernel_spec(self) -> KernelSpec:
        """What kernel to start: a candidate."""
        return self.spec

    def client(self, **kwargs: Any) -> Any:
        """Make a client, without a heartbeat: the provisioner knows whether the kernel lives."""
        client: Any = super().client(context=self.context, **kwargs)
        client.start_channels = functools.partial(client.start_channels, hb=False)
        return client


class Rehearsal(NotebookClient):
    """Runs all cells but the tests, each for so long; what hangs or dies costs this submission only.

    Args:
        nb: the notebook; gets the outputs.
        nursery: where candidates come from.
        files: the files of the working directory.
        cell_seconds: what a cell may take.
        submission_seconds: what all cells may take together.
        figures: draw them.
    """

    km: Any
    kc: Any
    reader: Any  # the task that collects what the current cell shows

    def __init__(
        self,
        nb: NotebookNode,
        nursery: Nursery,
        files: dict[str, bytes],
        cell_seconds: int,
        submission_seconds: int,
        figures: bool = True,
    ) -> None:
        super().__init__(nb, kernel_name="python3", allow_errors=True, raise_on_iopub_timeout=False)
        self.cell_seconds = cell_seconds
        self.submission_seconds = submission_seconds
        self.timeout_func = lambda cell: max(1, min(cell_seconds, int(self.deadline - time.monotonic())))
        self.interrupt_on_timeout = False  # this class interrupts, and kills what goes on regardless
        self.skip_cells_with_tag = "\0"  # no tag of a submission skips a cell
        self.tests = [cell.metadata.nbgrader.grade_id for cell in nb.cells if is_test(cell)]
        self.provision = {"nursery": nursery, "files": files, "tests": self.tests, "figures": figures}
        self.stopped = ""
        self.shown = {"text": 0, "pictures": 0}  # characters
        self.left_out: set[int] = set()  # cells of which something is not shown
        self.cut_short: list[int] = []  # cells that did not run to their end
        self.unreached: dict[str, str] = {}  # tests for which no copy could be set aside, with the reason

    def run(self) -> Candidate:
        """Run; returns the candidate, whose kernel has ended and whose copies wait.

        Raises:
            CandidateFailed: it did not start.
        """
        self.km = self.create_kernel_manager()
        self.reset_execution_trackers()
        with tempfile.TemporaryDirectory(prefix="genlab-") as folder:
            self.km.connection_file = f"{folder}/connection.json"
            self.start_new_kernel()
        candidate: Candidate = self.km.provisioner.candidate
        self._connect()
        self.deadline = time.monotonic() + self.submission_seconds
        tests: list[str] = []  # that follow one another
        for index, cell in enumerate(self.nb.cells):
            if is_test(cell):
                tests.append(cell.metadata.nbgrader.grade_id)
            elif cell.cell_type == "code":
                cell.outputs = []
                if not cell.source.strip():
                    continue
                self._set_aside(tests)
                tests = []
                self._run(cell, index)
        self._set_aside(tests)
        for cell in self.nb.cells:
            if cell.cell_type == "code":
                cell.outputs = _joined(cell.outputs)  # now that no display can change any more
        candidate.order(b"kill")
        self.kc.stop_channels()
        self.km.context.destroy(linger=0)
        return candidate

    def _connect(self) -> None:
        """Connect to the kernel, which listens already: so there is no need of nbclient's patience."""
        self.kc = self.km.client()
        self.kc.start_channels()
        self.kc.allow_stdin = False
        for _ in range(10):
            if self._answers():
                with suppress(Empty):  # the other channel is open when something comes through it
                    run_sync(self.kc.get_iopub_msg)(timeout=1)
                    return
        raise CandidateFailed("the student's kernel does not answer")

    def create_kernel_manager(self) -> AsyncKernelManager:
        """A manager whose kernels are candidates."""
        context = zmq.asyncio.Context()
        # No reconnecting: a socket's name, once bound, is the student's to change. (With -1, which means just
        # that, ZeroMQ aborts this process if the kernel dies while a message of several parts is read.)
        context.setsockopt(zmq.RECONNECT_IVL, 10**9)  # ms, at least
        context.setsockopt(zmq.MAXMSGSIZE, 512 * 2**20)
        context.setsockopt(zmq.SNDTIMEO, 3000)
        km = Manager(kernel_name="python3", context=context)
        provisioner = {"provisioner_name": "genlab-sandbox", "config": self.provision}
        km.spec = KernelSpec(metadata={"kernel_provisioner": provisioner})
        return km

    def on_cell_executed(self, **kwargs: Any) -> None:
        """Keep the kernel's word on how the cell ended."""
        self.status = kwargs["execute_reply"]["content"]["status"]

    async def _async_poll_output_msg(self, parent_msg_id: str, cell: NotebookNode, cell_index: int) -> None:
        """Collect what a cell shows. nbclient leaves this task running when the time is up: remember it."""
        self.reader = asyncio.current_task()
        await super()._async_poll_output_msg(parent_msg_id, cell, cell_index)

    def process_message(self, msg: Any, cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Collect an output, if the submission does not show too much; of errors there may be more."""
        content, shows = msg["content"], msg["msg_type"]
        if type(content.get("execution_count", 0)) is not int:
            raise TypeError("an execution without a number")
        if shows in SHOWN:
            data = content.get("data")
            size = len(str(content)) * self._places(content)
            kind, most = "text", MAX_OUTPUT * (2 if shows == "error" else 1)
            if isinstance(data, dict) and "image/png" in data:
                kind, most = "pictures", MAX_PICTURES
            if self.shown[kind] + size >= most:
                if cell_index not in self.left_out:
                    self.left_out.add(cell_index)
                    cell.outputs.append(new_output("stream", name="stderr", text=TOO_MUCH))
                return None
            self.shown[kind] += size
        return super().process_message(msg, cell, cell_index)

    def _places(self, content: Any) -> int:
        """In how many outputs it will stand: all of one display id are given what one of them is."""
        transient = content.get("transient")
        shown = self._display_id_map.get(transient.get("display_id"), {}) if transient else {}
        return 1 + sum(map(len, shown.values()))

    def _set_aside(self, tests: list[str]) -> None:
        """Have the kernel fork for each of these tests; a kernel that does not, fails them."""
        if tests and not self.stopped:
            if self.km.provisioner.candidate.set_aside(tests, GRACE):
                return
            self.stopped = "Not run: an earlier cell had left the kernel without an answer."
        self.unreached |= dict.fromkeys(tests, self.stopped)

    def _run(self, cell: NotebookNode, index: int) -> None:
        """Run a cell of the student's, unless the submission was stopped earlier."""
        self.status, problem = "unknown", self.stopped
        if not problem:
            try:
                self.execute_cell(cell, index)
            except CellTimeoutError:
                problem = self._interrupt()
                self.reader.cancel()  # or it would go on to take what later cells show
            except DeadKernelError:
                self.stopped = "Not run: an earlier cell had ended the kernel."
                problem = "This cell ended the kernel: it used too much memory, or the code itself ended it."
            except Exception as error:  # what the kernel sends is the student's to forge
                self.stopped = f"Not run: the kernel had sent what no kernel sends ({type(error).__name__})."
                problem = "This cell did not run to its end."
        if not problem and self.status not in ("ok", "error"):
            problem = "This cell did not run to its end."
        if problem:
            self.cut_short.append(index)
            cell.outputs.insert(0, new_output("error", ename="Stopped", evalue=problem, traceback=[problem]))

    def _interrupt(self) -> str:
        """Interrupt a cell that took too long; a kernel that goes on regardless is killed."""
        if time.monotonic() >= self.deadline:
            self.stopped = f"Not run: the whole submission took longer than {self.submission_seconds} s."
        else:
            run_sync(self.km.interrupt_kernel)()
            if not self._answers():
                self.stopped = "Not run: an earlier cell did not end, and could not be interrupted."
        if self.stopped:
            run_sync(self.km.signal_kernel)(9)
        return f"This cell was stopped after {self.cell_seconds} s: does it hold a loop that does not end?"

    def _answers(self) -> bool:
        """Ask the kernel what it is, and wait for the reply."""
        end = time.monotonic() + GRACE
        with suppress(Exception):  # what the kernel sends is the student's to forge
            request = self.kc.kernel_info()
            while (left := end - time.monotonic()) > 0:
                try:
                    reply = run_sync(self.kc.get_shell_msg)(timeout=min(left, 1))
                except Empty:
                    if not self.km.provisioner.candidate.alive():
                        break
                    continue
                if reply["parent_header"].get("msg_id") == request:
                    return True
        return False


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Make one output of all that a cell wrote to a stream, where it first did; of stdout before stderr.

    Of a line with carriage returns, such as a progress bar, what stands after the last is left. (nbclient
    does all this too, with an expression whose time grows as the square of a line's length: one second for
    40,000 characters.)
    """
    joined, streams = [], dict[str, list[str]]()
    for output in outputs:
        if output.output_type != "stream":
            joined.append(output)
            continue
        if output.name not in streams:
            streams[output.name] = []
            joined.append(output)
        streams[output.name].append(output.text if isinstance(output.text, str) else "")
    for output in joined:
        if output.output_type == "stream":
            lines = "".join(streams[output.name]).split("\n")
            output.text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)
    for i in range(1, len(joined)):
        if [output.get("name") for output in joined[i - 1 : i + 1]] == ["stderr", "stdout"]:
            joined[i - 1], joined[i] = joined[i], joined[i - 1]
    return joined

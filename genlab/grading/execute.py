"""nbgrader's steps, made safe: a kernel in the sandbox, limits on time, and no links."""

import tempfile
import time
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.manager import KernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbclient.util import run_sync
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from traitlets import Bool, Integer, Unicode

from genlab.checks import UNAVAILABLE
from genlab.grading.sandbox import SOCKETS, require_sandbox

GRACE = 3  # seconds in which an interrupted kernel must answer
MAX_OUTPUT = 1_000_000  # characters that a submission may show in all
MAX_MESSAGE = 2_000  # characters of a failure


class RefuseLinks(NbGraderPreprocessor):
    """Refuses a submission that holds a link: nbgrader would follow it, to solutions or others' work."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Look through the submission's folder; returns the notebook as it is."""
        links = [path for path in Path(resources["metadata"]["path"]).rglob("*") if path.is_symlink()]
        if links:
            raise ValueError(f"{links[0]} is a link: ask the student for the file itself.")
        return nb, resources


class SandboxedExecute(Execute):
    """Runs a submission in a sandboxed kernel; a cell that hangs or kills it costs that submission only.

    A test cell keeps as output nothing but the message of its failure: what it printed is not evidence
    (nbgrader takes a bare number for marks, and a warning for failure), and a traceback would quote the test.
    """

    timeout = Integer(30, help="seconds a cell may take").tag(config=True)
    submission_timeout = Integer(300, help="seconds a submission may take").tag(config=True)
    interrupt_on_timeout = Bool(False, help="this class interrupts, and kills what goes on regardless")
    skip_cells_with_tag = Unicode("\0", help="no tag of a submission skips a cell")

    def preprocess(self, nb: NotebookNode, resources: Any = None, km: Any = None) -> tuple[NotebookNode, Any]:
        """Run all cells in order; returns the notebook with outputs."""
        require_sandbox()
        self._stopped = ""
        self._shown = 0
        self._deadline = time.monotonic() + self.submission_timeout
        self.timeout_func = lambda cell: max(1, min(self.timeout, int(self._deadline - time.monotonic())))
        with tempfile.TemporaryDirectory(prefix="genlab-") as folder:
            self._connection_file = f"{folder}/connection.json"
            self.resources = resources
            return super().preprocess(nb, resources, km)

    def create_kernel_manager(self) -> KernelManager:
        """A manager of one sandboxed kernel."""
        km = super().create_kernel_manager()
        km.transport = "ipc"
        km.connection_file = self._connection_file
        km.ip = f"{SOCKETS}/socket"
        files = Path(self.resources["metadata"]["path"]).resolve()
        unavailable = UNAVAILABLE.get(self.resources["nbgrader"]["assignment"], ())
        km.kernel_spec.interrupt_mode = "message"
        km.kernel_spec.metadata["kernel_provisioner"] = {
            "provisioner_name": "genlab-sandbox",
            "config": {"files": str(files), "unavailable": list(unavailable)},
        }
        return km

    def preprocess_cell(self, cell: NotebookNode, resources: Any, index: int) -> tuple[NotebookNode, Any]:
        """Run one cell, unless the submission was stopped earlier."""
        if cell.cell_type != "code":
            return cell, resources
        problem = self._stopped or self._run(cell, index)
        if is_grade(cell) and not is_solution(cell):
            cell.outputs = [_message(output) for output in cell.outputs if output.output_type == "error"]
        if problem:
            cell.outputs.insert(0, new_output("error", ename="Stopped", evalue=problem, traceback=[problem]))
        return cell, resources

    def on_cell_executed(self, **kwargs: Any) -> None:
        """Keep the kernel's word on how the cell ended: anything but 'ok' is a failure."""
        super().on_cell_executed(**kwargs)
        self._status = kwargs["execute_reply"]["content"]["status"]

    def output(self, outs: Any, msg: Any, display_id: str, cell_index: int) -> NotebookNode | None:
        """Collect an output, as long as the submission has not shown too much."""
        self._shown += len(str(msg["content"]))
        return super().output(outs, msg, display_id, cell_index) if self._shown < MAX_OUTPUT else None

    def _run(self, cell: NotebookNode, index: int) -> str:
        """Run the cell; returns what stopped it, or an empty string."""
        self._status = "unknown"
        cell.outputs = []
        try:
            self.execute_cell(cell, index)
        except CellTimeoutError:
            return self._interrupt()
        except DeadKernelError:
            self._stopped = "Not run: an earlier cell had ended the kernel."
            return "This cell ended the kernel: it used too much memory, or the code itself ended it."
        return "" if self._status in ("ok", "error") else "This cell did not run to its end."

    def _interrupt(self) -> str:
        """Interrupt a cell that took too long; a kernel that goes on regardless is killed."""
        if time.monotonic() >= self._deadline:
            self._stopped = f"Not run: the whole submission took longer than {self.submission_timeout} s."
        else:
            run_sync(self.km.interrupt_kernel)()
            if not self._answers():
                self._stopped = "Not run: an earlier cell did not end, and could not be interrupted."
        if self._stopped:
            run_sync(self.km.shutdown_kernel)(now=True)
        stopped = f"This cell was stopped after {self.timeout} s: does it hold a loop that does not end?"
        self.log.error("%s: %s", self.resources["nbgrader"]["student"], stopped)
        return stopped

    def _answers(self) -> bool:
        request = self.kc.kernel_info()
        try:
            while run_sync(self.kc.get_shell_msg)(timeout=GRACE)["parent_header"].get("msg_id") != request:
                pass
        except Empty:
            return False
        return True


def _message(error: NotebookNode) -> NotebookNode:
    """The error without its traceback, which would quote the test."""
    text = f"{error.ename}: {error.evalue}"[:MAX_MESSAGE]
    return new_output("error", ename=error.ename, evalue=error.evalue[:MAX_MESSAGE], traceback=[text])

"""Run a student's notebook as their own Jupyter would, and see what its tests say.

Needs the packages of the course extra.
"""

# mypy: untyped-calls-exclude=nbformat

import os
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from genlab.checks.results import said

CELL_SECONDS = 120  # a right answer takes 10 s a function at most, on a fast machine


class TrialFailed(Exception):
    """A notebook could not be tried. The message is for the student."""


def read(path: Path) -> NotebookNode:
    """Read an assignment's notebook.

    Raises:
        TrialFailed: it is not there, is no notebook, or holds no tests.
    """
    if path.is_dir():
        raise TrialFailed(f"{path} is a folder. Name the notebook in it.")
    if not path.exists():
        raise TrialFailed(f"{path} is not there. Name the notebook, such as exercises/gmm-em/gmm-em.ipynb")
    try:
        notebook: NotebookNode = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        tests = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    except (OSError, ValueError, AttributeError, TypeError, nbformat.ValidationError) as error:
        raise TrialFailed(f"{path} is not a notebook that can be read ({type(error).__name__}).") from None
    if not tests:
        raise TrialFailed(f"{path} is not an assignment: it holds no tests.")
    return notebook


def run(notebook: NotebookNode, folder: Path) -> dict[str, str]:
    """Run all cells in a kernel of their own; returns the sources of the code cells, and what they said.

    Args:
        notebook: the assignment; gets the outputs.
        folder: the working directory.

    Raises:
        TrialFailed: there is no kernel, it dies, or the first given cell fails, on which all others rest.
    """
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        interrupt_on_timeout=True,
        error_on_timeout={"ename": "Timeout", "evalue": "", "traceback": []},
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],
        allow_errors=True,
        resources={"metadata": {"path": str(folder)}},
    )
    client.log.disabled = True  # what it logs, the table says
    try:
        client.execute(env={**os.environ, "GENLAB_NO_PICTURES": "1"})
    except NoSuchKernel:
        raise TrialFailed("There is no Jupyter kernel here. Install one: pip install ipykernel") from None
    except DeadKernelError:
        raise TrialFailed(
            "A cell ended the kernel: it used too much memory, or called exit. Run the cells in JupyterLab, "
            "one after the other, to see which."
        ) from None
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    roles = [(cell.metadata.get("nbgrader", {}), cell) for cell in code]
    given = [cell for role, cell in roles if role.get("locked") and not role.get("grade")]
    for cell in given[:1]:
        if _said(cell):
            raise TrialFailed(f"The cell that prepares the tests fails. {_said(cell)}")
    return {cell.source.strip(): _said(cell) for cell in code}


def _said(cell: NotebookNode) -> str:
    for output in cell.outputs:
        if output.output_type == "error" and output.ename == "KeyboardInterrupt":
            return f"stopped after {CELL_SECONDS} s: does a loop wait for what never happens?"
        if output.output_type == "error":
            return said(output.ename, output.evalue)
    return "" if cell.execution_count or not cell.source.strip() else f"did not end within {CELL_SECONDS} s."

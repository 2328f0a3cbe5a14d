"""Keep committed notebooks reproducible.

    python -m genlab.notebooks strip PATH ...    remove what running or editing left behind
    python -m genlab.notebooks run PATH ...      run, and store the checked cells' printed text afresh
    python -m genlab.notebooks check PATH ...    name the notebooks that strip would change, and fail

A path is a notebook or a folder. A cell tagged nbval-check-output is checked: its printed text stays, with
execution count 1 (nbval wants a count beside an output). All other outputs, counts and metadata go.
"""

# mypy: untyped-calls-exclude=nbformat

import argparse
import copy
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

CHECKED = "nbval-check-output"
CELL_METADATA = ("mystnb", "nbgrader", "tags")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def is_checked(cell: NotebookNode) -> bool:
    """Say whether a cell's printed text is stored and compared."""
    return CHECKED in cell.metadata.get("tags", [])


def strip(notebook: NotebookNode) -> NotebookNode:
    """Copy a notebook without what running or editing it left behind."""
    clean = copy.deepcopy(notebook)
    clean.metadata = nbformat.from_dict(METADATA)
    for cell in clean.cells:
        cell.metadata = nbformat.from_dict({k: cell.metadata[k] for k in CELL_METADATA if k in cell.metadata})
        if cell.cell_type == "code":
            printed = [o.text for o in cell.outputs if o.get("name") == "stdout"]
            text = "".join(printed) if is_checked(cell) else ""
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)] if text else []
            cell.execution_count = 1 if text else None
    return clean


def run(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Run a copy of a notebook in a folder, and strip it.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    ran = copy.deepcopy(notebook)
    NotebookClient(
        ran,
        timeout=120,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    return strip(ran)


def find(paths: Iterable[Path]) -> Iterator[Path]:
    """List the notebooks among paths and below them."""
    for path in paths:
        below = sorted(path.rglob("*.ipynb")) if path.is_dir() else [path]
        yield from (p for p in below if ".ipynb_checkpoints" not in p.parts)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 1 if check found a notebook that is not clean."""
    parser = argparse.ArgumentParser(
        prog="python -m genlab.notebooks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=("strip", "run", "check"))
    parser.add_argument("paths", nargs="+", type=Path)
    options = parser.parse_args(arguments)
    dirty = 0
    for path in find(options.paths):
        before = path.read_text(encoding="utf-8")
        notebook = nbformat.reads(before, as_version=4)
        clean = run(notebook, path.parent) if options.command == "run" else strip(notebook)
        after = nbformat.writes(clean) + "\n"
        if after == before:
            continue
        if options.command == "check":
            dirty = 1
            print(f"{path}: not clean; python -m genlab.notebooks strip {path}", file=sys.stderr)
        else:
            path.write_text(after, encoding="utf-8", newline="\n")
    return dirty


if __name__ == "__main__":
    sys.exit(main())

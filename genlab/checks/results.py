"""The table of an assignment's functions: which pass their visible tests, and what to read again."""

# mypy: untyped-calls-exclude=IPython

import html
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Group

HEADERS = ("function", "points so far", "what its tests say")
NOT_RUN = "not run yet."
NONE_RUN = "A table of your functions appears here once the tests above have run."
TEMPLATE = "YOUR ANSWER HERE"  # nbgrader's
HIDDEN_FOLLOW = "These are the visible tests. When you are graded, hidden ones follow, on other data."


@dataclass(frozen=True)
class Row:
    """A function's visible tests: the points of those that pass, of how many, what the first other one says,
    and the section of the book to read again."""

    function: str
    passed: int
    points: int
    says: str
    read: str


_notebook = Path()
_ran: dict[str, str] = {}  # the source of each cell that was run, and what it said


def begin(notebook: Path) -> None:
    """Record from now on what each cell says, if this is a notebook's kernel.

    Args:
        notebook: the file that the cells are of.
    """
    global _notebook
    if notebook != _notebook:
        _ran.clear()
    _notebook = notebook
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell:
        shell.events.register("post_run_cell", record)


def record(result: Any) -> None:
    """Record what a cell said when it was run: IPython calls this."""
    error = result.error_before_exec or result.error_in_exec
    _ran[result.info.raw_cell.strip()] = said(type(error).__name__, str(error)) if error else ""


def said(error: str, text: str) -> str:
    """What is told of a cell's error: of a failed check its sentence alone."""
    return text if error == "CheckFailed" else f"{error}: {text}".rstrip(": ")


def overview() -> None:
    """Show the table in a notebook, as far as its tests have run here: an examiner runs them elsewhere."""
    if not _ran:
        print(NONE_RUN)
        return
    try:
        notebook = json.loads(_notebook.read_text(encoding="utf-8"))
        from IPython.display import display
        from rich.console import Console
    except (OSError, ValueError):
        print(f"A table of your functions appears here on your own machine, if the notebook is {_notebook}.")
        return
    except ImportError:
        print("A table of your functions appears here after this: pip install rich")
        return
    found, blank = rows(notebook, _ran), blanks(notebook)
    if all(row.says == NOT_RUN and not row.passed for row in found):
        print(NONE_RUN)
        return
    text = StringIO()
    Console(file=text, width=100).print(table(found, blank))
    display({"text/plain": text.getvalue(), "text/html": page(found, blank)}, raw=True)


def function_of(test: str, functions: Sequence[str]) -> str:
    """The function that a test is named after, test_<function> or test_<function>_<what>; "" if none is."""
    named = [f for f in functions if test == f"test_{f}" or test.startswith(f"test_{f}_")]
    return max(named, key=len, default="")


def rows(notebook: Mapping[str, Any], ran: Mapping[str, str]) -> list[Row]:
    """Sum up what an assignment's tests said, a row for each function that is to be written.

    Args:
        notebook: the assignment, as JSON.
        ran: the sources of the cells that were run, stripped, and what they said; "" if nothing was wrong.
    """
    cells = [(cell.get("metadata", {}).get("nbgrader", {}), cell) for cell in notebook["cells"]]
    code = [(data, cell) for data, cell in cells if cell["cell_type"] == "code"]
    functions = [data["grade_id"] for data, _ in code if data.get("solution")]
    tests: dict[str, list[tuple[int, str]]] = {function: [] for function in functions}
    for data, cell in code:
        if data.get("grade") and function_of(data["grade_id"], functions):
            what = ran.get("".join(cell["source"]).strip(), NOT_RUN)
            tests[function_of(data["grade_id"], functions)].append((data["points"], what))
    read = sections(notebook)
    return [
        Row(
            function,
            sum(points for points, says in found if not says),
            sum(points for points, _ in found),
            next((says for _, says in found if says), "") if found else "its tests were deleted.",
            read.get(function, ""),
        )
        for function, found in tests.items()
    ]


def sections(notebook: Mapping[str, Any]) -> dict[str, str]:
    """Function to the section of the book to read again: the last column of the table on the first page."""
    first = "".join(notebook["cells"][0]["source"]) if notebook["cells"] else ""
    return dict(re.findall(r"^\|.*?\| `(\w+)` \| \d+ \| (.+?) \|$", first, re.MULTILINE))


def blanks(notebook: Mapping[str, Any]) -> list[str]:
    """The headings of the written answers that are still blank."""
    heading, found = "", []
    for cell in notebook["cells"]:
        if cell["cell_type"] != "markdown":
            continue
        text = "".join(cell["source"]).strip()
        if not cell.get("metadata", {}).get("nbgrader", {}).get("solution"):
            heading = next((line.lstrip("# ") for line in text.splitlines() if line.startswith("#")), heading)
        elif text in ("", TEMPLATE):
            found.append(heading)
    return found


def table(found: Sequence[Row], blank: Sequence[str]) -> "Group":
    """Lay out the table for a terminal, with what is to be said below it."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    grid = Table(show_lines=True)
    for header in HEADERS:
        grid.add_column(header, no_wrap=header != HEADERS[-1])
    for row in found:
        function, points, says = _cells(row)
        grid.add_row(Text(function), Text(points, "red" if row.says else "green"), Text(says))
    return Group(grid, *map(Text, _below(blank)))


def page(found: Sequence[Row], blank: Sequence[str]) -> str:
    """Lay out the same in HTML, for a notebook: screen readers know their way about a table."""

    def line(cells: Sequence[str], first: str, other: str) -> str:
        kinds = [first] + [other] * (len(cells) - 1)
        style = "text-align: left; white-space: pre-line"
        parts = [
            f'<{k} style="{style}">{html.escape(c)}</{k[:2]}>' for k, c in zip(kinds, cells, strict=True)
        ]
        return f"<tr>{''.join(parts)}</tr>"

    lines = [line(HEADERS, 'th scope="col"', 'th scope="col"')]
    lines += [line(_cells(row), 'th scope="row"', "td") for row in found]
    return f"<table>{''.join(lines)}</table>" + "".join(f"<p>{html.escape(s)}</p>" for s in _below(blank))


def _cells(row: Row) -> tuple[str, str, str]:
    says = row.says.removeprefix(f"{row.function}: ")
    again = f"Read again: {row.read}" if says and row.read else ""
    points = f"{'✗ fails' if says else '✓ passes'}, {row.passed} of {row.points}"
    return row.function, points, "\n".join(filter(None, [says, again]))


def _below(blank: Sequence[str]) -> list[str]:
    return [*(f"Still blank, as the notebook was last saved: {heading}" for heading in blank), HIDDEN_FOLLOW]

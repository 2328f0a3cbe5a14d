"""The notebook that is run: the instructor's cells as released, and between them the student's own."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_notebook
from nbgrader.api import Gradebook, GradeCell, SolutionCell, SourceCell, TaskCell
from nbgrader.utils import compute_checksum

# Whatever kernel a submission names: the examiner runs this one.
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}
LONGEST_LIST = 5  # of names in a sentence


@dataclass(frozen=True)
class ReferenceCell:
    """A cell of an assignment, as the gradebook knows it.

    Attributes:
        name: its grade_id.
        cell_type: "code" or "markdown".
        source: with the hidden tests, without the solutions.
        checksum: nbgrader's, of an answer that nobody has touched.
        locked: students may not change it.
        grade: it has points; by a test, or if it is a solution too, by hand.
        solution: students write in it.
        task: it sets a task, whose answer is graded by hand.
        points: at most.
    """

    name: str
    cell_type: str
    source: str
    checksum: str | None
    locked: bool
    grade: bool
    solution: bool
    task: bool
    points: float

    @property
    def given(self) -> bool:
        """The source is the instructor's."""
        return not self.solution

    @property
    def needed(self) -> bool:
        """It is put back where it is missing; a function may have moved to a cell of the student's own."""
        return not self.solution or self.grade


def reference(gradebook_url: str, assignment: str, notebook: str) -> list[ReferenceCell]:
    """The cells of a notebook, in the order in which they were released.

    Raises:
        nbgrader.api.MissingEntry: the gradebook does not know the notebook.
    """
    with Gradebook(gradebook_url) as gradebook:
        known = gradebook.find_notebook(notebook, assignment)

        def of(kind: Any, *columns: str) -> list[Any]:  # whole objects take twice the time
            wanted = [getattr(kind, column) for column in ("name", *columns)]
            return gradebook.db.query(*wanted).filter(kind.notebook_id == known.id).all()

        grades, tasks = dict(of(GradeCell, "max_score")), dict(of(TaskCell, "max_score"))
        points = grades | tasks
        solutions = {name for (name,) in of(SolutionCell)}
        return [
            ReferenceCell(
                name=name,
                cell_type=cell_type,
                source=source or "",
                checksum=checksum,
                locked=locked,
                grade=name in grades,
                solution=name in solutions,
                task=name in tasks,
                points=points.get(name, 0.0),
            )
            for name, cell_type, source, checksum, locked in of(
                SourceCell, "cell_type", "source", "checksum", "locked"
            )
        ]


def restore(notebook: NotebookNode, cells: Sequence[ReferenceCell]) -> tuple[NotebookNode, list[str]]:
    """Put the instructor's cells back; the student's own follow the cell that they followed.

    Args:
        notebook: what reading.read_notebook returns.
        cells: what the notebook was released with.

    Returns:
        a notebook valid for nbformat and nbgrader, without outputs, and what was changed, in sentences.
    """
    last = {_name(cell): cell for cell in notebook.cells}
    known = {cell.name: last[cell.name] for cell in cells if cell.name in last}
    own: defaultdict[str, list[NotebookNode]] = defaultdict(list)
    order: list[str] = []
    copied: list[str] = []
    for cell in notebook.cells:
        name = _name(cell)
        if known.get(name) is cell:
            order.append(name)
            continue
        own[order[-1] if order else ""].append(_own(cell))
        if name in known:
            copied.append(name)
    restored = own[""]
    for ref in cells:
        if ref.name in known or ref.needed:
            restored.append(_restored(ref, known.get(ref.name)))
        restored += own[ref.name]
    for index, cell in enumerate(restored):
        cell["id"] = f"cell-{index}"
    restored_notebook = new_notebook(cells=restored, metadata=nbformat.from_dict(METADATA))
    return restored_notebook, _notes(cells, known, order, copied)


def listed(names: Iterable[str]) -> str:
    """Names as a part of a sentence."""
    shown = [repr(name) for name in dict.fromkeys(names)]
    more = [f"{len(shown) - LONGEST_LIST} more"] if len(shown) > LONGEST_LIST else []
    return ", ".join(shown[:LONGEST_LIST] + more)


def _name(cell: NotebookNode) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def _own(cell: NotebookNode) -> NotebookNode:
    """A cell of the student's own: no tag or other metadata of theirs steers the run."""
    return _new(cell.cell_type, cell.source, cell.get("attachments"))


def _new(cell_type: str, source: str, attachments: NotebookNode | None = None) -> NotebookNode:
    cell: dict[str, Any] = {"cell_type": cell_type, "source": source, "metadata": {}}
    if cell_type == "code":
        cell |= {"execution_count": None, "outputs": []}
    elif attachments:
        cell["attachments"] = attachments
    return nbformat.from_dict(cell)


def _restored(ref: ReferenceCell, cell: NotebookNode | None) -> NotebookNode:
    # An answer is not put back from the gradebook, whose text may hold what only the marker reads.
    absent = f"This cell ({ref.name}) was missing from the submission."
    absent = f"# {absent}" if ref.cell_type == "code" else absent
    source = ref.source if ref.given else absent if cell is None else cell.source
    restored = _new(ref.cell_type, source, cell and cell.get("attachments"))
    restored.metadata["nbgrader"] = _tag(ref)
    if not ref.given and source == absent:  # for nbgrader: nothing to mark
        restored.metadata.nbgrader["checksum"] = compute_checksum(restored)
    return restored


def _tag(ref: ReferenceCell) -> NotebookNode:
    tag = {
        "cell_type": ref.cell_type,
        "grade": ref.grade,
        "grade_id": ref.name,
        "locked": ref.locked,
        "schema_version": 3,
        "solution": ref.solution,
        "task": ref.task,
    }
    if ref.checksum:
        tag["checksum"] = ref.checksum
    if ref.grade or ref.task:
        tag["points"] = ref.points
    return nbformat.from_dict(tag)


def _notes(
    cells: Sequence[ReferenceCell], known: dict[str, NotebookNode], order: list[str], copied: list[str]
) -> list[str]:
    """What an instructor would like to know of."""
    if cells and not known:
        return ["It holds no cell of the assignment: ask the student for the notebook that was released."]
    present = [ref for ref in cells if ref.name in known]
    steps = SequenceMatcher(None, order, [ref.name for ref in present], autojunk=False).get_opcodes()
    moved = [step for step in steps if step[0] in ("delete", "replace")]
    said = {
        "What was missing from the submission was put back": (
            ref.name for ref in cells if ref.needed and ref.name not in known
        ),
        "Of cells in several copies the last counts": copied,
        "Given cells that differ from the assignment's were replaced": (
            ref.name for ref in present if _changed(ref, known[ref.name])
        ),
        "Points that differ from the assignment's were replaced": (
            ref.name for ref in present if _other_points(ref, known[ref.name])
        ),
        "Cells that had been moved were put in their place": (
            name for _, start, end, *_ in moved for name in order[start:end]
        ),
    }
    sentences = {what: listed(names) for what, names in said.items()}
    return [f"{what}: {names}." for what, names in sentences.items() if names]


def _changed(ref: ReferenceCell, cell: NotebookNode) -> bool:
    """Whether a given cell is not as released; of hidden tests only the checksum was."""
    if not ref.given or (cell.cell_type, cell.source) == (ref.cell_type, ref.source):
        return False
    handed_in = _new(cell.cell_type, cell.source)
    handed_in.metadata["nbgrader"] = _tag(ref)
    return compute_checksum(handed_in) != cell.metadata.nbgrader.get("checksum")


def _other_points(ref: ReferenceCell, cell: NotebookNode) -> bool:
    return (ref.grade or ref.task) and cell.metadata.nbgrader.get("points") != ref.points

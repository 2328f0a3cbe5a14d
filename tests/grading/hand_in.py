"""Hand in the sample class: fill the released notebook with each student's answers.

    python tests/grading/hand_in.py FOLDER

A student is a text file in class/<assignment>/: ``# %% name`` opens the answer to the cell of that nbgrader
name, ``# %% delete name`` deletes the cell. Submissions that are there already stay as they are.
"""

import re
import sys
from pathlib import Path

import nbformat

HERE = Path(__file__).parent
EXERCISES = HERE.parents[1] / "exercises"


def hand_in(student: Path, folder: Path) -> None:
    """Write one student's submission to folder/<student>/<assignment>/."""
    assignment = student.parent.name
    target = folder / student.stem / assignment / f"{assignment}.ipynb"
    if target.exists():
        return
    notebook = nbformat.read(EXERCISES / assignment / f"{assignment}.ipynb", as_version=4)
    cells = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
    _, *answers = re.split(r"^# %% (.+)\n", student.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for name, answer in zip(answers[::2], answers[1::2], strict=True):
        if name.startswith("delete "):
            notebook.cells.remove(cells[name.removeprefix("delete ")])
        else:
            cells[name].source = answer.strip()
    target.parent.mkdir(parents=True)
    nbformat.write(notebook, target)


if __name__ == "__main__":
    for student in sorted(HERE.glob("class/*/*.txt")):
        hand_in(student, Path(sys.argv[1]))

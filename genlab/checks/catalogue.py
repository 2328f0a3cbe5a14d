"""An assignment's catalogue of wrong ideas, and what its release tells of them.

    python -m genlab.checks.catalogue gmm-em

puts each idea of solutions/gmm-em_ideas.py through the visible tests of solutions/gmm-em/gmm-em.ipynb, and
writes into solutions/gmm-em/ideas.json what it answered where it failed, with the sentence for a student who
answers the same. Run it in the course's folder.
"""

import importlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from genlab import checks
from genlab.checks.ideas import Table, same


@dataclass(frozen=True)
class Idea:
    """A wrong idea: the function that it gets wrong, what its student should read, and how they write it."""

    target: str
    says: str
    function: Callable[..., Any]


def idea(target: str, says: str) -> Callable[[Callable[..., Any]], Idea]:
    """Decorate an implementation that goes wrong by this idea."""
    return lambda function: Idea(target, says, function)


@dataclass
class Assignment:
    """The source of an assignment; its cells run in one namespace, as in a kernel, the pictures left out.

    Args:
        folder: solutions/<name>, which holds <name>.ipynb, beside <name>_ideas.py.
        answers: code in place of the solution cells.

    Attributes:
        names: the namespace.
        ideas: name to wrong idea; their code sees the namespace too.
        tests: the test cells, grade id to source.
        points: grade id to points, of everything that is graded.
    """

    folder: Path
    answers: str = ""
    names: dict[str, Any] = field(init=False)
    ideas: dict[str, Idea] = field(init=False)
    tests: dict[str, str] = field(init=False)
    points: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        notebook = json.loads((self.folder / f"{self.folder.name}.ipynb").read_text(encoding="utf-8"))
        cells = [
            (cell["metadata"]["nbgrader"], "".join(cell["source"]), cell["cell_type"])
            for cell in notebook["cells"]
            if "nbgrader" in cell["metadata"]
        ]
        self.points = {data["grade_id"]: data["points"] for data, _, _ in cells if data["grade"]}
        self.tests = {
            data["grade_id"]: source for data, source, _ in cells if data["grade"] and not data["solution"]
        }
        solution = "\n".join(source for data, source, kind in cells if data["solution"] and kind == "code")
        catalogue = self.folder.with_name(f"{self.folder.name}_ideas.py")
        self.names = {"np": np} | {name: getattr(checks, name) for name in checks.__all__}
        self._run(catalogue.read_text(encoding="utf-8"), str(catalogue))
        self.ideas = {name: value for name, value in self.names.items() if isinstance(value, Idea)}
        self._run(self.answers or solution, "answers")

    def failures(self, function: str, *, hidden: bool = True) -> dict[str, checks.CheckFailed]:
        """Run the tests of a function, with or without their hidden part; returns grade id to failure."""
        failed = {}
        for grade_id, source in self.tests.items():
            if grade_id.startswith(f"test_{function}"):
                try:
                    self._run(source if hidden else visible(source), grade_id)
                except checks.CheckFailed as failure:
                    failed[grade_id] = failure
        return failed

    def failures_of(self, wrong: Idea, *, hidden: bool = True) -> dict[str, checks.CheckFailed]:
        """Run the tests of a function with a wrong idea in its place."""
        right = self.names[wrong.target]
        self.names[wrong.target] = wrong.function
        try:
            return self.failures(wrong.target, hidden=hidden)
        finally:
            self.names[wrong.target] = right

    def table(self) -> Table:
        """Collect what wrong ideas answer where they first fail a visible test, unless two answer alike."""
        known: Table = {}
        for wrong in self.ideas.values():
            for failure in self.failures_of(wrong, hidden=False).values():
                if failure.question:
                    got = [None if part is None else np.round(part, 9).tolist() for part in failure.got]
                    known.setdefault(failure.question, []).append({"says": wrong.says, "got": got})
        for question, entries in known.items():
            says = [{other["says"] for other in entries if same(other["got"], e["got"])} for e in entries]
            alone = [entry for entry, sentences in zip(entries, says, strict=True) if len(sentences) == 1]
            known[question] = [
                e for i, e in enumerate(alone) if not any(same(e["got"], a["got"]) for a in alone[:i])
            ]
        return {question: entries for question, entries in known.items() if entries}

    def _run(self, source: str, name: str) -> None:
        exec(compile(source, name, "exec"), self.names)


def visible(source: str, begin: str = "BEGIN HIDDEN TESTS", end: str = "END HIDDEN TESTS") -> str:
    """Return a test cell without its hidden tests; with an end that nothing began, none of it.

    Args:
        source: the cell's.
        begin: what marks a hidden part's first line.
        end: what marks its last.
    """
    lines: list[str] = []
    hidden = False
    for line in source.split("\n"):
        if begin in line:
            hidden = True
        elif end in line:
            if not hidden:
                return ""
            hidden = False
        elif not hidden:
            lines.append(line)
    return "\n".join(lines)


def write(folder: Path) -> None:
    """Write an assignment's ideas.json, an answer a line."""
    questions = [
        f'"{question}": [\n' + ",\n".join(json.dumps(entry) for entry in entries) + "\n]"
        for question, entries in Assignment(folder).table().items()
    ]
    text = "{\n" + ",\n".join(questions) + "\n}\n"
    (folder / "ideas.json").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path("solutions", sys.argv[1]).is_dir():
        sys.exit(f"Say which assignment of {Path('solutions').resolve()} is meant.\n{__doc__}")
    # By its name: the ideas are instances of that module's Idea, not of this one's, which is __main__.
    importlib.import_module("genlab.checks.catalogue").write(Path("solutions", sys.argv[1]))

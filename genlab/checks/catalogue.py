"""An assignment's catalogue of wrong ideas, and what its release tells of them.

    python -m genlab.checks.catalogue gmm-em

puts each idea of solutions/gmm-em_ideas.py through the visible tests of solutions/gmm-em/gmm-em.ipynb, and
writes into solutions/gmm-em/ideas.json what it answered where it failed, with the sentence for a student who
answers the same. Run it in the course's folder.
"""

import copy
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from genlab import checks
from genlab.checks.answer import Wrong, quiet
from genlab.checks.ideas import Table, same
from genlab.checks.results import function_of


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
        functions: what is to be written.
    """

    folder: Path
    answers: str = ""
    names: dict[str, Any] = field(init=False)
    ideas: dict[str, Idea] = field(init=False)
    tests: dict[str, str] = field(init=False)
    points: dict[str, int] = field(init=False)
    functions: list[str] = field(init=False)

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
        written = {
            data["grade_id"]: text for data, text, kind in cells if data["solution"] and kind == "code"
        }
        self.functions = list(written)
        catalogue = self.folder.with_name(f"{self.folder.name}_ideas.py")
        self.names = _names()
        self._run(catalogue.read_text(encoding="utf-8"), str(catalogue))
        self.ideas = _ideas(self.names)
        self._run(self.answers or "\n".join(written.values()), "answers")

    def failures(self, function: str, *, hidden: bool = True) -> dict[str, checks.CheckFailed]:
        """Run the tests of a function, with or without their hidden part; returns grade id to failure."""
        failed = {}
        for grade_id, source in self.tests.items():
            if function_of(grade_id, self.functions) == function:
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
        """Collect what wrong ideas answer where they first fail a visible test, unless two answer alike.

        Where the test itself names the idea, it need not be known by its answer, which may be all rounding.
        (Known answers must not have been read: else they name it, too.)
        """
        known: Table = {}
        told = []  # by the test itself
        for wrong in self.ideas.values():
            for failure in self.failures_of(wrong, hidden=False).values():
                if failure.wrong:
                    got = [None if part is None else np.round(part, 9).tolist() for part in failure.wrong.got]
                    entry = {"says": wrong.says, "got": got}
                    known.setdefault(failure.wrong.question, []).append(entry)
                    if wrong.says in str(failure):
                        told.append(entry)
        for question, entries in known.items():
            says = [{other["says"] for other in entries if same(other["got"], e["got"])} for e in entries]
            alone = [entry for entry, sentences in zip(entries, says, strict=True) if len(sentences) == 1]
            known[question] = [
                e
                for i, e in enumerate(alone)
                if e not in told and not any(same(e["got"], a["got"]) for a in alone[:i])
            ]
        return {question: entries for question, entries in known.items() if entries}

    def _run(self, source: str, name: str) -> None:
        exec(compile(source, name, "exec"), self.names)


def recognise(code: str, failure: checks.CheckFailed) -> str:
    """Name the wrong idea behind wrong values, on any input: hidden tests', too.

    Args:
        code: of an assignment's catalogue, <name>_ideas.py. It is run here: never give it a student's.
        failure: of a test.

    Returns:
        The sentence of the idea that answers the same call the same way, where that is not the right answer;
        "" if there is none, or if ideas with different sentences do.
    """
    wrong = failure.wrong
    if wrong is None:
        return ""
    names = _names()
    exec(compile(code, "ideas", "exec"), names)
    ideas = [idea for idea in _ideas(names).values() if idea.target == wrong.function]
    sentences = {idea.says for idea in ideas if _answers_so(idea, wrong)}
    return sentences.pop() if len(sentences) == 1 else ""


def _answers_so(idea: Idea, wrong: Wrong) -> bool:
    """Say whether an idea's answer is that wrong one."""
    state = np.random.get_state()  # noqa: NPY002, an idea may use it
    try:
        with quiet():
            result = idea.function(*copy.deepcopy(wrong.arguments), **copy.deepcopy(wrong.options))
            parts = [result] if len(wrong.got) == 1 else result
            return same(parts, wrong.got) and not same(parts, wrong.expected)
    except (Exception, SystemExit):  # wrong ideas may fail in any way
        return False
    finally:
        np.random.set_state(state)  # noqa: NPY002


def _names() -> dict[str, Any]:
    return {"np": np} | {name: getattr(checks, name) for name in checks.__all__}


def _ideas(names: dict[str, Any]) -> dict[str, Idea]:
    return {name: value for name, value in names.items() if isinstance(value, Idea)}


def visible(source: str, begin: str = "BEGIN HIDDEN TESTS", end: str = "END HIDDEN TESTS") -> str:
    """Return a test cell without its hidden tests; with an end that nothing began, none of it.

    Args:
        source: the cell's.
        begin: what marks a hidden part's first line.
        end: what marks its last.
    """
    lines = source.split("\n")
    return "\n".join(lines[number - 1] for number in visible_lines(source, begin, end))


def visible_lines(source: str, begin: str, end: str) -> list[int]:
    """Return the numbers of the lines that visible() leaves; the first line is 1."""
    numbers: list[int] = []
    hidden = False
    for number, line in enumerate(source.split("\n"), start=1):
        if begin in line:
            hidden = True
        elif end in line:
            if not hidden:
                return []
            hidden = False
        elif not hidden:
            numbers.append(number)
    return numbers


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
    # Of this module there are two now: the ideas are those of the one that the catalogues import.
    from genlab.checks import catalogue

    catalogue.write(Path("solutions", sys.argv[1]))

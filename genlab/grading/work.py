"""A notebook to examine, and what came of it: complete in themselves, as bytes, for any executor."""

import base64
import functools
import hashlib
import json
import platform
import sysconfig
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

import genlab


@dataclass(frozen=True)
class Work:
    """All that examining one notebook of a submission needs.

    Attributes:
        assignment: its name.
        notebook: the submission's notebook, restored: every test cell with its whole source.
        source: the instructor's notebook, with solutions.
        files: the submission's other files, by their path relative to the notebook.
        given: the instructor's other files; each takes the place of a file of the student's.
        ideas: the code of the assignment's catalogue of wrong ideas; "" if it has none.
        unavailable: modules that are not there to import.
        hidden: what marks the first line of a test's hidden part, and the last.
        cell_seconds: what a cell, or a test, may take.
        submission_seconds: what all of them may take together.
        unsafe: run without the sandbox.
    """

    assignment: str
    notebook: NotebookNode
    source: NotebookNode
    files: Mapping[str, bytes]
    given: Mapping[str, bytes]
    ideas: str = ""
    unavailable: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ("BEGIN HIDDEN TESTS", "END HIDDEN TESTS")
    cell_seconds: int = 30
    submission_seconds: int = 300
    unsafe: bool = False

    def to_bytes(self) -> bytes:
        """Encode; equal work gives equal bytes."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        for name in ("files", "given"):
            fields[name] = {path: base64.b64encode(data).decode() for path, data in fields[name].items()}
        return json.dumps(fields, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Work":
        """Decode what to_bytes gave."""
        fields = json.loads(data)
        for name in ("files", "given"):
            fields[name] = {path: base64.b64decode(text) for path, text in fields[name].items()}
        for name in ("unavailable", "hidden"):
            fields[name] = tuple(fields[name])
        for name in ("notebook", "source"):
            fields[name] = nbformat.from_dict(fields[name])
        return cls(**fields)


def key(work: bytes) -> str:
    """Name the result of some work: a digest of the work, of genlab and of the environment."""
    return hashlib.sha256(_environment() + work).hexdigest()


@functools.cache
def _environment() -> bytes:
    digest = hashlib.sha256(platform.python_version().encode())
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    for name in sorted(found.name for folder in folders for found in Path(folder).glob("*.dist-info")):
        digest.update(name.encode())  # a package and its version
    for file in sorted(Path(genlab.__file__).parent.rglob("*.*")):
        if file.suffix != ".pyc":
            digest.update(file.read_bytes())
    return digest.digest()


@dataclass(frozen=True)
class Verdict:
    """On one test cell.

    Attributes:
        score: the points earned.
        says: what the student reads: why points are missing, or "".
        evidence: what the instructor reads besides: input, expected and got, with the test's traceback.
    """

    score: float
    says: str = ""
    evidence: str = ""


@dataclass(frozen=True)
class Result:
    """Of examining one notebook.

    Attributes:
        notebook: the work's, with the outputs of the student's cells, and of the tests only the verdict.
        verdicts: by the test cells' names (grade_id).
        problem: what went wrong with the submission as a whole, or "".
        seconds: how long it took.
        unsafe: it ran without the sandbox.
        settled: neither the examination nor a process of the student's was killed. Otherwise it may be the
            machine's doing, not theirs, so a further run examines the submission again.
    """

    notebook: NotebookNode
    verdicts: dict[str, Verdict]
    problem: str = ""
    seconds: float = 0.0
    unsafe: bool = False
    settled: bool = True

    def to_bytes(self) -> bytes:
        """Encode."""
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Result":
        """Decode what to_bytes gave."""
        fields: dict[str, Any] = json.loads(data)
        fields["notebook"] = nbformat.from_dict(fields["notebook"])
        fields["verdicts"] = {name: Verdict(**verdict) for name, verdict in fields["verdicts"].items()}
        return cls(**fields)

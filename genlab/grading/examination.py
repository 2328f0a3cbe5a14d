"""Examine one notebook: the student's cells first, all of them, then the tests. Bytes in, bytes out.

Nothing that a test asks can reach an output of the student's: by then, the student's cells are over.
"""

import copy
import dataclasses
import gc
import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from nbformat import NotebookNode
from nbformat.v4 import new_output

from genlab.grading.candidates import Candidate, CandidateFailed, Nursery, nursery
from genlab.grading.examiner import Examiner, warm
from genlab.grading.rehearsal import Rehearsal, is_test
from genlab.grading.sanitize import harmless
from genlab.grading.work import Result, Verdict, Work

GRACE = 60  # seconds beyond what cells and tests may take, before the examination is given up
MEMORY = 4 * 2**30  # bytes that an examiner may map, whatever an answer makes a test do

ATTEMPTS = 2


class ExaminationFailed(RuntimeError):
    """A submission could not be examined; the message says why."""


def examine(work: bytes) -> bytes:
    """Examine a notebook, in a process of its own.

    Args:
        work: of Work.to_bytes.

    Returns:
        What Result.from_bytes reads.

    Raises:
        SandboxUnavailable: bubblewrap is missing or may not make a sandbox here.
        ExaminationFailed: the fault is the grader's, or the machine's: another attempt may succeed.
    """
    start = time.monotonic()
    given = Work.from_bytes(work)
    nursery(given.unavailable, given.unsafe)  # warms up meanwhile
    warm(given)
    for _ in range(ATTEMPTS):
        items = _in_a_fork(given, nursery(given.unavailable, given.unsafe))
        end = items[-1] if items else {}
        if end.get("done") == "well" or "silent" in end:
            break  # else something failed, or was killed
    if "failed" in end:
        raise ExaminationFailed(end["failed"])
    return _result(given, items, time.monotonic() - start).to_bytes()


def _in_a_fork(work: Work, nursery: Nursery) -> list[dict[str, Any]]:
    """Examine in a process that is given up when it takes too long; returns what it found."""
    reader, writer = os.pipe()
    folder = tempfile.TemporaryDirectory(prefix="genlab-", ignore_cleanup_errors=True)
    gc.freeze()  # a collection would touch, and so copy, every page that the two share
    with warnings.catch_warnings(action="ignore"):  # of forks in a process with threads
        child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            with open(writer, "w", encoding="utf-8", closefd=False) as report:
                for item in _examine(work, nursery, folder.name):
                    print(json.dumps(item), file=report, flush=True)
        except BrokenPipeError:  # nobody waits for it any more
            pass
        except BaseException:
            with open(writer, "w", encoding="utf-8", closefd=False) as report:
                print(json.dumps({"failed": traceback.format_exc()}), file=report, flush=True)
        finally:
            os._exit(0)
    os.close(writer)
    try:
        return _read(reader, work.submission_seconds + GRACE, work.cell_seconds + GRACE)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        folder.cleanup()


def _examine(work: Work, nursery: Nursery, folder: str) -> Iterator[dict[str, Any]]:
    """Yield what is found, as it is found: each verdict, the student's notebook, and how it ended."""
    os.chdir(folder)  # what the instructor's cells read is there, and nothing of the student's
    for name, data in work.given.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    sys.path.insert(0, "")  # as in any notebook, modules beside it can be imported
    np.random.seed()  # noqa: NPY002, or all forks would draw the same
    fared = set()
    try:
        rehearsal, candidate = _rehearse(work, nursery)
        examiner = Examiner(work, candidate.channels, rehearsal.unreached)
        for name, verdict in examiner.verdicts():
            yield {"test": name, "verdict": dataclasses.asdict(verdict)}
        fared.add(_close(candidate))
        if examiner.failed and not rehearsal.unreached:
            brief = dataclasses.replace(work, submission_seconds=work.cell_seconds)
            cells = work.notebook.cells  # of which what stands behind the last failed test is not needed
            last = max(n for n, c in enumerate(cells) if is_test(c) and _name(c) in examiner.failed)
            without = {*rehearsal.cut_short, *range(last, len(cells))}
            _, candidate = _rehearse(brief, nursery, without, figures=False)
            for name, verdict in examiner.told(candidate.channels):
                yield {"test": name, "verdict": dataclasses.asdict(verdict)}
            fared.add(_close(candidate))
        yield {"notebook": harmless(rehearsal.nb)}  # last, as there may be markup that takes for ever
    except CandidateFailed as error:
        yield {"failed": str(error)}
    else:
        yield {"done": "killed" if "killed" in fared else "well"}


def _close(candidate: Candidate) -> str:
    fared = candidate.fared(GRACE)
    candidate.close()
    if fared == "lost":
        raise CandidateFailed("the sandbox was ended from outside")
    return fared


def _rehearse(
    work: Work, nursery: Nursery, without: Collection[int] = (), figures: bool = True
) -> tuple[Rehearsal, Candidate]:
    """Run the student's cells, in a candidate of their own."""
    notebook = copy.deepcopy(work.notebook)
    for index in without:
        notebook.cells[index].source = ""
    files = {**work.files, **work.given}
    rehearsal = Rehearsal(notebook, nursery, files, work.cell_seconds, work.submission_seconds, figures)
    return rehearsal, rehearsal.run()


def _read(pipe: int, first: float, others: float) -> list[dict[str, Any]]:
    """What the examination wrote until its end, or until it was silent for so many seconds."""
    data, silent = b"", []
    with open(pipe, "rb", buffering=0) as file:
        while True:
            if not select.select([file], [], [], others if b"\n" in data else first)[0]:
                silent = [{"silent": True}]
                break
            piece = file.read(2**20)
            if not piece:
                break
            data += piece
    return [json.loads(line) for line in data.split(b"\n")[:-1]] + silent


def _result(work: Work, items: list[dict[str, Any]], seconds: float) -> Result:
    """Put the notebook together. A test has failed unless a verdict says otherwise."""
    problem = ""
    verdicts = {item["test"]: Verdict(**item["verdict"]) for item in items if "test" in item}
    shown = [item["notebook"] for item in items if "notebook" in item]
    notebook = nbformat.from_dict(shown[0]) if shown else harmless(work.notebook, seconds=0)
    end = items[-1] if items else {}
    if "done" not in end:
        problem = (
            "Not examined to its end: it took too long, or too much memory. Tests not reached have no marks."
        )
    for cell in notebook.cells:
        if is_test(cell):
            verdict = verdicts.setdefault(_name(cell), Verdict(0.0, problem or "This test was not reached."))
            _show(cell, verdict)
    settled = end.get("done") == "well" or "silent" in end
    return Result(notebook, verdicts, problem, seconds, work.unsafe, settled)


def _name(test: NotebookNode) -> str:
    return str(test.metadata.nbgrader.grade_id)


def _show(cell: NotebookNode, verdict: Verdict) -> None:
    """Make the verdict the only output of a test, in the form that nbgrader reads."""
    cell.outputs = []
    cell.metadata.genlab = {"says": verdict.says}
    if verdict.score >= float(cell.metadata.nbgrader.points):
        return
    if verdict.score > 0:
        data = {"text/plain": str(verdict.score)}
        cell.outputs = [new_output("execute_result", data, execution_count=None)]
    else:
        trace = [verdict.evidence or verdict.says]
        cell.outputs = [new_output("error", ename="Failed", evalue=verdict.says, traceback=trace)]

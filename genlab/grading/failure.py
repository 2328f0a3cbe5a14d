"""Why a test failed: in words for the student, with all evidence for the instructor."""

import reprlib
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from genlab.checks import CheckFailed
from genlab.grading import markup
from genlab.grading.snapshot import NoAnswer, Snapshot

MAX_MESSAGE = 2_000  # characters that the student reads about a test
MAX_EVIDENCE = 20_000  # and the instructor


class Failure:
    """Why a test failed.

    Args:
        error: what it raised.
        source: the test.
        cause: the snapshot of the candidate that was asked, or what went wrong in the grader.
    """

    def __init__(self, error: BaseException, source: str, cause: Snapshot | BaseException) -> None:
        self.error = error
        self.source = source
        self.broken, self.detail = "", ""
        if isinstance(cause, Snapshot):
            self.broken, self.detail = cause.broken, cause.detail
            self.evidence = _evidence(error, cause)
        else:
            self.evidence = "".join(traceback.format_exception(cause))

    def for_student(self, hidden: bool = False, what: str = "A hidden test") -> str:
        """What the student may read: of a hidden part what the test itself says, and nothing of its input."""
        if self.broken or isinstance(self.error, NoAnswer):
            text = self.broken or str(self.error)
            text += f" ({self.detail})" if self.detail and not hidden else ""
        elif isinstance(self.error, CheckFailed) and not (hidden and self.error.quotes):
            text = str(self.error)
        elif not hidden:
            at = self._lines()
            line = f"\n  in: {self._line(at[-1])}" if at else ""
            text = f"{type(self.error).__name__}: {self.error}".rstrip(": ") + line
        else:
            text = f"{what} failed ({type(self.error).__name__})."
        return markup.text(text)[:MAX_MESSAGE]

    def passed(self, visible: Sequence[int]) -> bool:
        """Say whether these lines of the test had all been passed: it failed behind them, in none of them."""
        at = self._lines()
        hidden = [number for number in at if number not in visible]
        left = [self._line(n) for n in visible if n not in at and n > max(hidden, default=0)]
        return bool(hidden) and all(not line or line.startswith("#") for line in left)

    def _lines(self) -> list[int]:
        """The lines of the test at which it failed, the innermost last; not those of other cells."""
        calls = [
            (frame.f_code.co_filename, line)
            for frame, line in traceback.walk_tb(self.error.__traceback__)
            if _is_cell(frame)
        ]
        return [line for cell, line in calls if cell == calls[0][0]]

    def _line(self, number: int) -> str:
        lines = self.source.split("\n")
        return lines[number - 1].strip() if number <= len(lines) else ""


def _evidence(error: BaseException, snapshot: Snapshot) -> str:
    """For the instructor: the last call with its input and answer, and the way to the failure."""
    brief = reprlib.Repr()
    brief.maxlist = brief.maxtuple = brief.maxdict = 50
    brief.maxstring, brief.maxother = 500, 2000
    text = []
    with np.printoptions(threshold=50), suppress(Exception, NoAnswer):
        if snapshot.last:
            args, options, *answer = snapshot.last
            text.append("The last call:")
            text += [
                f"  argument {name}: {brief.repr(value)}"
                for name, value in [*enumerate(args), *options.items()]
            ]
            text += [f"  answer: {brief.repr(value)}" for value in answer]
    trace = [f for f in traceback.extract_tb(error.__traceback__) if "IPython" not in f.filename]
    text += traceback.StackSummary.from_list(trace).format()
    text += [snapshot.detail] if snapshot.detail else []
    return "\n".join([*text, f"{type(error).__name__}: {error}"])[:MAX_EVIDENCE]


def _is_cell(frame: Any) -> bool:
    return frame.f_globals.get("__name__") == "__main__" and "ipython" in frame.f_code.co_filename

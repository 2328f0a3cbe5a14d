"""What became of one student's submission."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Outcome:
    """What grading, or writing feedback, did for one student.

    Attributes:
        student: the student.
        status: done; unchanged, so that nothing was to be done; or failed.
        says: why it failed, and what helps.
        seconds: how long examining took; 0 if the result was there from an earlier run.
    """

    student: str
    status: Literal["done", "unchanged", "failed"]
    says: str = ""
    seconds: float = 0.0


def plain(text: str) -> str:
    """Text that a student wrote, without what a terminal would obey."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )

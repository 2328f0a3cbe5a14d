"""How a failed check is put into words."""

import traceback

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FEW = 12  # numbers that are shown in full


def error(raised: BaseException) -> str:
    """Name an error, as the last line of a traceback does."""
    return f"{type(raised).__name__}: {raised}".rstrip(": ")


def error_type(raised: BaseException) -> str:
    """Name an error's type alone, if it is a common one: other names, and texts, may quote the input."""
    known = type(raised).__module__ in ("builtins", "numpy.exceptions", "numpy.linalg")
    return type(raised).__name__ if known else "an error"


def line_in(function: str, raised: BaseException) -> str:
    """Say in which line of a function the error arose, if that is known."""
    lines = [
        line for frame, line in traceback.walk_tb(raised.__traceback__) if frame.f_code.co_name == function
    ]
    return f", in line {lines[0]} of the cell" if lines else ""


def unfinished(function: str, raised: NotImplementedError) -> str:
    """Say which function is still a blank."""
    names = [frame.f_code.co_name for frame, _ in traceback.walk_tb(raised.__traceback__)]
    if function in names[:-1]:
        return f"it calls {names[-1]}, which is not written yet."
    return "not written yet. Replace `raise NotImplementedError()` by your answer."


def difference(label: str, want: Array, got: Array) -> str:
    """Show expected and got: in full where they are few, else where they differ most."""
    if got.shape != want.shape:
        return f"  shape of {label}\n    expected {want.shape}\n    got      {got.shape}"
    where = ""
    if want.size > FEW:
        gap = np.where(np.isfinite(got), np.abs(got - want), np.inf)
        index = tuple(int(i) for i in np.unravel_index(int(gap.argmax()), want.shape))
        where = str(list(index))
        want, got = np.asarray(want[index]), np.asarray(got[index])
    return f"  {label}{where}\n    expected {_inline(want)}\n    got      {_inline(got)}"


def _inline(array: Array) -> str:
    text = np.array2string(array, separator=", ", formatter={"float_kind": lambda x: f"{x:.9g}"})
    return " ".join(text.split())

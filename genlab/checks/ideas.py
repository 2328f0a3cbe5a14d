"""Known wrong answers: what a wrong idea gives on a visible test, and what to say to a student who has it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Parts = Sequence[NDArray[np.float64] | None]
"""An answer in parts, one a returned value; None where a part is not compared."""

Table = dict[str, list[dict[str, Any]]]
"""Key of a question to its wrong answers: {"says": the sentence, "got": the parts}."""

_known: Table = {}


def read(path: Path) -> None:
    """Read an assignment's known wrong answers, in place of those read before; no file, no answers."""
    _known.clear()
    if path.exists():
        _known.update(json.loads(path.read_text(encoding="utf-8")))


def key(function: str, arguments: Sequence[Any], options: Mapping[str, Any]) -> str:
    """Name a question: the function, and a digest of its arguments (a Generator counts as any other)."""
    digest = hashlib.sha256()
    for name, value in [*enumerate(arguments), *sorted(options.items())]:
        array = np.asarray(value)
        array = array.astype("<f8") if array.dtype.kind in "biuf" else np.array(type(value).__name__)
        digest.update(f"{name} {array.shape} ".encode() + array.tobytes())
    return f"{function} {digest.hexdigest()[:16]}"


def find(question: str, answer: Parts) -> str:
    """Return the sentence for a known wrong answer, or an empty string."""
    for known in _known.get(question, []):
        if same(known["got"], answer):
            return str(known["says"])
    return ""


def same(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Say whether two answers agree, part by part, as far as both are compared."""
    if len(one) != len(other):
        return False
    for a, b in zip(one, other, strict=True):
        if a is None or b is None:
            continue
        a, b = np.asarray(a, float), np.asarray(b, float)
        # Loose enough for 1e-6 on a diagonal; answers that mean different things lie much further apart.
        if a.shape != b.shape or not np.allclose(a, b, rtol=1e-5, atol=1e-5, equal_nan=True):
            return False
    return True

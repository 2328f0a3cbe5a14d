"""Ask a student's function, and judge what comes back."""

import copy
import textwrap
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from numbers import Integral
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from genlab.checks import ideas, wording
from genlab.checks.chance import fresh

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Wrong:
    """A call of a student's function, the right answer, and the wrong one that came back, both in parts."""

    function: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    expected: ideas.Parts
    got: ideas.Parts

    @property
    def question(self) -> str:
        """The key of the call among known wrong answers."""
        return ideas.key(self.function, self.arguments, self.options)


class CheckFailed(AssertionError):
    """A failed check. Its message is for the student.

    Attributes:
        wrong: the call that had wrong values for an answer, if it is that which failed.
        quotes: the message quotes values, or what the student's function says.
    """

    def __init__(self, message: str, wrong: "Wrong | None" = None, quotes: bool = False) -> None:
        super().__init__(message)
        self.wrong = wrong
        self.quotes = quotes

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the message, without the way to it."""
        return ["\n".join(textwrap.fill(line, 84) for line in str(self).splitlines())]


class Answer:
    """A student's function, to be tested.

    Each method calls the function with copies of the arguments (lists become arrays), and raises CheckFailed
    if it raises, returns nothing, changes an argument, or returns something of another form. Whatever numpy's
    asarray turns into the stated shape will do, and a list for a tuple. Prints and warnings cost nothing.

    A hidden test names the kind of its input; its failure then tells neither input nor values.

    Args:
        name: the function's name.
        function: the function.
        returns: the names of its parts, if it returns several.
        integers: the names of those parts that must hold integers; booleans will do.
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        returns: Sequence[str] = (),
        integers: Collection[str] = (),
    ) -> None:
        self.name = name
        self.function = function
        self.returns = tuple(returns)
        self.integers = integers
        self.labels = self.returns or ("the result",)

    def gives(
        self,
        expected: Any,
        *arguments: Any,
        kind: str = "",
        idea: str = "",
        underflow: str = "",
        rtol: float = 1e-6,
        atol: float = 1e-9,
        **options: Any,
    ) -> None:
        """Check the values of the answer.

        Args:
            expected: the right answer; of several parts a tuple, with ... for a part that is not compared.
            arguments: of the student's function.
            kind: of input, in a hidden test.
            idea: what to say of wrong values, unless they are those of a known wrong idea.
            underflow: what to say of nan, infinity or 0 where another number is expected.
            rtol: relative tolerance.
            atol: absolute tolerance.
            options: keyword arguments of the student's function.
        """
        asked = tuple(map(_as_it_is, arguments))
        kept = {name: _as_it_is(option) for name, option in options.items()}
        parts = self._parts(self._call(arguments, options, kind, underflow), kind)
        wanted = [
            None if part is ... else np.asarray(part, float)
            for part in (expected if self.returns else (expected,))
        ]
        answer = [None if w is None else part.astype(float) for w, part in zip(wanted, parts, strict=True)]
        for label, want, got, part in zip(self.labels, wanted, answer, parts, strict=True):
            if want is None or got is None:
                continue
            fits = got.shape == want.shape
            if fits and np.allclose(got, want, rtol, atol):
                self._typed(label, part, kind)
                continue
            if fits and np.any(~np.isfinite(got) | ((got == 0) & (want != 0))):
                idea = underflow or idea
            wrong = Wrong(self.name, asked, kept, wanted, answer)
            amiss = f"wrong values in {label}." if fits else f"the shape of {label} is wrong."
            says = ideas.find(wrong.question, answer) or idea or amiss
            difference = wording.difference(label, want, got)
            self._fail(says if kind else f"{says}\n{difference}", kind, wrong, quotes=not kind)

    def of(self, *arguments: Any, shapes: Any, kind: str = "", idea: str = "", **options: Any) -> Any:
        """Return the answer as an array of floats, or a tuple of arrays, to look at its properties.

        Args:
            arguments: of the student's function; a Generator is drawn from.
            shapes: the shape of the answer, or of each part; -1 stands for any length.
            kind: of input, in a hidden test.
            idea: what to say of nan, or of arithmetic that fails.
            options: keyword arguments of the student's function.
        """
        parts = self._parts(self._call(arguments, options, kind, idea), kind)
        for label, shape, part in zip(self.labels, shapes if self.returns else (shapes,), parts, strict=True):
            wanted = tuple(n if m == -1 else m for n, m in zip(part.shape, shape, strict=False))
            if part.ndim != len(shape) or part.shape != wanted:
                must = str(shape).replace("-1", "any") if shape else "(), a number"
                says = "wrong" if kind else f"{part.shape}; it must be {must}"
                self._fail(f"the shape of {label} is {says}.", kind, quotes=not kind)
            if np.isnan(part).any():
                self._fail(idea or f"there is nan in {label}.", kind)
            self._typed(label, part, kind)
        numbers = [part.astype(float) for part in parts]
        return tuple(numbers) if self.returns else numbers[0]

    def raises(
        self, error: type[Exception], *arguments: Any, idea: str, kind: str = "", **options: Any
    ) -> None:
        """Check that the function refuses the arguments with this error; if it does not, idea is said."""
        try:
            with quiet():
                self.function(*map(_copy, arguments), **options)
        except error:
            return
        except NotImplementedError as raised:
            self._fail(wording.unfinished(self.name, raised), kind)
        except (Exception, SystemExit) as raised:
            self._fail(f"{idea} It raises {wording.error_type(raised)} instead.", kind)
        self._fail(idea, kind)

    def draws(self, *arguments: Any, **options: Any) -> None:
        """Check that the function draws from the Generator among its arguments, and from nothing else.

        Args:
            arguments: of the student's function; such that its answer practically never comes twice.
            options: keyword arguments of the student's function.
        """
        start = copy.deepcopy(arguments)
        np.random.seed(fresh().integers(2**32))  # noqa: NPY002, or who seeds it may leave it as it was
        before: Any = np.random.get_state()  # noqa: NPY002, the student must leave it alone
        first, *later = [self._parts(self._call(arguments, options)) for _ in range(4)]
        after: Any = np.random.get_state()  # noqa: NPY002
        self.holds(
            all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)),
            "np.random's global state changed. Draw from rng (rng.choice, rng.normal, ...), "
            "never from np.random itself.",
        )
        self.holds(
            ideas.same(first, self._parts(self._call(start, options))),
            "the same state of rng gave two different answers: something is drawn from elsewhere. "
            "Draw from rng alone, and make no generator of your own.",
        )
        self.holds(
            not all(ideas.same(first, other) for other in later),
            "the answer is the same whatever the state of rng: "
            "a seed is fixed inside, or nothing is drawn from rng.",
        )

    def holds(self, condition: Any, sentence: str) -> None:
        """Check a property of an answer; the sentence is what to say if it fails."""
        if not condition:
            self._fail(sentence)

    def _call(self, arguments: Sequence[Any], options: dict[str, Any], kind: str = "", idea: str = "") -> Any:
        given = [_copy(argument) for argument in arguments]
        before = [_copy(argument) for argument in given]
        try:
            with quiet():
                result = self.function(*given, **options)
        except NotImplementedError as raised:
            self._fail(wording.unfinished(self.name, raised), kind)
        except (Exception, SystemExit) as raised:
            named = wording.error_type(raised) if kind else wording.error(raised)
            where = "" if kind else wording.line_in(self.name, raised)
            says = f" {idea}" if idea and isinstance(raised, (ArithmeticError, ValueError)) else ""
            self._fail(f"raises {named}{where}.{says}", kind, quotes=not kind)
        for old, new in zip(before, given, strict=True):
            if isinstance(old, np.ndarray) and not np.array_equal(old, new, equal_nan=True):
                self._fail("it changes an array that it was given. Work on a copy.", kind)
        if result is None:
            self._fail("it returns None. Is a `return` missing?", kind)
        return result

    def _parts(self, result: Any, kind: str = "") -> list[NDArray[Any]]:
        values = [result]
        if self.returns:
            several = isinstance(result, (tuple, list))
            if not several or len(result) != len(self.returns):
                got = len(result) if several else f"one {type(result).__name__}"
                # Of a hidden input no number is told: the student's code can choose it.
                found = "" if kind and several else f", not {got}"
                self._fail(
                    f"it must return {len(self.returns)} things, ({', '.join(self.returns)}){found}.",
                    kind,
                )
            values = list(result)
        return [self._array(label, value, kind) for label, value in zip(self.labels, values, strict=True)]

    def _array(self, label: str, value: Any, kind: str) -> NDArray[Any]:
        try:
            array = np.asarray(value)
            if array.dtype.kind == "O":
                whole = label in self.integers and all(isinstance(item, Integral) for item in array.flat)
                array = array.astype(int if whole else float)
            if array.dtype.kind in "biuf":
                return array
        except Exception:  # a student's object may raise anything
            pass
        self._fail(f"{label} must hold numbers, in one shape; it is of type {type(value).__name__}.", kind)

    def _typed(self, label: str, part: NDArray[Any], kind: str) -> None:
        if label in self.integers and part.dtype.kind == "f":
            self._fail(f"{label} must hold integers, by type, too: 2, not 2.0.", kind)

    def _fail(self, says: str, kind: str = "", wrong: Wrong | None = None, quotes: bool = False) -> NoReturn:
        where = f" (hidden test: {kind})" if kind else ""
        raise CheckFailed(f"{self.name}{where}: {says}", wrong, quotes) from None


@contextmanager
def quiet() -> Iterator[None]:
    """Keep prints and warnings out of the cell's output, where nbgrader takes a warning for failure."""
    with (
        redirect_stdout(StringIO()),
        redirect_stderr(StringIO()),
        np.errstate(all="warn"),
        warnings.catch_warnings(action="ignore"),
    ):
        yield


def _copy(argument: Any) -> Any:
    if isinstance(argument, (list, tuple)):
        return np.array(argument, float)
    return argument.copy() if isinstance(argument, np.ndarray) else argument


def _as_it_is(argument: Any) -> Any:
    """A copy for later: the function that is asked now may draw from a Generator."""
    return copy.deepcopy(argument) if isinstance(argument, np.random.Generator) else _copy(argument)

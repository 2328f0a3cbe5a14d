"""What a notebook calls around its test cells."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from genlab.checks import ideas, results, wording
from genlab.checks.answer import CheckFailed
from genlab.unavailable import UNAVAILABLE, refuse


def begin(assignment: str) -> None:
    """Open an assignment: refuse what it makes unavailable, read its known wrong answers, record its tests.

    Args:
        assignment: its name. Its ideas.json is read from the working directory, the notebook's own.

    Raises:
        ValueError: there is no assignment of that name.
    """
    if assignment not in UNAVAILABLE:
        raise ValueError(f"assignment is {assignment!r}; it must be one of {', '.join(UNAVAILABLE)}")
    refuse(UNAVAILABLE[assignment])
    ideas.read(Path("ideas.json"))
    results.begin(Path(f"{assignment}.ipynb"))


def beside(
    test: Callable[[], None], namespace: dict[str, Any], *rights: Mapping[str, Callable[..., Any]]
) -> None:
    """Run a test with right functions beside the one tested, and if that fails, as the notebook stands.

    So a loop is not blamed for a wrong step that it calls; nor is it failed for calling none of them.

    Args:
        test: calls the function that it tests by its name in the namespace.
        namespace: the notebook's globals().
        rights: each name to function, put into the namespace while the test runs; tried in this order. Empty
            in a release.

    Raises:
        CheckFailed: what the test says beside the first right functions, if it always fails.
    """
    failure = None
    for right in [*filter(None, rights), {}]:
        own = {name: namespace[name] for name in right if name in namespace}
        namespace.update(right)
        try:
            return test()
        except CheckFailed as error:
            failure = failure or error
        finally:
            for name in right:
                del namespace[name]
            namespace.update(own)
    if failure:
        raise failure


def picture(*functions: str) -> Callable[[Callable[[], None]], None]:
    """Decorate a function that draws a picture: it is called at once, and not kept.

    A sentence stands in the picture's place where its functions are not written yet, or fail. Where the
    environment variable GENLAB_NO_PICTURES is set, nothing is drawn: `genlab check` and the grader show no
    pictures, which take about as long as all tests together.

    Args:
        functions: the names of the student's functions that the picture calls.
    """

    def drawn(draw: Callable[[], None]) -> None:
        if "GENLAB_NO_PICTURES" in os.environ:
            return
        try:
            draw()
        except Exception as error:
            now = "" if isinstance(error, NotImplementedError) else f" Now: {wording.error(error)}."
            print(f"A picture appears here once this works: {', '.join(functions)}.{now}")

    return drawn

"""What an assignment makes unavailable: a module that would answer its questions in one call."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_SCIPY_STATS = ("scipy.stats", "scipy.signal", "sklearn")  # with scipy.stats go the packages that load it

UNAVAILABLE: dict[str, tuple[str, ...]] = {
    "introduction": (
        "sklearn.naive_bayes",
        "sklearn.discriminant_analysis",
        "sklearn.mixture",
        "genlab.models",
    ),
    "probability": (*_SCIPY_STATS, "genlab.models"),
    "taxonomy": (*_SCIPY_STATS, "hmmlearn", "genlab.models"),
    "gmm-em": (
        *("sklearn.mixture", "sklearn.cluster", "scipy.cluster"),
        *("genlab.models.mixture", "genlab.models._em_steps"),
    ),
    "sampling": (*_SCIPY_STATS, "genlab.sampling"),
    "ethics": ("sklearn.neighbors", "fairlearn"),
}
"""Assignment to the modules that it refuses, each with all that is below it: also genlab's own answers."""


class _Refusal(MetaPathFinder):
    def __init__(self, modules: Sequence[str]) -> None:
        self.modules = tuple(modules)
        self.below = tuple(f"{module}." for module in modules)

    def refuses(self, name: str) -> bool:
        return name.startswith(self.modules) and f"{name}.".startswith(self.below)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if self.refuses(fullname):
            # Not ModuleNotFoundError: `from package import module` would swallow that, and its sentence.
            raise ImportError(
                f"{fullname} is not available in this assignment: it would answer a question in one call. "
                "Write the answer yourself, with NumPy and the rest of SciPy.",
                name=fullname,
            )
        return None


def refuse(modules: Sequence[str]) -> None:
    """Make importing these modules an ImportError that says why, in place of what was refused before.

    Args:
        modules: full names; what is below them is refused too. Modules already loaded are forgotten.
    """
    refusal = _Refusal(modules)
    sys.meta_path[:] = [refusal, *(finder for finder in sys.meta_path if not isinstance(finder, _Refusal))]
    for name in [name for name in sys.modules if refusal.refuses(name)]:
        del sys.modules[name]
        package, _, module = name.rpartition(".")
        if package in sys.modules:
            vars(sys.modules[package]).pop(module, None)

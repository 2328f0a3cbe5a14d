"""The IPython that runs the instructor's cells and the tests: as in a notebook, and nothing is shown."""

import sys
import warnings
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from typing import Any

from IPython.core.compilerop import CachingCompiler
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

from genlab.grading import instructor
from genlab.grading.candidate.respond import Printed

_errors: list[BaseException | None] = []  # that the shell was to show, whoever ran the code


class _Compiler(CachingCompiler):
    """Compiles each statement once: what was kept before a fork is there for every examination."""

    def __init__(self) -> None:
        super().__init__()
        self.trees: dict[Any, Any] = {}
        self.codes: dict[Any, Any] = {}

    def ast_parse(self, source: str, filename: str = "<unknown>", symbol: str = "exec") -> Any:
        """Parse a cell; anew if it will be transformed, which changes the tree."""
        if shell().ast_transformers:
            return super().ast_parse(source, filename, symbol)
        key = source, filename, symbol, self.flags
        if key not in self.trees:
            self.trees[key] = super().ast_parse(source, filename, symbol)
        return self.trees[key]

    def __call__(self, source: Any, filename: str, symbol: str, **options: Any) -> Any:
        """Compile a module; of most, IPython makes one for each statement that it has parsed."""
        statements = getattr(source, "body", None)
        parts = statements if isinstance(statements, list) else [source]
        key = *parts, filename, symbol, self.flags
        if key not in self.codes:
            code = super().__call__(source, filename, symbol, **options)
            self.codes[key] = code, self.flags  # in which a __future__ import stays
        code, self.flags = self.codes[key]
        return code


@cache
def shell() -> Any:
    """The shell of this process."""
    made: Any = InteractiveShell.instance()
    made.compile = _Compiler()
    made.showtraceback = made.showsyntaxerror = lambda *args, **kwargs: _errors.append(sys.exc_info()[1])
    made.enable_gui = lambda *args, **kwargs: None  # of %matplotlib, which nothing shows
    made.transform_cell = instructor.python
    made.should_run_async = cache(made.should_run_async)
    made.history_manager.enabled = False
    return made


def run(source: str, printed: Printed | None = None) -> ExecutionResult:
    """Run a cell.

    Args:
        source: its code.
        printed: takes what it prints.
    """
    printed = printed or Printed()
    with redirect_stdout(printed), redirect_stderr(printed), warnings.catch_warnings():
        _errors.clear()
        result: ExecutionResult = shell().run_cell(source, store_history=False)
        if result.success and _errors:  # a magic ran code of its own, and went on
            result.error_in_exec = _errors[0] or RuntimeError("The test failed.")
        return result


def error(result: ExecutionResult) -> BaseException | None:
    """What ended a cell."""
    return result.error_before_exec or result.error_in_exec


def prepare(sources: Iterable[str]) -> None:
    """Compile cells that will be run, perhaps."""
    made, flags = shell(), shell().compile.flags

    async def nothing(*_: Any, **__: Any) -> bool:
        return False

    made.run_code = nothing
    try:
        for source in sources:
            run(source)
    finally:
        del made.run_code
        made.compile.flags = flags

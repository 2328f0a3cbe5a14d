"""The shell of the tests compiles cells before they are run, and only that."""

import ast
import sys

import pytest

from genlab.grading import shell


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # whose place the shell's takes
    made = shell.shell()
    flags = made.compile.flags
    made.reset(new_session=False)
    yield
    made.compile.flags = flags


def value(source):
    result = shell.run(source)
    assert shell.error(result) is None
    return result.result


def test_what_is_prepared_is_not_run_and_not_compiled_again():
    source = "prepared = 40\nprepared + 2"
    shell.prepare([source])
    assert "prepared" not in shell.shell().user_ns
    assert (kept := dict(shell.shell().compile.codes))
    assert value(source) == 42
    assert value(source) == 42
    assert shell.shell().compile.codes == kept


def test_what_a_cell_makes_of_later_ones_is_heeded():
    class Doubled(ast.NodeTransformer):
        def visit_Constant(self, node):
            return ast.copy_location(ast.Constant(2 * node.value), node)

    source = "3 + 4"
    shell.prepare([source])
    assert value(source) == 7
    shell.shell().ast_transformers.append(Doubled())
    try:
        assert [value(source), value(source)] == [14, 14]
    finally:
        shell.shell().ast_transformers.clear()
    assert value(source) == 7


def test_a_cell_that_was_not_prepared_is_run_too():
    assert value("2 + 3") == 5
    assert value("2 + 4") == 6


def test_a_cell_that_is_no_python_harms_no_other():
    shell.prepare(["1 +", "return", "right = 7\nright"])
    assert isinstance(shell.error(shell.run("1 +")), SyntaxError)
    assert isinstance(shell.error(shell.run("return")), SyntaxError)
    assert value("right = 7\nright") == 7


def test_a_future_import_counts_from_where_it_is_run():
    future = "from __future__ import annotations"
    asks = "def f(x: 1 + 1): pass\nf.__annotations__['x']"
    shell.prepare([asks, future, asks])
    assert value(asks) == 2
    value(future)
    assert value(asks) == "1 + 1"


def test_a_cell_with_await_is_run():
    source = "import asyncio\nawait asyncio.sleep(0, 5)"
    shell.prepare([source])
    assert value(source) == 5


@pytest.mark.parametrize(
    "magic",
    ["%time answer = 6 * 7", "%%time\nanswer = 6\nanswer * 7", "%time 6 * 7", "%timeit -n1 -r1 6 * 7"],
)
def test_magics_that_compile_code_of_their_own_work(magic):
    shell.prepare([magic])
    for _ in range(2):
        assert shell.error(shell.run(magic)) is None
    assert value("%time 6 * 7") == 42

"""What the instructor's notebook says: which names are the student's, and which cells the tests need."""

import ast
import functools
import symtable
from collections.abc import Set
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from genlab.grading.rehearsal import is_test

_NAMING = ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr
_LOOPS = ast.For, ast.comprehension
_GIVING = *_NAMING, *_LOOPS, ast.withitem, ast.FunctionDef


@functools.cache
def python(source: str) -> str:
    """A cell's code with IPython's own notation put into Python."""
    try:
        ast.parse(source)
        return source  # as nearly always, and ten times as fast
    except (SyntaxError, ValueError):
        code: str = TransformerManager().transform_cell(source)
        return code


def is_solution(cell: NotebookNode) -> bool:
    """Say whether a cell is the student's to fill in."""
    return cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution", False)


def students(source: NotebookNode) -> frozenset[str]:
    """The names that are the student's to define, by the instructor's notebook."""
    return frozenset().union(*(defines(cell.source) for cell in source.cells if is_solution(cell)))


@functools.cache
def defines(source: str) -> frozenset[str]:
    """The names that a cell's code binds at the top, other than by importing them."""
    symbols = _symbols(source).get_symbols()
    return frozenset(s.get_name() for s in symbols if s.is_assigned() and not s.is_imported())


@functools.cache
def imports(source: str) -> str:
    """The imports at the top of a cell's code."""
    found = [s for s in _statements(source) if isinstance(s, (ast.Import, ast.ImportFrom))]
    return "\n".join(map(ast.unparse, found))


@functools.cache
def mentions(source: str) -> frozenset[str]:
    """The global names that a cell's code reads, at the top or inside its functions."""
    top = _symbols(source)
    names, tables = set(), [top]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        symbols = (s for s in table.get_symbols() if s.is_referenced())
        names |= {s.get_name() for s in symbols if table is top or s.is_global()}
    return frozenset(names)


def _symbols(source: str) -> symtable.SymbolTable:
    """What the compiler knows of a cell's names; of code that is none, nothing."""
    try:
        return symtable.symtable(python(source), "<cell>", "exec")
    except (SyntaxError, ValueError):
        return symtable.symtable("", "<cell>", "exec")


def _statements(source: str) -> list[ast.stmt]:
    """A cell's statements; of code that is none, nothing."""
    try:
        return ast.parse(python(source)).body
    except (SyntaxError, ValueError):
        return []


@functools.cache
def declares_points(source: str, students: frozenset[str]) -> bool:
    """Say whether a test's last line is an expression that is the test's own, as its points in part must be.

    A value that is a student's answer, or a part of it, is not.
    """
    body = _statements(source)
    if not body or not isinstance(body[-1], ast.Expr) or source.rstrip().endswith(";"):  # shows none
        return False
    given = [_given(node) for node in ast.walk(ast.Module(body, [])) if isinstance(node, _GIVING)]
    suspect = set(students)
    while True:
        taken = [names for values, names in given if any(_carries(value, suspect) for value in values)]
        more = set().union(*taken) - suspect
        if not more:
            return not _carries(body[-1].value, suspect)
        suspect |= more


def _given(node: Any) -> tuple[list[ast.expr], set[str]]:
    """The expressions that a statement gives to names, and these names."""
    if isinstance(node, _NAMING):
        value, targets = node.value, getattr(node, "targets", None) or [getattr(node, "target", None)]
    elif isinstance(node, _LOOPS):
        value, targets = node.iter, [node.target]
    elif isinstance(node, ast.withitem):
        value, targets = node.context_expr, [node.optional_vars]
    else:
        return [n.value for n in ast.walk(node) if isinstance(n, ast.Return) and n.value], {node.name}
    names = {n.id for target in targets if target for n in ast.walk(target) if isinstance(n, ast.Name)}
    return [value] if value else [], names


def _carries(node: ast.AST, suspect: set[str]) -> bool:
    """Whether an expression's value may be a suspect one, as it is: what a test makes of one is not."""
    if isinstance(node, (ast.Compare, ast.BinOp, ast.UnaryOp)):
        return False
    if isinstance(node, ast.IfExp):
        return _carries(node.body, suspect) or _carries(node.orelse, suspect)
    if isinstance(node, ast.Call):
        return _carries(node.func, suspect)
    if isinstance(node, ast.Name):
        return node.id in suspect
    return any(_carries(child, suspect) for child in ast.iter_child_nodes(node))


def needed(source: NotebookNode, tests: dict[str, str], students: Set[str]) -> list[NotebookNode]:
    """The instructor's cells and tests, in order, without the cells that only show what the student wrote.

    Args:
        source: the instructor's notebook.
        tests: the whole source of each test, by name; one that the notebook lacks comes last.
        students: the names that are the student's to define.
    """
    cells, read = [], set().union(*map(mentions, tests.values()))
    known = set()
    for cell in reversed(
        [cell for cell in source.cells if cell.cell_type == "code" and not is_solution(cell)]
    ):
        if is_test(cell):
            known.add(cell.metadata.nbgrader.grade_id)
            if cell.metadata.nbgrader.grade_id in tests:
                cells.append(cell)
        elif not mentions(cell.source) & students or defines(cell.source) & read:
            read |= mentions(cell.source)
            cells.append(cell)
    return cells[::-1]
